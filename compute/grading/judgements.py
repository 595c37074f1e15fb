"""The parts of a submission that are judged, the rules of marking, and judgements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.comparison import Entries, Tolerance, are_floats
from compute.grading.computations import Slot
from compute.grading.explanations import Explained
from compute.grading.slips import PenSlip

Verdict = Literal["correct", "accepted", "follow_through", "incorrect", "missing", "ungradable"]


@dataclass(frozen=True, slots=True)
class Part:
    """One array to judge: the value of an item, or one step of it.

    half_units: half a unit of the last digit of each entry as written.
    blank: entries that the student's form does not have.
    may_follow: whether it may be right from the student's own earlier values.
    others: returns other readings of the entries, by the name of the form, such as their transpose.
    """

    slot: Slot
    written: Array
    tolerance: Tolerance
    half_units: Callable[[], Array]
    blank: Entries | None = None
    may_follow: bool = True
    others: Callable[[], Mapping[str, Array]] = dict


@dataclass(frozen=True, slots=True)
class Found:
    """A mistake that reproduces a value. certainty: `exact`, or `possible` where few entries agree."""

    mistakes: tuple[Explained, ...]
    certainty: Literal["exact", "possible"]


@dataclass
class Judgement:
    """The judgement of one part.

    right: which entries are right, of those of the nearest expected array.
    credit: the share of the marks that a right value gets.
    follows_from: the slots with slips that it follows from.
    right_in_spite_of: the slots with slips that it would not follow from.
    matched: the settings of the convention that it follows.
    same_as: the slot at which the same convention or mistake was charged.
    largest_absolute, largest_relative: the largest finite deviations from the expected array.
    """

    verdict: Verdict
    right: Entries
    expected: Array
    credit: Fraction = Fraction(1)
    follows_from: list[Slot] = field(default_factory=list)
    right_in_spite_of: list[Slot] = field(default_factory=list)
    matched: Mapping[str, Any] | None = None
    misconceptions: list[Found] = field(default_factory=list)
    slip: PenSlip | None = None
    same_as: Slot | None = None
    flags: list[str] = field(default_factory=list)
    largest_absolute: float | None = None
    largest_relative: float | None = None

    def measure(self, written: Array) -> None:
        """Note the largest deviations of what was written from what was expected."""
        if are_floats(written, self.expected) and written.shape == self.expected.shape:
            with np.errstate(all="ignore"):
                deviation = np.abs(written - self.expected)
                relative = deviation / np.abs(self.expected)
            self.largest_absolute = _largest_finite(deviation)
            self.largest_relative = _largest_finite(relative)


def _largest_finite(sizes: Array) -> float | None:
    finite = sizes[np.isfinite(sizes)]
    return float(finite.max()) if finite.size else None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of marking.

    follow: whether values may follow from a student's own; follow_credit: the credit of those that do.
    trivial_credit: the credit of those that a slip made trivial.
    consistent: whether a value has to follow from the student's own, even if it is the right one.
    infinity_credit: the credit of a large negative number for -infinity.
    precision_credit: the credit of values that were only rounded too far.
    forms: the credit of accepted forms, such as `transposed`.
    """

    follow: bool = True
    follow_credit: Fraction = Fraction(1)
    trivial_credit: Fraction = Fraction(1)
    consistent: bool = False
    infinity_credit: Fraction = Fraction(1)
    precision_credit: Fraction = Fraction(0)
    forms: Mapping[str, Fraction] = field(default_factory=dict)
    find_misconceptions: bool = True
