"""An answer: everything asked of a question, as arrays under their names."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.dimensions import product, shape_to_json
from compute.errors import Path, QuestionError, QuestionErrors, UnfitEntries, at, describe_entry
from compute.graph.graph import Graph, Value, nearest_names
from compute.question.declared_readings.declaration import PlannedReading, Reading, Run
from compute.question.limits import Limits, check_limits
from compute.question.plan_bytes import differentiation_bytes, evaluation_bytes, graph_bytes
from compute.question.sent_values import largest, number, sent_arrays
from compute.readings.cost import TotalCost, count_cost
from compute.readings.evaluation import Evaluation
from compute.readings.formulas import write_formula
from compute.readings.notes import Note, mask_notes, observe
from compute.readings.reverse_mode import Differentiation, Gradients, by_consumer


@dataclass(frozen=True, slots=True)
class Answer:
    """The results by name; names of one value hold one array.

    spoiled: the names of values with entries that are not finite.
    parts: the results of declared readings, by the name of their part.
    """

    values: dict[str, Array]
    gradients: dict[str, Array]
    contributions: dict[str, dict[str, Array]]
    notes: list[Note]
    spoiled: Set[str]
    spoiled_gradients: Set[str]
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepDescription:
    """How one named value comes about; sizes that nothing says are dimension names."""

    name: str
    formula: str
    inputs: list[str]
    axes: list[str]
    shape: list[int | str]
    meaning: str


@dataclass
class Plan:
    """The plans for one kind of question, and what can be said of it before there are entries.

    returned: names of the values to send back; differentiated: of the gradients; selected: of all that is
    asked for; unknown: of what cannot be reached from what is given; stepped: of those with a step.
    predicted: what an answer will take.
    readings: the declared readings that it holds beside values and gradients, in the order in which they run.
    rendered: room for what a caller derives from these and wants to keep with them. inputs_at: the field
    that inputs stand in, if they have one.
    """

    graph: Graph
    evaluation: Evaluation
    differentiation: Differentiation | None
    readings: list[tuple[Reading, PlannedReading]]
    returned: list[str]
    differentiated: list[str]
    selected: list[str]
    unknown: list[str]
    stepped: list[str]
    conventions: dict[str, Any]
    notes: list[Note]
    predicted: Limits
    rendered: dict[str, bytes] = field(default_factory=dict)
    inputs_at: Path = ()

    def __post_init__(self) -> None:
        self._watched = [value.index for value in self.evaluation.sentinels()]

    @property
    def held(self) -> int:
        """An estimate of the bytes of the plan and of all that its answers will add to it."""
        held = graph_bytes(self.graph, len(self.stepped)) + evaluation_bytes(self.evaluation)
        if self.differentiation is not None:
            held += differentiation_bytes(self.differentiation)
        return held + sum(reading.held for _, reading in self.readings)

    @property
    def arrays(self) -> int:
        """The number of arrays that an answer holds."""
        return (
            len(self.returned)
            + len(self.differentiated)
            + sum(1 for _, one in self.readings for _ in one.sent())
        )

    @cached_property
    def steps(self) -> list[StepDescription]:
        """How each value that is computed comes about; written where it is asked for."""
        return [describe_step(name, self.graph.names[name]) for name in self.stepped]

    @cached_property
    def cost(self) -> TotalCost:
        """What it costs to compute the values; counted where it is asked for."""
        return count_cost(self.graph, {value.index for value in self.evaluation.computed_values()})

    def parameters(self) -> list[str]:
        """The names of the inputs that are trainable."""
        return [str(value.name) for value in self.graph.named_values() if value.is_parameter]

    def check(self, limits: Limits) -> None:
        """Raise QuestionErrors with TooLarge where the answer would take more than is allowed."""
        check_limits(self.predicted, limits, fewer=lambda: fewer_names(self))

    def sent(self) -> Iterator[tuple[str, int]]:
        """How many numbers are sent back, by the names that they come with."""
        arrays = sent_arrays(self.graph, self.returned, self.differentiation, self.differentiated)
        yield from ((name, number(product(shape))) for name, shape in arrays)
        for _, reading in self.readings:
            yield from reading.sent()

    def answer(
        self,
        inputs: Mapping[str, Array],
        given: Mapping[str, Array],
        upstream: Mapping[str, Array],
        tensors: Mapping[str, Mapping[str, Array]] | None = None,
    ) -> Answer:
        """Compute everything asked, for entries of the prepared shapes.

        tensors: the arrays that the fields of declared readings hold, by field and path.

        Raises QuestionErrors if a step rejects an entry, or if two names of one value are given with
        different entries.
        """
        names = self.graph.names
        known = {names[name].index: array for name, array in inputs.items()}
        known |= self._given(given)
        self._check_given(given)
        found = Gradients({}, {}, {})
        results: dict[str, Any] = {}
        more_notes: list[Note] = []
        self.evaluation.arithmetic.begin()
        with np.errstate(all="ignore"):
            try:
                values = self.evaluation.run(known)
            except UnfitEntries as fault:
                if fault.name in given:
                    raise fault.within("given") from None
                if fault.name in inputs:
                    raise fault.within(*self.inputs_at) from None
                raise fault.computed(*(("program",) if self.inputs_at else ())) from None
            seeds = self._seeds(upstream)
            if self.differentiation is not None:
                found = self.differentiation.run(values, seeds)
            observed = observe(self.evaluation, values, self._watched, self.differentiation, found)
            run = Run(known, values, seeds, found, observed, {}, results)
            for reading, planned in self.readings:
                result = planned.run(replace(run, tensors=(tensors or {}).get(reading.field.name, {})))
                if reading.part is None:
                    more_notes += result
                else:
                    results[reading.part.name] = result
        parts = {names[name].index for name in self.differentiated} & found.contributions.keys()
        contributions = {index: by_consumer(self.graph, found.contributions[index]) for index in parts}
        return Answer(
            values={name: values[names[name].index] for name in self.returned},
            gradients={name: found.totals[names[name].index] for name in self.differentiated},
            contributions={
                name: contributions[names[name].index]
                for name in self.differentiated
                if names[name].index in contributions
            },
            notes=[*self.notes, *mask_notes(self.graph, values), *observed.notes, *more_notes],
            spoiled=self._with_aliases(observed.spoiled),
            spoiled_gradients=self._with_aliases(observed.spoiled_gradients),
            parts=results,
        )

    def _given(self, given: Mapping[str, Array]) -> dict[int, Array]:
        """Given entries by the index of their value."""
        found: dict[int, tuple[str, Array]] = {}
        for name, array in given.items():
            first, taken = found.setdefault(self.graph.names[name].index, (name, array))
            if taken is not array and not _same_entries(taken, array):
                message = f"{name} and {first} are one value here, and are given with different entries"
                differing = np.asarray(taken != array, dtype=bool)
                if array.dtype.kind == "f":
                    differing &= ~(np.isnan(taken) & np.isnan(array))
                received = describe_entry(array, differing)
                raise at(("given", name), message, describe_entry(taken, differing), received)
        return {index: array for index, (_, array) in found.items()}

    def _check_given(self, given: Mapping[str, Array]) -> None:
        """Raise QuestionErrors for given entries that cannot be meant."""
        for name, check in self.graph.entry_checks.items():
            if name in given:
                try:
                    check(self.evaluation.arithmetic, given[name])
                except QuestionError as error:
                    raise QuestionErrors([error]) from None

    def _seeds(self, upstream: Mapping[str, Array]) -> dict[int, Array]:
        """Upstream gradients by the index of their value; those of several names of one value are added."""
        found: dict[int, Array] = {}
        for name, array in upstream.items():
            index = self.graph.names[name].index
            found[index] = found[index] + array if index in found else array
        return found

    def _with_aliases(self, names: Set[str]) -> Set[str]:
        """All names under which these values are known."""
        return {name for name, value in self.graph.names.items() if value.name in names} if names else names


def _same_entries(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def describe_step(name: str, value: Value) -> StepDescription:
    """The step of a named value."""
    inputs = dict.fromkeys(name for operand in value.written_inputs for name in nearest_names(operand))
    return StepDescription(
        name=name,
        formula=write_formula(value),
        inputs=list(inputs),
        axes=list(value.axes),
        shape=shape_to_json(value.shape),
        meaning=value.declared.meaning if value.declared else "",
    )


def fewer_names(*prepared: Plan) -> str:
    """How to ask these questions, which are answered together, for fewer numbers."""
    listed = largest(one for question in prepared for one in question.sent())
    return f"fewer names in select, which takes patterns; the most numbers come with {listed}"
