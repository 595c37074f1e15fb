"""The sheet of one question: what is graded, and what was written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compute.grading.comparison import Tolerance
from compute.grading.computations import Slot
from compute.grading.reports import Fault
from compute.grading.written import Written
from service.grading.rubrics import read_tolerance, read_tolerances
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

    def resolve(self, slot: Slot) -> Slot:
        """Return a slot of the exam by its full name."""
        return self.subject.resolve(self.inner(slot))._replace(question=self.name)

    def tolerances(self, slots: Iterable[Slot]) -> dict[Slot, Tolerance]:
        """Return the tolerance of each of these slots that is of this question."""
        usual = read_tolerance(self.fields["tolerance"])
        own = {self.resolve(Slot("value", name)).name: tolerance
               for name, tolerance in read_tolerances(self.fields).items()}  # fmt: skip
        return {slot: own.get(slot.name, usual) for slot in slots if slot.question == self.name}

    def asked_names(self) -> dict[str, str]:
        """Return the names that the rubric and the student use, by full name, where these differ."""
        names = (*self.fields["marks"], *self.fields["answer"])
        full = {name: self.resolve(Slot("value", name, self.name)).name for name in names}
        return {resolved: name for name, resolved in full.items() if resolved != name}
