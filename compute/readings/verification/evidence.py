"""What a verification found, as it is said.

Numbers that rounding decides are shown by a bound: what is evidence is how small an error is, and its digits
differ from machine to machine.
"""

import math
import sys
from dataclasses import dataclass, field
from typing import Literal

from compute.arithmetic.namespace import Equality

Verdict = Literal["agrees", "disagrees", "inconclusive"]
SMALLEST = 1e-9  # relative errors below this are shown as this
SHOWN = 9  # significant digits of a slope from differences, counted from the largest


@dataclass(frozen=True, slots=True)
class Symbolic:
    """What was shown of entries that are free symbols: how many of them, and in how many cases.

    verdict: `proved` or `undecided`; how: in a sentence.
    """

    verdict: str
    proved: int
    entries: int
    how: str


@dataclass(frozen=True, slots=True)
class Check:
    """A gradient or Jacobian beside slopes from differences.

    entries: how many there are; checked: how many of them one by one; inconclusive: of how many of these
    nothing can be said; largest_relative_error: of the others, beside the largest entry of what `relative_to`
    says; at: the index that analytic, numeric and step are of: of the largest error, or of the first entry of
    which nothing can be said where that is the verdict; reason: why it is no agreement; direction: the
    verdict on one random direction in which all entries take part, where not all were checked one by one.
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
    """Whether an equation that was promised of a value holds."""

    value: str
    statement: str
    equality: Equality


@dataclass(frozen=True, slots=True)
class Condition:
    """A value that rounding spoils: how many times a relative change of all that it is made of comes out
    larger.

    magnification: beside the largest entry; digits: how many decimal digits of that are certain; at: the
    entry that changes most beside itself; entry_magnification, entry_digits: the same for it.
    """

    value: str
    magnification: float
    digits: int
    at: list[int]
    entry_magnification: float
    entry_digits: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found. point: numbers that stood for free symbols; said: what was done, in sentences."""

    said: list[str]
    gradients: dict[str, Check] = field(default_factory=dict)
    jacobians: list[JacobianCheck] = field(default_factory=list)
    invariants: list[Held] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    point: dict[str, str] = field(default_factory=dict)


def bounded(number: float, least: float = 0.0) -> float:
    """A number rounded up to one significant digit, or the least that is told apart."""
    if not math.isfinite(number):
        return number
    if number <= least:
        return least
    exponent = max(math.floor(math.log10(number)), sys.float_info.min_10_exp)
    digit = max(math.ceil(number / 10.0**exponent - 1e-6), 1)
    return min(float(f"{digit}e{exponent}"), sys.float_info.max)


def shown(number: float, beside: float) -> float:
    """A number to so many digits as are told apart beside another; a whole digit more would be rounding."""
    if not (math.isfinite(number) and math.isfinite(beside) and beside > 0):
        return number
    return round(number, SHOWN - 1 - math.floor(math.log10(beside))) + 0.0
