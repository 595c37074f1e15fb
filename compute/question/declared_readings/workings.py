"""Each step with its numbers put in, and each gradient by the chain rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from compute.arithmetic.namespace import Array
from compute.graph.graph import Value
from compute.graph.primitive import REGISTRY
from compute.graph.steps import step_values
from compute.latex import Formula
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.readings.chain_rule import gradient_of, pull_back, write_terms
from compute.readings.described import described
from compute.readings.formulas import LONGEST, scope_of, write_step, write_symbol
from compute.readings.numbers import NoRoom, write_numbers
from compute.readings.orientation import COLUMN, find_orientations
from compute.readings.reverse_mode import Source
from compute.readings.written_arrays import NotWritten, keeps_rows

FIELD = "workings"
WRITING = 50_000  # elementary operations that take as long as writing one formula
HELD = 1_000  # bytes of one formula
CUT = r"\dots"


@dataclass(frozen=True, slots=True)
class GradientWorkings:
    """A gradient by the chain rule."""

    formula: str = described("The gradient as the sum of its terms, in LaTeX.")
    terms: dict[str, str] = described("The terms by the consumers of the value, in LaTeX.")
    numbers: str | None = described("The sum with its numbers put in, if they are few.", default=None)


@dataclass(frozen=True, slots=True)
class Workings:
    """The steps of an answer with their numbers put in."""

    values: dict[str, str] = described(
        "The right side of each step's formula with its numbers put in, in LaTeX; steps with large arrays are"
        " left out. Floats have four significant digits."
    )
    gradients: dict[str, GradientWorkings] = described("The chain rule of each gradient.")


class _Planned(PlannedReading):
    def __init__(self, planning: Planning) -> None:
        names, known = planning.graph.names, planning.evaluation.known
        self._steps = {
            name: value
            for name, value in _without_aliases(planning.returned, names)
            if not value.is_input and value.index not in known
        }
        self._gradients: dict[str, tuple[Value, dict[Source, Formula]]] = {}
        if planning.differentiation is not None:
            self._gradients = {
                name: (value, write_terms(planning.differentiation, value))
                for name, value in _without_aliases(planning.differentiated, names)
            }
        self._orientations = find_orientations(planning.graph)
        self.held = HELD * self._count

    @property
    def _count(self) -> int:
        terms = sum(len(terms) for _, terms in self._gradients.values())
        return len(self._steps) + 2 * terms

    def predict(self, work: Work) -> Amounts:
        return Amounts(work=WRITING * self._count)

    def run(self, run: Execution) -> Workings:
        values = {name: self._put_in(value, run.values) for name, value in self._steps.items()}
        return Workings(
            {name: text for name, text in values.items() if text is not None},
            {
                name: self._write_gradient(value, terms, run)
                for name, (value, terms) in self._gradients.items()
            },
        )

    def _write_gradient(
        self, value: Value, terms: Mapping[Source, Formula], run: Execution
    ) -> GradientWorkings:
        left = gradient_of(write_symbol(value, scope_of(value)))
        graph = value.graph
        named = {
            source if isinstance(source, str) else str(graph.values[source].name): term.text
            for source, term in terms.items()
        }
        numbers = [self._put_into_term(value, source, run) for source in terms]
        text = None if None in numbers else _sum(filter(None, numbers))
        total = _sum(named.values())
        return GradientWorkings(
            formula=f"{left.text} = {total if len(total) <= LONGEST else CUT}",
            terms=named,
            numbers=text if text and len(text) <= LONGEST else None,
        )

    def _put_into_term(self, value: Value, source: Source, run: Execution) -> str | None:
        """Return a term of a gradient with its numbers put in; None if it cannot be written."""
        totals = run.gradients.totals
        try:
            if isinstance(source, str):
                array = run.gradients.contributions.get(value.index, {}).get(source, totals[value.index])
                return self._write_array(array, value).text
            consumer = value.graph.values[source]
            self._check(consumer)
            self._is_column(value)
            write_value = partial(self._write_entries, arrays=run.values)
            return pull_back(consumer, value, write_value, partial(self._write_entries, arrays=totals)).text
        except (NoRoom, NotWritten, KeyError):
            return None

    def _put_in(self, value: Value, arrays: Mapping[int, Array]) -> str | None:
        """Return the right side of a step with its numbers put in; None if they are many."""
        try:
            self._check(value)
            text = write_step(value, partial(self._write_entries, arrays=arrays)).text
        except NoRoom:
            return None
        return text if len(text) <= LONGEST else None

    def _write_entries(self, value: Value, arrays: Mapping[int, Array]) -> Formula:
        if value.index not in arrays:
            raise NoRoom
        return self._write_array(arrays[value.index], value)

    def _write_array(self, array: Array, value: Value) -> Formula:
        """Return a value or its gradient."""
        return write_numbers(array, is_column=self._is_column(value))

    def _is_column(self, value: Value) -> bool:
        """Raise NoRoom if the value is needed both as a row and as a column."""
        orientations = self._orientations.get(value.index, set())
        if len(orientations) > 1:
            raise NoRoom
        return COLUMN in orientations

    def _check(self, value: Value) -> None:
        """Raise NoRoom if numbers do not fit into the formula of a step, which does not mention all axes.

        They do not if entries move to another row of a matrix, except for sums of all entries.
        """
        values = step_values(value)
        for inner in values:
            self._is_column(inner)
            if inner.primitive is REGISTRY["reshape"] and not keeps_rows(inner.inputs[0].shape, inner.shape):
                consumers = [other for other in values if inner in other.inputs]
                if not consumers or any(other.primitive is not REGISTRY["sum_over"] for other in consumers):
                    raise NoRoom


def _without_aliases(listed: Iterable[str], names: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Yield the first name of each value, with the value."""
    seen: set[int] = set()
    for name in listed:
        if names[name].index not in seen:
            seen.add(names[name].index)
            yield name, names[name]


def _sum(terms: Iterable[str]) -> str:
    """Return the sum of terms; a term that starts with a minus sign is subtracted."""
    text = " + ".join(terms)
    return text.replace("+ -", "- ")


class WorkingsReading(Reading):
    """Each step with its numbers put in, and each gradient by the chain rule."""

    field = RequestField(
        FIELD,
        bool,
        False,
        "Whether to return each step with its numbers put in, and each gradient by the chain rule.",
        "ShowWorkings",
    )
    part = AnswerPart(FIELD, Workings, "The steps with their numbers put in, if `workings` is true.")

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        return _Planned(planning)
