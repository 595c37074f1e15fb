"""Costs: arithmetic, parameters and memory, as numbers or polynomials in dimension names.

A multiply-add counts once, a comparison is one query-key score, other arithmetic counts once per entry.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from compute.dimensions import Shape, Size, product, total
from compute.graph.graph import REPEATED_INDEX, Graph, Value
from compute.graph.primitive import Application, Cost
from compute.graph.steps import step_values
from compute.readings.selection import pattern_of


class StepCost(NamedTuple):
    """The cost of computing one named value, the unnamed values inside its step included.

    entries: the number of entries of the value.
    comparisons: query-key scores computed.
    all_comparisons: all query-key pairs, computed or not.
    exact_comparisons: scores computed for keys that exist (a band may extend past the sequence); None if that
        depends on symbolic sizes.
    times: the number of values that it represents.
    """

    name: str
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    entries: Size
    all_comparisons: Size
    exact_comparisons: Size | None
    times: Size = 1


class PartCost(NamedTuple):
    """The cost of all submodules whose names differ only in their indices, together.

    name: their common name, such as `layer[*].attention`.
    times: how many there are.
    """

    name: str
    times: Size
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size


@dataclass(frozen=True)
class TotalCost:
    """The cost of one forward pass; comparisons are counted as in `StepCost`.

    entries: the number of entries of inputs and named values together.
    counted: each named value with all values of its step.
    graph: the graph that was counted.
    """

    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size
    entries: Size
    all_comparisons: Size
    exact_comparisons: Size | None
    counted: list[tuple[Value, list[Value]]]
    graph: Graph

    @cached_property
    def steps(self) -> list[StepCost]:
        """The cost of each named value."""
        return [
            _step_cost(value, inner)._replace(times=self.graph.multiplicity(value.index))
            for value, inner in self.counted
        ]

    @cached_property
    def parts(self) -> list[PartCost]:
        """The costs of the submodules of a composite, nested ones included, in order of computation."""
        costs: dict[str, PartCost] = {}
        seen: dict[str, dict[str, Size]] = {}
        for name, share in self._shares():
            scopes = name.split(".")[:-1]
            for depth in range(len(scopes)):
                scope = ".".join(scopes[: depth + 1])
                part = pattern_of(scope)
                before = costs.get(part, PartCost(part, 0, 0, 0, 0, 0))
                costs[part] = PartCost(part, 0, *(a + b for a, b in zip(before[2:], share[2:], strict=True)))
                seen.setdefault(part, {})[scope] = share.times if f"[{REPEATED_INDEX}]" in scope else 1
        return [cost._replace(times=total(seen[name].values())) for name, cost in costs.items()]

    def _shares(self) -> Iterator[tuple[str, PartCost]]:
        """Yield what each value adds to the costs, with its innermost name, for all values it represents."""
        innermost: dict[str, str] = {}  # a submodule's output has the outer name, and its own as an alias
        for name, value in self.graph.names.items():
            innermost.setdefault(str(value.name), name)
        for step in self.steps:
            counts = (step.multiply_adds, step.elementwise, step.comparisons, 0)
            share = PartCost(step.name, step.times, *(count * step.times for count in counts))
            yield innermost[step.name], share
        for value in self.graph.values:
            if value.applied is None and value.is_parameter:
                times = self.graph.multiplicity(value.index)
                held = product(value.shape) * times
                yield str(value.name), PartCost(str(value.name), times, 0, 0, 0, held)


def count_cost(graph: Graph, computed: Collection[int] | None = None) -> TotalCost:
    """Return the cost of computing the values of these indices, or all standard values."""
    seen: set[int] = set()
    counted = [
        (value, step_values(value, seen))
        for value in (graph.standard_values() if computed is None else graph.named_values())
        if value.applied is not None and (computed is None or value.index in computed)
    ]
    inputs = [value for value in graph.values if value.applied is None]
    groups = _group_by_multiplicity(graph, counted, inputs)
    spent = [
        (group.times, sum_costs(count_applications(value for _, inner in group.counted for value in inner)))
        for group in groups
    ]
    comparing = [
        (group.times, _step_cost(value, inner))
        for group in groups
        for value, inner in group.counted
        if _is_comparison(value)
    ]
    exact = [step.exact_comparisons for _, step in comparing]
    return TotalCost(
        multiply_adds=total(cost.multiply_adds * times for times, cost in spent),
        elementwise=total(cost.elementwise * times for times, cost in spent),
        comparisons=total(step.comparisons * times for times, step in comparing),
        parameters=total(
            total_entries(value.shape for value in group.inputs if value.is_parameter) * group.times
            for group in groups
        ),
        entries=total(
            total_entries(value.shape for value in (*group.inputs, *(named for named, _ in group.counted)))
            * group.times
            for group in groups
        ),
        all_comparisons=total(step.all_comparisons * times for times, step in comparing),
        exact_comparisons=None
        if None in exact
        else total((step.exact_comparisons or 0) * times for times, step in comparing),
        counted=counted,
        graph=graph,
    )


class _Group(NamedTuple):
    """Values with the same multiplicity, `times`."""

    times: Size
    counted: list[tuple[Value, list[Value]]]
    inputs: list[Value]


def _group_by_multiplicity(
    graph: Graph, counted: list[tuple[Value, list[Value]]], inputs: list[Value]
) -> list[_Group]:
    if not graph.repeats:
        return [_Group(1, counted, inputs)]
    groups: dict[Size, _Group] = {}

    def group_of(value: Value) -> _Group:
        times = graph.multiplicity(value.index)
        return groups.setdefault(times, _Group(times, [], []))

    for value, inner in counted:
        group_of(value).counted.append((value, inner))
    for value in inputs:
        group_of(value).inputs.append(value)
    return list(groups.values())


def sum_costs(applied: Counter[Application]) -> Cost:
    """Return the cost of computing each application as often as it is counted."""
    spent = [(application.cost, times) for application, times in applied.items()]
    return Cost(
        total(cost.multiply_adds * times for cost, times in spent),
        total(cost.elementwise * times for cost, times in spent),
    )


def count_applications(values: Iterable[Value]) -> Counter[Application]:
    """Count how many of these values share each application."""
    return Counter([value.applied for value in values if value.applied is not None])


def total_entries(shapes: Iterable[Shape]) -> Size:
    """Return the number of entries of all arrays of these shapes together."""
    return total(product(shape) * count for shape, count in Counter(shapes).items())


def _is_comparison(value: Value) -> bool:
    return value.declared is not None and value.declared.counts_comparisons


def _step_cost(value: Value, inner: list[Value]) -> StepCost:
    spent, entries = sum_costs(count_applications(inner)), product(value.shape)
    comparisons, pairs, exact = (
        (entries, *_find_pairs(inner, entries)) if _is_comparison(value) else (0, 0, 0)
    )
    return StepCost(
        str(value.name), spent.multiply_adds, spent.elementwise, comparisons, entries, pairs, exact
    )


def _find_pairs(inner: list[Value], entries: Size) -> tuple[Size, Size | None]:
    """Return the number of all query-key pairs, and of those computed."""
    for value in inner:
        if value.applied is not None and value.applied.pairs is not None:
            return value.applied.pairs
    return entries, entries
