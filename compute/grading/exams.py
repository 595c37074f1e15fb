"""Exams: several computations, of which later ones take values of earlier ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from compute.arithmetic.namespace import Array
from compute.grading.computations import Computation, Slot
from compute.grading.explanations import Explanations, Variant


@dataclass(frozen=True)
class ExamQuestion:
    """One question of an exam.

    takes: the slot of an earlier question that each of these inputs is.
    """

    name: str
    computation: Computation
    takes: Mapping[str, Slot]

    def own(self, slot: Slot) -> Slot:
        """Return one of its slots as its computation knows it."""
        return slot._replace(question="")

    def outer(self, slot: Slot) -> Slot:
        """Return a slot of its computation as the exam knows it."""
        return slot._replace(question=self.name)


class ExamComputation(Computation):
    """The computations of all questions, in order."""

    def __init__(self, questions: Sequence[ExamQuestion]) -> None:
        self.questions = {question.name: question for question in questions}
        self.slots = tuple(
            question.outer(slot) for question in questions for slot in question.computation.slots
        )
        self._results: dict[Slot, Array] | None = None

    def results(self) -> Mapping[Slot, Array]:
        """Return the result of every slot."""
        if self._results is None:
            self._results = {}
            for question in self.questions.values():
                computation = self._with_inputs(question, self._results)
                self._results |= {
                    question.outer(slot): array for slot, array in computation.results().items()
                }
        return self._results

    def sweep(self, replace: Callable[[Slot, Array], Array]) -> None:
        """Compute all slots in order. Each is passed to `replace`, whose result stands in its place."""
        known: dict[Slot, Array] = {}
        for question in self.questions.values():

            def put(slot: Slot, computed: Array, question: ExamQuestion = question) -> Array:
                outer = question.outer(slot)
                known[outer] = replace(outer, computed)
                return known[outer]

            self._with_inputs(question, known).sweep(put)

    def expected(self, slot: Slot, replaced: Mapping[Slot, Array]) -> Array:
        """Return the result of a slot if others have these arrays in their places."""
        question = self.questions[slot.question]
        taken = {
            source: replaced[source] if source in replaced else self.expected(source, replaced)
            for source in question.takes.values()
        }
        inner = {question.own(other): array for other, array in replaced.items()
                 if other.question == slot.question}  # fmt: skip
        return self._with_inputs(question, taken).expected(question.own(slot), inner)

    def affects(self, slot: Slot, replaced: frozenset[Slot]) -> bool:
        """Return whether steps that were replaced by a mistake can change a slot, with others replaced."""
        question = self.questions[slot.question]
        inner = frozenset(question.own(other) for other in replaced if other.question == slot.question)
        if question.computation.affects(question.own(slot), inner):
            return True
        return any(
            self.affects(source, replaced) for source in question.takes.values() if source not in replaced
        )

    def depends(self, slot: Slot, on: Slot) -> bool:
        """Return whether a slot depends on another one."""
        question = self.questions[slot.question]
        if on.question == slot.question:
            return question.computation.depends(question.own(slot), question.own(on))
        return any(source == on or self.depends(source, on) for source in question.takes.values())

    def with_inputs(self, inputs: Mapping[str, Array]) -> "ExamComputation":
        """Return the exam with other inputs of its questions, by names such as `1a.x`."""
        questions = []
        for question in self.questions.values():
            prefix = f"{question.name}."
            own = {name.removeprefix(prefix): array for name, array in inputs.items()
                   if name.startswith(prefix)}  # fmt: skip
            questions.append(replace(question, computation=question.computation.with_inputs(own)))
        return ExamComputation(questions)

    def with_computation(self, name: str, computation: Computation) -> "ExamComputation":
        """Return the exam with another computation of one question."""
        questions = {**self.questions, name: replace(self.questions[name], computation=computation)}
        return ExamComputation(list(questions.values()))

    def explanations(self, by_question: Mapping[str, Explanations]) -> Explanations:
        """Return the explanations of all questions, as computations of the exam."""

        def within(name: str, variants: Sequence[Variant]) -> list[Variant]:
            return [replace(variant, build=partial(self._build, name, variant)) for variant in variants]

        explained = by_question.items()
        return Explanations(
            conventions=[one for name, each in explained for one in within(name, each.conventions)],
            mistakes=[one for name, each in explained for one in within(name, each.mistakes)],
            placed=[one for name, each in explained for one in within(name, each.placed)],
        )

    def _build(self, name: str, variant: Variant) -> Computation | None:
        computation = variant.computation
        return None if computation is None else self.with_computation(name, computation)

    def _with_inputs(self, question: ExamQuestion, known: Mapping[Slot, Array]) -> Computation:
        if not question.takes:
            return question.computation
        return question.computation.with_inputs({name: known[slot] for name, slot in question.takes.items()})
