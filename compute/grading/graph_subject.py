"""Grading of operations and programs: their computation, other conventions, and known mistakes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.grading.computations import Of, Slot
from compute.grading.explanations import Explanations, Variant, explain
from compute.grading.forms import Expected, describe_expected
from compute.grading.graphs import (
    GradedQuestion,
    GraphComputation,
    GraphPlan,
    Mistake,
    plan_graded,
    rows_of,
)
from compute.graph.graph import Graph
from compute.operations import CATALOGUE
from compute.operations.framework.misconceptions import Misconception, declared_name
from compute.operations.misconceptions import MISCONCEPTIONS
from compute.question.plan import Question, state_conventions

ORIENTATION = "orientation"  # the setting that transposes scores, and masks with them
SCALES = ("1", "1/sqrt(d_k)", "1/sqrt(d)", "1/d_k")
MAX_CONVENTIONS = 40
BASE_ENTRY = 250  # bytes of an array besides its entries, and of its place in a table
MAX_PLACES = 8  # steps that a mistake may be made at, and not at the others


@dataclass(frozen=True, slots=True)
class Accepted:
    """A listed convention of an operation: its settings, the credit, and the question with these settings."""

    settings: Mapping[str, Any]
    credit: Fraction
    question: Question


class GraphSubject:
    """A question about an operation or a program, to be graded.

    known: inputs and given values by name; upstream: upstream gradients by name.
    named: the names of values and of gradients that the rubric mentions; answered: those of the student.
    accepted: the listed conventions.
    """

    def __init__(
        self,
        question: Question,
        known: Mapping[str, Array],
        upstream: Mapping[str, Array],
        named: Iterable[tuple[Of, str]],
        answered: Iterable[tuple[Of, str]] = (),
        accepted: Sequence[Accepted] = (),
    ) -> None:
        mentioned = tuple(dict.fromkeys(Slot(of, name) for of, name in (*named, *answered)))
        names = {slot.name for slot in mentioned}
        self.question = question._replace(select=None, also=tuple(sorted(names)), readings=())
        self._known, self._upstream, self._accepted = known, upstream, accepted
        self._described: dict[Slot, Expected] = {}
        first = plan_graded(GradedQuestion(self.question, mentioned))
        self.rows = {slot.name: rows for slot in mentioned
                     if slot.of == "value" and (rows := rows_of(first.graph, slot.name))}  # fmt: skip
        steps = [Slot("value", row) for rows in self.rows.values() for row in rows]
        self._slots = tuple(dict.fromkeys((*mentioned, *steps)))

    @cached_property
    def plan(self) -> GraphPlan:
        """The plan of the right computation."""
        return plan_graded(GradedQuestion(self.question, self._slots))

    @cached_property
    def computation(self) -> GraphComputation:
        """The right computation."""
        return GraphComputation(self.plan, self._known, self._upstream)

    @property
    def held(self) -> int:
        """Estimate the bytes that it holds once every known mistake has been tried."""
        base = sum(BASE_ENTRY + array.nbytes for array in self.computation.base.values()
                   if isinstance(array, np.ndarray))  # fmt: skip
        return base * (1 + len(self._concerned()) + MAX_CONVENTIONS // 4)

    @property
    def graph(self) -> Graph:
        """The graph of the right computation."""
        return self.plan.graph

    @property
    def conventions(self) -> Mapping[str, Any]:
        """Every setting of the question."""
        return state_conventions(self.graph, self.question)

    def known_names(self) -> Iterable[str]:
        """Return the names of all values, for suggestions."""
        return self.graph.names

    def inputs(self) -> Mapping[str, Array]:
        """Return the inputs and given values, by name."""
        return self._known

    def values(self) -> dict[str, Array]:
        """Return all values that the computation needs, by name."""
        base = self.computation.base
        return {name: base[value.index] for name, value in self.graph.names.items() if value.index in base}

    def has(self, slot: Slot) -> bool:
        """Return whether the question has a value of this name."""
        return slot.name in self.graph.names

    def resolve(self, slot: Slot) -> Slot:
        """Return a slot by its full name: names of values have no short forms."""
        return slot

    def describe(self, slot: Slot) -> Expected:
        """Return the shape and kind of a slot."""
        if slot not in self._described:
            shape = self.computation.results()[slot].shape
            self._described[slot] = describe_expected(self.graph, slot.name, shape)
        return self._described[slot]

    @cached_property
    def explanations(self) -> Explanations:
        """The conventions and mistakes that a student's values are compared with."""
        return Explanations(
            conventions=[*map(self._accept, self._accepted), *self._conventions()],
            mistakes=[self._mistaken(declared) for declared in self._concerned()],
            placed=[
                self._mistaken(declared, place)
                for declared in self._concerned()
                for place in range(self._count_places(declared))
            ],
            combined=self._combine,
        )

    def _accept(self, accepted: Accepted) -> Variant:
        question = accepted.question._replace(also=self.question.also, readings=())
        return Variant(partial(self._build, question), accepted.settings, accepted.credit)

    def _conventions(self) -> Iterator[Variant]:
        """Yield the question with each other choice of its settings."""
        operation = CATALOGUE.get(self.question.operation)
        if operation is None:
            return
        listed = [dict(accepted.settings) for accepted in self._accepted]
        chosen = dict(self.question.attributes)
        count = 0
        for name, field in operation.attributes.items():
            for choice in SCALES if name == "scale" else _choices(field.annotation):
                settings = {name: choice}
                if (
                    choice == chosen.get(name, field.default)
                    or settings in listed
                    or count >= MAX_CONVENTIONS
                ):
                    continue
                count += 1
                attributes = tuple({**chosen, **settings}.items())
                yield Variant(partial(self._build, self.question._replace(attributes=attributes)), settings)

    def _concerned(self) -> list[Misconception]:
        """Return the misconceptions that replace a step of this graph."""
        return [declared for declared in MISCONCEPTIONS.values()
                if declared.steps & self._step_names or declared.primitives & self._primitives]  # fmt: skip

    @cached_property
    def _step_names(self) -> frozenset[str]:
        # The lines of a program replace the name of an operation's output by their own.
        return frozenset({"output", *map(declared_name, self.graph.names)})

    @cached_property
    def _primitives(self) -> frozenset[str]:
        return frozenset(value.primitive.name for value in self.graph.values if value.primitive is not None)

    def _count_places(self, declared: Misconception) -> int:
        """Return the number of steps at which a mistake may be made alone; 0 for a single one."""
        if declared.primitives:
            used = [value.primitive.name for value in self.graph.values if value.primitive is not None]
            count = sum(name in declared.primitives for name in used)
        else:
            count = sum(declared_name(name) in declared.steps for name in self.graph.names)
        return count if 1 < count <= MAX_PLACES else 0

    def _mistaken(self, declared: Misconception, place: int | None = None) -> Variant:
        mistake = Mistake((declared.code,), None if place is None else frozenset([place]))
        return Variant(partial(self._build, self.question, mistake), mistakes=(explain(declared),))

    def _combine(self, variants: Sequence[Variant]) -> Variant:
        mistakes = tuple({one.code: one for variant in variants for one in variant.mistakes}.values())
        mistake = Mistake(tuple([one.code for one in mistakes]))
        return Variant(partial(self._build, self.question, mistake), mistakes=mistakes)

    def _build(self, question: Question, mistake: Mistake | None = None) -> GraphComputation | None:
        try:
            plan = plan_graded(GradedQuestion(question, self._slots, mistake))
        except QuestionErrors:
            return None
        if mistake is not None and not plan.graph.replaced:
            return None
        return GraphComputation(plan, self._known_in(question), self._upstream)

    def _known_in(self, question: Question) -> Mapping[str, Array]:
        """Return the known values of a variant; masks are transposed where the scores are."""
        here, there = (
            dict(each.attributes).get(ORIENTATION, "query_key") for each in (question, self.question)
        )
        operation = CATALOGUE.get(question.operation)
        if operation is None or here == there:
            return self._known
        turned = {
            name for name, declared in operation.inputs.items() if declared.transposed_by == ORIENTATION
        }
        return {
            name: np.swapaxes(array, -1, -2) if name in turned and np.ndim(array) >= 2 else array
            for name, array in self._known.items()
        }


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the choices of a setting's type; none if there are too many to list."""
    if annotation is bool:
        return (False, True)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    choices: list[Any] = []
    for part in get_args(annotation):
        if part is not NoneType:
            choices += _choices(part)
    return tuple(choices)
