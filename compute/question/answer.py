"""An answer: everything asked of a question, as arrays under their names."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array, Equality
from compute.dimensions import product, shape_to_json
from compute.errors import Path, QuestionError, QuestionErrors, UnfitEntries, at, describe_entry
from compute.graph.graph import Graph
from compute.graph.value import Value, nearest_names
from compute.question.limits import Limits, check_limits
from compute.question.sent_values import largest, number, sent_arrays, sent_jacobians
from compute.readings.cost import TotalCost, count_cost
from compute.readings.evaluation import Evaluation
from compute.readings.formulas import write_formula
from compute.readings.jacobians import FoundJacobian, Support, compute_jacobian
from compute.readings.notes import Note, mask_notes, observe
from compute.readings.reverse_mode import ROWS, UPSTREAM, Differentiation, Gradients, Source
from compute.readings.sparsity import find_accidental_slices, find_blocks, find_zero_slices, is_full, reach
from compute.readings.verification.evidence import Evidence
from compute.readings.verification.plan import Verification


@dataclass(frozen=True, slots=True)
class Answer:
    """The results by name; names of one value hold one array.

    spoiled: the names of values with entries that are not finite.
    """

    values: dict[str, Array]
    gradients: dict[str, Array]
    contributions: dict[str, dict[str, Array]]
    jacobians: list[FoundJacobian]
    notes: list[Note]
    spoiled: Set[str]
    spoiled_gradients: Set[str]
    claims: list[Equality]
    evidence: Evidence | None = None


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
    split: pairs whose Jacobian is returned with its parts by path.
    rendered: room for what a caller derives from these and wants to keep with them. inputs_at: the field
    that inputs stand in, if they have one. diagnose: whether to remark what is finite and still no good.
    """

    graph: Graph
    evaluation: Evaluation
    differentiation: Differentiation | None
    jacobians: list[tuple[str, str, Differentiation]]
    returned: list[str]
    differentiated: list[str]
    selected: list[str]
    unknown: list[str]
    stepped: list[str]
    conventions: dict[str, Any]
    notes: list[Note]
    predicted: Limits
    claims: list[tuple[int, int] | None] = field(default_factory=list)
    split: frozenset[tuple[str, str]] = frozenset()
    rendered: dict[str, bytes] = field(default_factory=dict)
    inputs_at: Path = ()
    diagnose: bool = False
    verification: Verification | None = None

    def __post_init__(self) -> None:
        self._watched = [value.index for value in self.evaluation.sentinels()]
        self._supports: dict[tuple[str, str], Support] = {}

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
        yield from sent_jacobians(self.graph, self.jacobians, self.split)

    def answer(
        self,
        inputs: Mapping[str, Array],
        given: Mapping[str, Array],
        upstream: Mapping[str, Array],
    ) -> Answer:
        """Compute everything asked, for entries of the prepared shapes.

        Raises QuestionErrors if a step rejects an entry, or if two names of one value are given with
        different entries.
        """
        names = self.graph.names
        known = {names[name].index: array for name, array in inputs.items()}
        known |= self._given(given)
        self._check_given(given)
        found = Gradients({}, {}, {})
        evidence: Evidence | None = None
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
            if self.differentiation is not None:
                seeds = self._seeds(upstream)
                found = self.differentiation.run(values, seeds)
            jacobians = [self._jacobian(known, values, *asked) for asked in self.jacobians]
            observed = observe(
                self.evaluation, values, self._watched, self.differentiation, found, diagnose=self.diagnose
            )
            if self.verification is not None:
                evidence = self.verification.verify(
                    values,
                    self._seeds(upstream),
                    {name: found.totals[names[name].index] for name in self.differentiated},
                    [one.value for one in jacobians],
                )
        parts = {names[name].index for name in self.differentiated} & found.contributions.keys()
        contributions = {index: self._by_name(found.contributions[index]) for index in parts}
        return Answer(
            values={name: values[names[name].index] for name in self.returned},
            gradients={name: found.totals[names[name].index] for name in self.differentiated},
            contributions={
                name: contributions[names[name].index]
                for name in self.differentiated
                if names[name].index in contributions
            },
            jacobians=jacobians,
            notes=[*self.notes, *mask_notes(self.graph, values), *observed.notes],
            spoiled=self._with_aliases(observed.spoiled),
            spoiled_gradients=self._with_aliases(observed.spoiled_gradients),
            claims=[self._claim(values, sides) for sides in self.claims],
            evidence=evidence,
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

    def _jacobian(
        self,
        known: Mapping[int, Array],
        values: Mapping[int, Array],
        of: str,
        wrt: str,
        plan: Differentiation,
    ) -> FoundJacobian:
        one, other = self.graph.names[of], self.graph.names[wrt]
        found, parts = compute_jacobian(plan, values, one, other, by_path=(of, wrt) in self.split)
        present = reached = reach(found, one.rank)
        if not all(is_full(entries) for slices in present for entries in slices):
            if (of, wrt) not in self._supports:
                self._supports[of, wrt] = Support(self.evaluation, one, other)
            reached = self._supports[of, wrt].find(known, present)
        labels = one.axes, other.axes
        return FoundJacobian(
            of,
            wrt,
            found,
            self._by_name(parts),
            zeros=find_blocks(reached, *labels),
            zero_slices=find_zero_slices(reached, *labels),
            accidental_zero_slices=find_accidental_slices(present, reached, *labels),
        )

    def _claim(self, values: Mapping[int, Array], sides: tuple[int, int] | None) -> Equality:
        """Whether the two sides of an equation are equal; open where they depend on what is unknown."""
        if sides is None or not all(index in values for index in sides):
            return Equality(None, None)
        arithmetic = self.evaluation.arithmetic
        left, right = np.broadcast_arrays(*(values[index] for index in sides))
        found = arithmetic.equality(left, right)
        return _without_nan(found, np.isnan(arithmetic.outlines(left)) | np.isnan(arithmetic.outlines(right)))

    def _with_aliases(self, names: Set[str]) -> Set[str]:
        """All names under which these values are known."""
        return {name for name, value in self.graph.names.items() if value.name in names} if names else names

    def _by_name(self, parts: Mapping[Source, Array]) -> dict[str, Array]:
        """Contributions by the names of their consumers, in order of computation."""
        consumers = sorted([one for one in parts if not isinstance(one, str)])
        found = {str(self.graph.values[one].name): parts[one] for one in consumers}
        return found | {source: parts[source] for source in (ROWS, UPSTREAM) if source in parts}


def _without_nan(found: Equality, nan: Array) -> Equality:
    """The claim, refuted where a side is NaN."""
    if not nan.any():
        return found
    place = [int(index) for index in np.argwhere(nan)[0]]
    how = f"a side is NaN{f' at {place}' if place else ''}, and NaN equals nothing, not even itself"
    return Equality(False, None, found.verdict and "refuted", how)


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
