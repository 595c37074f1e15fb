"""Measures of difficulty: the digits, signs, zeros and sizes of numbers."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array

CLOSE = 1e-11  # relative: what rounding of floats leaves
FEW = 6  # significant digits; numbers with more are long, such as roots and quotients


class Measures(NamedTuple):
    """Measures of some numbers.

    significant_digits: the most of any number with at most `FEW`; long: how many have more.
    largest, smallest: of the magnitudes of nonzero finite numbers; 0 without any.
    """

    entries: int
    significant_digits: int
    long: int
    negative: int
    zero: int
    largest: float
    smallest: float


def count_digits(number: float) -> int:
    """Return the significant digits of a number that is rounded to 12 of them; 0 for 0."""
    mantissa, _, _ = f"{abs(number):.11e}".partition("e")
    return len(mantissa.replace(".", "").rstrip("0"))


def measure(arrays: Iterable[Array]) -> Measures:
    """Measure all entries of some arrays."""
    flat = np.concatenate([np.zeros(0), *(np.asarray(array, dtype=float).reshape(-1) for array in arrays)])
    finite = flat[np.isfinite(flat)]
    digits = [count_digits(number) for number in finite.tolist()]
    few = [count for count in digits if count <= FEW]
    sizes = np.abs(finite[finite != 0])
    return Measures(
        entries=flat.size,
        significant_digits=max(few, default=0),
        long=len(digits) - len(few),
        negative=int((finite < 0).sum()),
        zero=int((finite == 0).sum()),
        largest=float(sizes.max(initial=0.0)),
        smallest=float(sizes.min()) if sizes.size else 0.0,
    )


def has_few_digits(array: Array, digits: int) -> bool:
    """Return whether every entry is finite and has at most so many significant digits."""
    if not np.isfinite(array).all():
        return False
    sizes = np.abs(array[array != 0])
    mantissas = sizes / 10.0 ** np.floor(np.log10(sizes)) * 10.0 ** (digits - 1)
    return bool((np.abs(mantissas - np.round(mantissas)) <= CLOSE * mantissas).all())


def as_fields(measures: Measures) -> dict[str, Any]:
    """Return measures as fields of an answer."""
    return measures._asdict()
