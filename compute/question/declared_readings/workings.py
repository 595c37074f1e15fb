"""Each step with its numbers put in, and each gradient by the chain rule."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from compute.graph.graph import Value
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
from compute.readings.reverse_mode import Source
from compute.readings.written_arrays import NotWritten

FIELD = "workings"
WRITING = 50_000  # elementary operations that take as long as writing one formula
HELD = 1_000  # bytes of one formula
VALUE, GRADIENT = "v", "g"
PLACE = re.compile("\x01([vg])(\\d+)\x01")  # of numbers in a template


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


@dataclass(frozen=True, slots=True)
class _Gradient:
    """The chain rule of one gradient.

    terms: by source. templates: the terms with places for numbers; None for those that have none.
    """

    value: Value
    terms: dict[Source, Formula]
    templates: dict[Source, str | None]

    @property
    def formula(self) -> str:
        """The gradient as the sum of its terms."""
        left = gradient_of(write_symbol(self.value, scope_of(self.value)))
        return f"{left.text} = {_sum(term.text for term in self.terms.values())}"

    @property
    def by_name(self) -> dict[str, str]:
        """The terms by the names of their consumers."""
        values = self.value.graph.values
        return {
            source if isinstance(source, str) else str(values[source].name): term.text
            for source, term in self.terms.items()
        }


class _Numbers:
    """The numbers of one run as LaTeX, each written once."""

    def __init__(self, run: Execution) -> None:
        self._run = run
        self._written: dict[str, str] = {}

    def put_in(self, template: str | None) -> str | None:
        """Return a template with numbers in its places; None if they are many."""
        if template is None:
            return None
        try:
            text = PLACE.sub(self._write_place, template)
        except (NoRoom, KeyError):
            return None
        return text if len(text) <= LONGEST else None

    def write_part(self, index: int, source: str) -> str | None:
        """Return the part of a gradient that comes from outside the graph, or to single rows."""
        gradients = self._run.gradients
        try:
            return write_numbers(gradients.contributions.get(index, {}).get(source, gradients.totals[index]))
        except (NoRoom, KeyError):
            return None

    def _write_place(self, match: "re.Match[str]") -> str:
        place = match[0]
        if place not in self._written:
            arrays = self._run.values if match[1] == VALUE else self._run.gradients.totals
            self._written[place] = write_numbers(arrays[int(match[2])])
        return self._written[place]


class _Planned(PlannedReading):
    def __init__(self, planning: Planning) -> None:
        names, known = planning.graph.names, planning.evaluation.known
        self._steps = {
            name: write_step(value, partial(_mark_place, kind=VALUE)).text
            for name, value in _without_aliases(planning.returned, names)
            if not value.is_input and value.index not in known
        }
        self._gradients: dict[str, _Gradient] = {}
        if planning.differentiation is not None:
            for name, value in _without_aliases(planning.differentiated, names):
                terms = write_terms(planning.differentiation, value)
                templates = {source: _write_template(value, source) for source in terms}
                self._gradients[name] = _Gradient(value, terms, templates)
        self.held = HELD * self._count

    @property
    def _count(self) -> int:
        return len(self._steps) + 2 * sum(len(gradient.terms) for gradient in self._gradients.values())

    def predict(self, work: Work) -> Amounts:
        return Amounts(work=WRITING * self._count)

    def run(self, run: Execution) -> Workings:
        numbers = _Numbers(run)
        values = {name: numbers.put_in(template) for name, template in self._steps.items()}
        return Workings(
            {name: text for name, text in values.items() if text is not None},
            {name: _write_gradient(gradient, numbers) for name, gradient in self._gradients.items()},
        )


def _write_gradient(gradient: _Gradient, numbers: _Numbers) -> GradientWorkings:
    parts = [
        numbers.write_part(gradient.value.index, source)
        if isinstance(source, str)
        else numbers.put_in(template)
        for source, template in gradient.templates.items()
    ]
    text = None if None in parts else _sum(filter(None, parts))
    return GradientWorkings(
        formula=gradient.formula,
        terms=gradient.by_name,
        numbers=text if text and len(text) <= LONGEST else None,
    )


def _write_template(value: Value, source: Source) -> str | None:
    """Return a term of a gradient with places for numbers; None if its rule works on single entries."""
    if isinstance(source, str):
        return None
    mark_value, mark_gradient = partial(_mark_place, kind=VALUE), partial(_mark_place, kind=GRADIENT)
    try:
        return pull_back(value.graph.values[source], value, mark_value, mark_gradient).text
    except NotWritten:
        return None


def _mark_place(value: Value, kind: str) -> Formula:
    """Return the place of a value's numbers, or of its gradient's, in a template."""
    return Formula(f"\x01{kind}{value.index}\x01", scalar=not value.shape)


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
