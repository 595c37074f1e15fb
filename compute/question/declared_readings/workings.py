"""Each step with its numbers put in, and each gradient by the chain rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from compute.arithmetic.namespace import Array
from compute.graph.graph import Value
from compute.graph.primitive import REGISTRY
from compute.graph.steps import step_values
from compute.latex import Formula, add_latex
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
        numbers = _Numbers(run, self._orientations)
        values = {name: numbers.put_into_step(value) for name, value in self._steps.items()}
        return Workings(
            {name: text for name, text in values.items() if text is not None},
            {
                name: _write_gradient(value, terms, numbers)
                for name, (value, terms) in self._gradients.items()
            },
        )


def _write_gradient(value: Value, terms: Mapping[Source, Formula], numbers: "_Numbers") -> GradientWorkings:
    left = gradient_of(write_symbol(value, scope_of(value)))
    graph = value.graph
    total = _add(terms.values())
    parts = [numbers.put_into_term(value, source) for source in terms]
    known = [part for part in parts if part is not None]
    text = _add(known) if len(known) == len(parts) else ""
    return GradientWorkings(
        formula=f"{left.text} = {total if len(total) <= LONGEST else CUT}",
        terms={
            source if isinstance(source, str) else str(graph.values[source].name): term.text
            for source, term in terms.items()
        },
        numbers=text if text and len(text) <= LONGEST else None,
    )


class _Numbers:
    """The numbers of one run, each written once. orientations: those of vectors, by index."""

    def __init__(self, run: Execution, orientations: Mapping[int, set[str]]) -> None:
        self._run, self._orientations = run, orientations
        self._values: dict[int, Formula] = {}
        self._gradients: dict[int, Formula] = {}

    def put_into_step(self, value: Value) -> str | None:
        """Return the right side of a step with its numbers put in; None if they are many."""
        try:
            self._check(value)
            text = write_step(value, self._write_value).text
        except NoRoom:
            return None
        return text if len(text) <= LONGEST else None

    def put_into_term(self, value: Value, source: Source) -> Formula | None:
        """Return a term of a gradient with its numbers put in; None if it cannot be written."""
        gradients = self._run.gradients
        try:
            if isinstance(source, str):
                array = gradients.contributions.get(value.index, {}).get(
                    source, gradients.totals[value.index]
                )
                return self._write(array, value)
            consumer = value.graph.values[source]
            self._check(consumer)
            self._check_orientation(value)
            return pull_back(consumer, value, self._write_value, self._write_gradient)
        except (NoRoom, NotWritten, KeyError):
            return None

    def _write_value(self, value: Value) -> Formula:
        return self._write_once(value, self._run.values, self._values)

    def _write_gradient(self, value: Value) -> Formula:
        return self._write_once(value, self._run.gradients.totals, self._gradients)

    def _write_once(self, value: Value, arrays: Mapping[int, Array], written: dict[int, Formula]) -> Formula:
        if value.index not in written:
            if value.index not in arrays:
                raise NoRoom
            written[value.index] = self._write(arrays[value.index], value)
        return written[value.index]

    def _write(self, array: Array, value: Value) -> Formula:
        """Return a value or its gradient. Raises NoRoom."""
        self._check_orientation(value)
        return write_numbers(array, is_column=COLUMN in self._orientations.get(value.index, ()))

    def _check_orientation(self, value: Value) -> None:
        """Raise NoRoom if the value is needed both as a row and as a column."""
        if len(self._orientations.get(value.index, ())) > 1:
            raise NoRoom

    def _check(self, value: Value) -> None:
        """Raise NoRoom if numbers do not fit into the formula of a step, which does not mention all axes.

        They do not if entries move to another row of a matrix, except for sums of all entries.
        """
        values = step_values(value)
        for inner in values:
            self._check_orientation(inner)
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


def _add(terms: Iterable[Formula]) -> str:
    """Return the sum of terms."""
    return reduce(add_latex, terms).text


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
