"""Plans of questions, and their answers: arrays by the names of values."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.dimensions import product, shape_to_json
from compute.errors import Path, QuestionError, QuestionErrors, UnfitEntries, at, describe_entry
from compute.graph.graph import Graph, Value, nearest_names
from compute.programs.building import at_line
from compute.question.declared_readings.declaration import Execution, PlannedReading, Reading
from compute.question.limits import Limits, check_limits
from compute.question.plan_bytes import differentiation_bytes, evaluation_bytes, graph_bytes
from compute.question.sent_values import describe_largest, known_size, sent_arrays
from compute.readings.cost import TotalCost, count_cost
from compute.readings.evaluation import Evaluation
from compute.readings.formulas import write_formula
from compute.readings.notes import Note, mask_notes, observe
from compute.readings.reverse_mode import Differentiation, Gradients, by_consumer, sum_seeds


@dataclass(frozen=True, slots=True)
class Answer:
    """The results by name. Names of the same value share one array.

    values, gradients: by name.
    contributions: for each name, the terms of its gradient by the name of their consumer.
    spoiled, spoiled_gradients: names whose values or gradients have entries that are not finite.
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
    """The step that computes one named value. Unknown sizes are dimension names."""

    name: str
    formula: str
    inputs: list[str]
    axes: list[str]
    shape: list[int | str]
    meaning: str


@dataclass
class Plan:
    """The plan of a question, reusable for all entries of the same shapes.

    readings: the declared readings of the answer, in the order in which they run.
    returned: the names whose values are returned.
    differentiated: the names whose gradients are returned.
    selected: all requested names.
    unknown: names of values that cannot be computed from the given ones.
    stepped: the names whose steps are described.
    predicted: the predicted amounts of an answer.
    rendered_parts: a cache for parts of the response that depend on no entry.
    inputs_path: the field that holds the inputs; () if they are fields of the request themselves.
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
    rendered_parts: dict[str, bytes] = field(default_factory=dict)
    inputs_path: Path = ()

    def __post_init__(self) -> None:
        self._watched = [value.index for value in self.evaluation.sentinels()]

    @property
    def held(self) -> int:
        """Estimate the bytes of the plan, including all that its answers will cache."""
        held = graph_bytes(self.graph, len(self.stepped)) + evaluation_bytes(self.evaluation)
        if self.differentiation is not None:
            held += differentiation_bytes(self.differentiation)
        return held + sum(reading.held for _, reading in self.readings)

    @property
    def array_count(self) -> int:
        """The number of arrays in an answer."""
        return (
            len(self.returned)
            + len(self.differentiated)
            + sum(1 for _, reading in self.readings for _ in reading.sent())
        )

    @cached_property
    def steps(self) -> list[StepDescription]:
        """The steps of the computed values."""
        return [describe_step(name, self.graph.names[name]) for name in self.stepped]

    @cached_property
    def cost(self) -> TotalCost:
        """The cost of computing the values."""
        return count_cost(self.graph, {value.index for value in self.evaluation.computed_values()})

    def parameters(self) -> list[str]:
        """Return the names of the trainable inputs."""
        return [str(value.name) for value in self.graph.named_values() if value.is_parameter]

    def check(self, limits: Limits) -> None:
        """Raise QuestionErrors with TooLarge if the answer would exceed the limits."""
        check_limits(self.predicted, limits, fewer=lambda: advise_fewer_names(self))

    def sent(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each array that is returned, and its number of entries."""
        arrays = sent_arrays(self.graph, self.returned, self.differentiation, self.differentiated)
        yield from ((name, known_size(product(shape))) for name, shape in arrays)
        for _, reading in self.readings:
            yield from reading.sent()

    def answer(
        self,
        inputs: Mapping[str, Array],
        given: Mapping[str, Array],
        upstream: Mapping[str, Array],
        tensors: Mapping[str, Mapping[str, Array]] | None = None,
    ) -> Answer:
        """Compute the answer for entries of the planned shapes.

        tensors: the arrays in the fields of declared readings, by field and path.

        Raises QuestionErrors if a step rejects an entry, or if two names of the same value are given
        with different entries.
        """
        names = self.graph.names
        known = {names[name].index: array for name, array in inputs.items()}
        known |= self._given_by_index(given)
        self._check_given(given)
        gradients = Gradients({}, {}, {})
        results: dict[str, Any] = {}
        reading_notes: list[Note] = []
        self.evaluation.arithmetic.begin()
        with np.errstate(all="ignore"):
            try:
                values = self.evaluation.run(known)
            except UnfitEntries as fault:
                if fault.name in given:
                    raise fault.within("given") from None
                if fault.name in inputs:
                    raise fault.within(*self.inputs_path) from None
                raise (at_line(self.graph, fault) if self.inputs_path else fault.computed()) from None
            seeds = sum_seeds(self.graph, upstream)
            if self.differentiation is not None:
                gradients = self.differentiation.run(values, seeds)
            observed = observe(self.evaluation, values, self._watched, self.differentiation, gradients)
            run = Execution(known, values, seeds, gradients, observed, {}, results)
            for reading, planned in self.readings:
                result = planned.run(replace(run, tensors=(tensors or {}).get(reading.field.name, {})))
                if reading.part is None:
                    reading_notes += result
                else:
                    results[reading.part.name] = result
        contributions = {
            index: by_consumer(self.graph, gradients.contributions[index])
            for index in {names[name].index for name in self.differentiated} & gradients.contributions.keys()
        }
        return Answer(
            values={name: values[names[name].index] for name in self.returned},
            gradients={name: gradients.totals[names[name].index] for name in self.differentiated},
            contributions={
                name: contributions[names[name].index]
                for name in self.differentiated
                if names[name].index in contributions
            },
            notes=[*self.notes, *mask_notes(self.graph, values), *observed.notes, *reading_notes],
            spoiled=self._with_aliases(observed.spoiled),
            spoiled_gradients=self._with_aliases(observed.spoiled_gradients),
            parts=results,
        )

    def _given_by_index(self, given: Mapping[str, Array]) -> dict[int, Array]:
        """Return the given arrays by the index of their value.

        Raises QuestionErrors if two names of the same value have different entries.
        """
        by_index: dict[int, tuple[str, Array]] = {}
        for name, array in given.items():
            first, earlier = by_index.setdefault(self.graph.names[name].index, (name, array))
            if earlier is not array and not _have_same_entries(earlier, array):
                message = f"{name} and {first} are one value here, and are given with different entries"
                differing = np.asarray(earlier != array, dtype=bool)
                if array.dtype.kind == "f":
                    differing &= ~(np.isnan(earlier) & np.isnan(array))
                received = describe_entry(array, differing)
                raise at(("given", name), message, describe_entry(earlier, differing), received)
        return {index: array for index, (_, array) in by_index.items()}

    def _check_given(self, given: Mapping[str, Array]) -> None:
        """Raise QuestionErrors if given entries fail the checks that the graph declares for them."""
        for name, check in self.graph.entry_checks.items():
            if name in given:
                try:
                    check(self.evaluation.arithmetic, given[name])
                except QuestionError as error:
                    raise QuestionErrors([error]) from None

    def _with_aliases(self, names: Set[str]) -> Set[str]:
        """Return all names of these values, aliases included."""
        return {name for name, value in self.graph.names.items() if value.name in names} if names else names


def _have_same_entries(first: Array, second: Array) -> bool:
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def describe_step(name: str, value: Value) -> StepDescription:
    """Describe the step of a named value."""
    inputs = dict.fromkeys(name for operand in value.written_inputs for name in nearest_names(operand))
    return StepDescription(
        name=name,
        formula=write_formula(value),
        inputs=list(inputs),
        axes=list(value.axes),
        shape=shape_to_json(value.shape),
        meaning=value.declared.meaning if value.declared else "",
    )


def advise_fewer_names(*plans: Plan) -> str:
    """Advise how to request fewer numbers from these plans, which are answered together."""
    listed = describe_largest(array for plan in plans for array in plan.sent())
    return f"fewer names in select, which takes patterns; the most numbers come with {listed}"
