"""Rubrics: marks for names, and the rules by which they are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from compute.grading.comparison import DEFAULT, Tolerance
from compute.grading.computations import Slot
from compute.grading.judgements import Rules


@dataclass(frozen=True, slots=True)
class Penalty:
    """Points that are taken off once if something occurs: a verdict, a flag, or the code of a mistake."""

    when: str
    points: Fraction


@dataclass(frozen=True, slots=True)
class BestOf:
    """A choice: of these names only so many count, those with the best scores."""

    slots: tuple[Slot, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Rubric:
    """The marks of an answer.

    marks: by slot; without any, one mark for each answered slot.
    optional: slots that are graded if they are answered, and do not count otherwise.
    tolerances: by slot; the default tolerance for others.
    cut: names whose values may not follow from a student's own earlier ones.
    partial: whether a wrong tensor gets marks for its right entries.
    """

    marks: Mapping[Slot, Fraction] = field(default_factory=dict)
    optional: frozenset[Slot] = frozenset()
    tolerances: Mapping[Slot, Tolerance] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    cut: frozenset[str] = frozenset()
    partial: Literal["entries", "none"] = "entries"
    penalties: Sequence[Penalty] = ()
    best_of: Sequence[BestOf] = ()

    def tolerance_of(self, slot: Slot) -> Tolerance:
        """Return the tolerance of one slot."""
        return self.tolerances.get(slot, DEFAULT)
