"""Comparison of a student's entries with expected ones, entry by entry."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from compute.arithmetic.namespace import Array

Entries: TypeAlias = Array
"""Booleans, one for each entry."""
DUST = 1e-12  # of the largest entry: what rounding leaves of a zero
HALF = 0.51  # of a unit: half, and 2 % for binary fractions such as 0.125
LARGE_NEGATIVE = -1e4  # a number that stands for -infinity in a mask
ZERO_DIGITS = 1e-9  # the allowed error of a zero that is asked for in significant digits
DEFAULT_RELATIVE, DEFAULT_ABSOLUTE = 0.01, 0.001
DIGITS_AGREE = 1e-8  # relative difference of numbers that agree to eight digits
ENOUGH_ENTRIES = 4  # independent entries that leave no doubt


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The allowed deviation of an entry from the expected one: the largest of those that are set.

    absolute: a number; relative: a share of the expected entry.
    decimals: right to so many decimals; significant_digits: right to so many digits of the expected entry.
    Without any of them: 1 % of the entry, or 0.001 of the largest entry.
    """

    absolute: float | None = None
    relative: float | None = None
    decimals: int | None = None
    significant_digits: int | None = None

    @property
    def is_default(self) -> bool:
        """True if nothing is set."""
        return self == DEFAULT

    def allowed(self, expected: Array) -> Array:
        """Return the allowed deviation of each entry."""
        size: Array = np.abs(expected)
        largest = float(size.max(initial=0.0))
        if not largest < np.inf:  # infinite or NaN entries have no size
            size = np.where(np.isfinite(size), size, 0.0)
            largest = float(size.max(initial=0.0))
        if self.is_default:
            return np.asarray(np.maximum(DEFAULT_RELATIVE * size, DEFAULT_ABSOLUTE * largest))
        bounds = np.full(expected.shape, DUST * largest)
        if self.absolute is not None:
            bounds = np.maximum(bounds, self.absolute)
        if self.relative is not None:
            bounds = np.maximum(bounds, self.relative * size)
        if self.decimals is not None:
            bounds = np.maximum(bounds, HALF * 10.0**-self.decimals)
        if self.significant_digits is not None:
            bounds = np.maximum(bounds, self._digit_bounds(size, largest))
        return bounds

    def _digit_bounds(self, size: Array, largest: float) -> Array:
        assert self.significant_digits is not None
        is_zero = size <= DUST * largest
        magnitude = np.floor(np.log10(np.where(is_zero, 1.0, size)))
        unit = 10.0 ** (magnitude - self.significant_digits + 1)
        return np.where(is_zero, ZERO_DIGITS if self.absolute is None else self.absolute, HALF * unit)

    def describe(self) -> dict[str, Any]:
        """Return the tolerance as an answer states it."""
        if self.is_default:
            return {"relative": DEFAULT_RELATIVE, "absolute": f"{DEFAULT_ABSOLUTE} of the largest entry"}
        fields = {
            "absolute": self.absolute, "relative": self.relative, "decimals": self.decimals,
            "significant_digits": self.significant_digits,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value is not None}


DEFAULT = Tolerance()


def are_floats(*arrays: Array) -> bool:
    """Return whether all arrays hold floating-point numbers."""
    return all(array.dtype == np.float64 for array in arrays)


def find_right(written: Array, expected: Array, allowed: Array) -> Entries:
    """Return which entries are right. NaN equals NaN, and an infinity equals one of its sign."""
    if bool in (written.dtype, expected.dtype):
        return np.asarray(written == expected, dtype=bool)
    with np.errstate(all="ignore"):
        near = np.abs(written - expected) <= allowed
    finite = np.isfinite(expected)
    if not finite.all():
        same = (written == expected) | (np.isnan(written) & np.isnan(expected))
        near = near & finite | same
    return np.asarray(near, dtype=bool)


def stands_for_infinity(written: Array, expected: Array) -> Entries:
    """Return which entries are a large negative number in the place of -infinity, as code often has."""
    return np.asarray((expected == -np.inf) & (written <= LARGE_NEGATIVE), dtype=bool)


def differs(first: Array, second: Array, allowed: Array, factor: float = 1.0) -> bool:
    """Return whether two results differ somewhere by more than a multiple of the allowed deviation."""
    if first.shape != second.shape:
        return True
    return not bool(find_right(first, second, factor * allowed).all())


def is_certain(written: Array, expected: Array) -> bool:
    """Return whether an agreement can hardly be chance: in four different entries, or in eight digits.

    Expressions with a symbol agree for all its values.
    """
    if written.dtype == bool:
        return False
    if object in (written.dtype, expected.dtype):
        if any(getattr(entry, "free_symbols", ()) for entry in written.flat):
            return True
        try:
            written, expected = written.astype(np.float64), expected.astype(np.float64)
        except (TypeError, ValueError, OverflowError):  # not real numbers
            return False
    finite = written[np.isfinite(written)]
    if len(np.unique(np.round(np.abs(finite), 12))) >= ENOUGH_ENTRIES:
        return True
    with np.errstate(all="ignore"):
        close = np.abs(written - expected) <= DIGITS_AGREE * np.abs(expected)
    whole = written == np.round(written)
    return bool(close.all() and not whole.all() and finite.size)


class Undecided(Exception):
    """Nobody could decide whether two expressions are equal."""


class Numbers(Protocol):
    """The comparison of entries in one kind of arithmetic."""

    def allowed(self, expected: Array, tolerance: Tolerance) -> Array:
        """Return the allowed deviation of each entry."""

    def right(self, written: Array, expected: Array, allowed: Array) -> Entries:
        """Return which entries are right. Raises Undecided."""


class Floats:
    """The comparison of floating-point numbers, and of booleans."""

    def allowed(self, expected: Array, tolerance: Tolerance) -> Array:
        """Return the allowed deviation of each entry."""
        if expected.dtype == bool:
            return np.zeros(expected.shape)
        return tolerance.allowed(np.asarray(expected, dtype=np.float64))

    def right(self, written: Array, expected: Array, allowed: Array) -> Entries:
        """Return which entries are right."""
        return find_right(written, expected, allowed)


FLOATS = Floats()
