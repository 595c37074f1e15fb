"""The results of a verification, as they are reported.

Errors that consist of rounding are reported as bounds: their digits differ from machine to machine.
"""

import math
import sys
from dataclasses import dataclass, field
from typing import Literal

from compute.arithmetic.namespace import Equality

Verdict = Literal["agrees", "disagrees", "inconclusive"]
SMALLEST = 1e-9  # smaller relative errors are reported as this
SHOWN = 9  # significant digits of a slope from differences, counted from the largest


@dataclass(frozen=True, slots=True)
class Symbolic:
    """The symbolic check of gradients of entries that are free symbols.

    verdict: `proved` or `undecided`.
    how: the method, in a sentence.
    """

    verdict: str
    proved: int
    entries: int
    how: str


@dataclass(frozen=True, slots=True)
class Check:
    """A gradient or Jacobian compared with finite differences.

    entries: the number of entries; checked: how many were checked one by one.
    inconclusive: how many of the checked entries allow no verdict.
    largest_relative_error: that of the others, relative to the largest entry of what `relative_to` names.
    at: the index of the largest error or, if the verdict is inconclusive, of the first such entry.
    analytic, numeric, step: the gradient, the slope and the step of the differences at this index.
    reason: why the verdict is not an agreement.
    direction: the verdict on a random direction of all entries, if not all were checked one by one.
    symbolic: the proofs for entries that are free symbols.
    """

    verdict: Verdict
    entries: int
    checked: int
    inconclusive: int
    largest_relative_error: float | None
    relative_to: str | None
    at: list[int] | None
    analytic: float | None
    numeric: float | None
    step: float | None
    reason: str | None = None
    direction: Verdict | None = None
    symbolic: Symbolic | None = None


@dataclass(frozen=True, slots=True)
class JacobianCheck:
    """The check of one Jacobian."""

    of: str
    wrt: str
    check: Check


@dataclass(frozen=True, slots=True)
class Held:
    """The check of an equation that was promised for a value."""

    value: str
    statement: str
    equality: Equality


@dataclass(frozen=True, slots=True)
class Condition:
    """A value that rounding spoils, with the factor by which relative changes on the way to it grow.

    magnification: relative to its largest entry; digits: the decimal digits that are left of that.
    at: the entry with the largest relative change; entry_magnification, entry_digits: the same for it.
    """

    value: str
    magnification: float
    digits: int
    at: list[int]
    entry_magnification: float
    entry_digits: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All results of a verification.

    said: what was done, in sentences.
    point: the numbers that replaced free symbols.
    """

    said: list[str]
    gradients: dict[str, Check] = field(default_factory=dict)
    jacobians: list[JacobianCheck] = field(default_factory=list)
    invariants: list[Held] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    point: dict[str, str] = field(default_factory=dict)


def round_up(number: float, least: float = 0.0) -> float:
    """Round a number up to one significant digit; to `least` if it is smaller."""
    if not math.isfinite(number):
        return number
    if number <= least:
        return least
    exponent = max(math.floor(math.log10(number)), sys.float_info.min_10_exp)
    digit = max(math.ceil(number / 10.0**exponent - 1e-6), 1)
    return min(float(f"{digit}e{exponent}"), sys.float_info.max)


def round_for_display(number: float, beside: float) -> float:
    """Round a number to the digits that are reliable next to a number of size `beside`."""
    if not (math.isfinite(number) and math.isfinite(beside) and beside > 0):
        return number
    return round(number, SHOWN - 1 - math.floor(math.log10(beside))) + 0.0
