"""Claims about a program: verified for these numbers, or in exact arithmetic for all symbols."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array, Equality, Relation
from compute.dimensions import product
from compute.graph.graph import Graph
from compute.programs.claims import Claim as BuiltClaim
from compute.programs.claims import (
    Comparison,
    GradientValue,
    LimitValue,
    ShapeComparison,
    ToleratedClaim,
)
from compute.programs.language import inner_names
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
from compute.question.declared_readings.limits import find_limit
from compute.question.plan_bytes import differentiation_bytes, evaluation_bytes
from compute.question.predicted_size import predict_backward_pass
from compute.question.sent_values import known_size
from compute.readings.described import described
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation, numeric_shape

UNKNOWN = Equality(None, None)
RANKS = {True: 0, None: 1, False: 2}


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether a claim holds: for these numbers up to rounding, or in exact arithmetic for all symbols."""

    holds: bool | None = described("Null if it depends on unknown values, or is undecided.")
    largest_difference: float | None = described(
        "Of the two sides; of an inequality, the largest amount by which it is missed. Null if there are free"
        " symbols, if a side is not finite, and for shapes."
    )
    verdict: str | None = described(
        "In exact arithmetic: `proved`, `refuted` or `undecided`; null if unknown.", default=None
    )
    how: str | None = described(
        "In exact arithmetic: the method that led to the verdict. In floats: the shapes, that a side is NaN,"
        " which equals nothing, or which part of a chain fails.",
        default=None,
    )
    point: dict[str, str] | None = described(
        "If refuted: values of the symbols for which it does not hold.", default=None
    )
    at: list[int] | None = described(
        "The index of the largest difference, or of the entry that decides the verdict; left out for scalars,"
        " and if there is no difference.",
        default=None,
    )


class _Gradients:
    """The gradients that claims use, and the values that are computed from them.

    Each gradient is filled in as an input of the steps that use it.
    """

    def __init__(self, main: Evaluation, gradients: Iterable[GradientValue], sides: Iterable[int]) -> None:
        by_scalar: dict[int, list[GradientValue]] = {}
        for one in gradients:
            if main.reachable[one.of.index] and main.reachable[one.wrt.index]:
                by_scalar.setdefault(one.of.index, []).append(one)
        self._main = main
        self._plans: list[tuple[Differentiation, list[GradientValue]]] = []
        for index, wanted in by_scalar.items():
            main.request([index, *(one.wrt.index for one in wanted)])
            plan = Differentiation(main, {index}, {one.wrt.index for one in wanted})
            without = {*plan.cut, *plan.unknown}
            self._plans.append((plan, [one for one in wanted if one.wrt.index not in without]))
        filled = {one.value.index for _, wanted in self._plans for one in wanted}
        self.evaluation, self._boundary = _plan_dependent([main], filled, sides)

    def predict(self) -> tuple[int, int, int]:
        """Return the work, the numbers held in a backward pass, and those held until the answer is sent."""
        passes = [predict_backward_pass(plan) for plan, _ in self._plans]
        computed = self.evaluation.computed_values()
        work = sum(backward for backward, _ in passes)
        work += sum(value.applied.work for value in computed if value.applied is not None)
        entries = sum(known_size(product(value.shape)) for value in computed)
        entries += sum(known_size(product(one.wrt.shape)) for _, wanted in self._plans for one in wanted)
        return work, max((held for _, held in passes), default=0), entries

    @property
    def held(self) -> int:
        """An estimate of the bytes of the plans."""
        plans = sum(differentiation_bytes(plan) for plan, _ in self._plans)
        return plans + evaluation_bytes(self.evaluation)

    def run(self, values: Mapping[int, Array]) -> dict[int, Array]:
        """Return the gradients and the values computed from them, by index."""
        arithmetic = self._main.arithmetic
        known = {index: values[index] for index in self._boundary}
        for plan, wanted in self._plans:
            [seed] = plan.seeds
            shape = numeric_shape(self._main.graph.values[seed].shape) or ()
            totals = plan.run(values, {seed: arithmetic.one_hot(shape, 0)}).totals
            for one in wanted:
                zeros = arithmetic.zeros(numeric_shape(one.wrt.shape) or ())
                known[one.value.index] = totals.get(one.wrt.index, zeros)
        return self.evaluation.run(known)


class _Limits:
    """The limits that claims use, and the values that are computed from them, in exact arithmetic.

    earlier: the evaluations of the values that a limit may be of.
    """

    def __init__(self, earlier: list[Evaluation], limits: Iterable[LimitValue], sides: Iterable[int]) -> None:
        main = earlier[0]
        self._arithmetic: Any = main.arithmetic
        self._graph = main.graph
        self._wanted: list[LimitValue] = []
        for one in limits:
            for evaluation in earlier:
                if evaluation.reachable[one.of.index]:
                    evaluation.request([one.of.index])
                    self._wanted.append(one)
                    break
        filled = {one.value.index for one in self._wanted}
        self.evaluation, self._boundary = _plan_dependent(earlier, filled, sides)

    def run(self, values: Mapping[int, Array]) -> tuple[dict[int, Array], set[int]]:
        """Return the limits and the values computed from them, by index, and the indices of those not found.

        Raises QuestionErrors if a value does not depend on the symbol of its limit.
        """
        known = {index: values[index] for index in self._boundary}
        missing: set[int] = set()
        for one in self._wanted:
            entries = values[one.of.index]
            found = find_limit(self._arithmetic, entries, one.symbol, one.to, one.sign, one.path)
            if found is None:
                missing.add(one.value.index)
                found = self._arithmetic.zeros(entries.shape)
            known[one.value.index] = found
        missing = _find_dependent(self._graph, missing)
        return self.evaluation.run(known), missing


def _plan_dependent(
    earlier: list[Evaluation], filled: set[int], sides: Iterable[int]
) -> tuple[Evaluation, set[int]]:
    """Plan the sides that are computed from values without a step, once these are filled in.

    Return the evaluation, and the indices of what it needs of the earlier ones, which are asked for it.
    """
    graph = earlier[0].graph
    dependent = _find_dependent(graph, filled)
    boundary = set()
    for index in dependent - filled:
        for operand in graph.values[index].inputs:
            providers = [evaluation for evaluation in earlier if evaluation.reachable[operand.index]]
            if operand.index not in dependent and providers:
                providers[0].request([operand.index])
                boundary.add(operand.index)
    evaluation = Evaluation(graph, earlier[0].arithmetic, {*boundary, *filled})
    evaluation.request(index for index in sides if index in dependent)
    return evaluation, boundary


def _find_dependent(graph: Graph, indices: set[int]) -> set[int]:
    """Return these indices and those of all values that are computed from them."""
    dependent = set(indices)
    if dependent:
        for value in graph.values[min(dependent) :]:
            if any(operand.index in dependent for operand in value.inputs):
                dependent.add(value.index)
    return dependent


class _Planned(PlannedReading):
    def __init__(self, evaluation: Evaluation, claims: list[BuiltClaim]) -> None:
        self._arithmetic, self._claims = evaluation.arithmetic, claims
        sides = [
            side.index
            for claim in claims
            for one in claim.comparisons
            if isinstance(one, Comparison)
            for side in one.sides or ()
        ]
        gradients = [one for claim in claims for one in claim.gradients]
        self._gradients = _Gradients(evaluation, gradients, sides) if gradients else None
        limits = [one for claim in claims for one in claim.limits]
        earlier = [evaluation] if self._gradients is None else [evaluation, self._gradients.evaluation]
        self._limits = _Limits(earlier, limits, sides) if limits else None
        evaluation.request(sides)

    def predict(self, work: Work) -> Amounts:
        if self._gradients is None:
            return Amounts()
        self.held = self._gradients.held
        own, transient, entries = self._gradients.predict()
        return Amounts(work=own, entries=entries, transient=transient, differentiates=True)

    def run(self, run: Execution) -> list[Equality]:
        values = run.values
        if self._gradients is not None:
            values = {**values, **self._gradients.run(values)}
        missing: set[int] = set()
        if self._limits is not None:
            found, missing = self._limits.run(values)
            values = {**values, **found}
        return [self._verify(claim, values, missing) for claim in self._claims]

    def _verify(self, claim: BuiltClaim, values: Mapping[int, Array], missing: set[int]) -> Equality:
        """Return the worst result of a claim's comparisons."""
        results = []
        for one in claim.comparisons:
            result = (
                self._compare_shapes(one)
                if isinstance(one, ShapeComparison)
                else self._compare(one, values, missing)
            )
            if len(claim.comparisons) > 1 and not result.holds:
                result = replace(
                    result, how=f"{one.text}: {result.how}" if result.how else f"{one.text} fails"
                )
            results.append(result)
        return max(results, key=lambda one: (RANKS[one.holds], one.largest_difference or 0.0))

    def _compare_shapes(self, comparison: ShapeComparison) -> Equality:
        verdict = ("proved" if comparison.holds else "refuted") if self._arithmetic.simplifies else None
        return Equality(comparison.holds, None, verdict, comparison.how)

    def _compare(self, comparison: Comparison, values: Mapping[int, Array], missing: set[int]) -> Equality:
        """Return whether a comparison holds; unknown if it depends on unknown values.

        missing: the indices of limits that were not found, and of what depends on them.
        """
        sides = comparison.sides
        if sides is not None and any(side.index in missing for side in sides):
            return Equality(None, None, "undecided", "the limit was not found, or does not exist")
        if sides is None or not all(side.index in values for side in sides):
            return UNKNOWN
        arithmetic = self._arithmetic
        left, right = np.broadcast_arrays(*(values[side.index] for side in sides))
        equality = arithmetic.equality(left, right, comparison.relation)
        nan = np.isnan(arithmetic.outlines(left)) | np.isnan(arithmetic.outlines(right))
        return _without_nan(equality, nan, comparison.relation)


def _without_nan(equality: Equality, nan: Array, relation: Relation) -> Equality:
    """Return the result, refuted if a side is NaN: it is in no relation but that of being different."""
    if not nan.any():
        return equality
    if relation.sign == "!=":
        return replace(equality, largest_difference=None)
    place = [int(index) for index in np.argwhere(nan)[0]]
    said = (
        "equals nothing, not even itself"
        if relation.sign == "=="
        else "is neither less nor more than anything"
    )
    how = f"a side is NaN{f' at {place}' if place else ''}, and NaN {said}"
    return Equality(False, None, equality.verdict and "refuted", how, at=place or None)


class ClaimsReading(Reading):
    """Claims about a program, verified."""

    field = RequestField(
        "claims",
        list[str | ToleratedClaim],
        [],
        "Claims to verify for these numbers: equations, inequalities and chains of them, such as"
        " p[0] == 1 - p[1] or 0 < p <= 1; grad(L, v) is a gradient, h.weights a value inside a line, and"
        " shape(x) == [2, 3] a claim about a shape; limit(p, beta, inf) is a limit, in exact arithmetic.",
        "ClaimTexts",
        100,
    )
    part = AnswerPart("claims", list[Claim], "The verified claims, in the order of the request.")
    programs_only = True

    def names(self, request: Any) -> Iterable[str]:
        for claim in request:
            yield from inner_names(claim if isinstance(claim, str) else claim.claim)

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        return _Planned(planning.evaluation, planning.claims)

    def document(self, result: list[Equality], is_exact: bool) -> list[Any]:
        claims = [asdict(equality) for equality in result]
        # Exact claims have every field, null or not.
        return claims if is_exact else [Claim(**claim) for claim in claims]
