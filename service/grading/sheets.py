"""The sheet of one question: what is graded, and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute.grading.computations import Slot
from compute.grading.reports import Fault
from compute.grading.written import Written
from service.grading.subjects import Subject


@dataclass(frozen=True, slots=True)
class QuestionSheet:
    """One question with its rubric and what was written.

    name: its name in an exam; "" otherwise.
    takes: the slots of earlier questions that its inputs are.
    work: the predicted work of computing it once.
    """

    name: str
    subject: Subject
    fields: Mapping[str, Any]
    written: Mapping[Slot, Written | Fault]
    takes: Mapping[str, Slot]
    work: int

    def inner(self, slot: Slot) -> Slot:
        """Return a slot as the subject knows it."""
        return slot._replace(question="")
