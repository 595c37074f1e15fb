"""The reading that counts: work, parameters and memory, as numbers or polynomials in dimension names.

One multiply-add is one; a comparison is one query-key score; other arithmetic counts once for each entry.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from compute.dimensions import Shape, Size, product, total
from compute.graph.graph import REPEATED_INDEX, Graph
from compute.graph.primitive import Application, Cost
from compute.graph.steps import step_values
from compute.graph.value import Value
from compute.readings.selection import pattern_of


class StepCost(NamedTuple):
    """What one named value costs to compute, unnamed values inside it included.

    comparisons: query-key scores computed; all_comparisons: of every query with every key, computed or
    not; exact_comparisons: those computed that are of a key that there is, None where letters leave it open;
    times: how many values there are like it.
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
    """What the parts of one name cost together.

    name: `layer[*].attention` for those of all layers; times: how many there are.
    """

    name: str
    times: Size
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size


@dataclass(frozen=True)
class TotalCost:
    """The cost of computing every value once, forward. Entries: of inputs and named values together.

    Comparisons as in `StepCost`. counted: each named value, with what is computed first for it. graph: what
    it is the cost of.
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
        """What each named value costs."""
        return [
            _step_cost(value, inner)._replace(times=self.graph.multiplicity(value.index))
            for value, inner in self.counted
        ]

    @cached_property
    def parts(self) -> list[PartCost]:
        """What the parts of a composite cost, those inside others too, in order of computation."""
        found: dict[str, PartCost] = {}
        seen: dict[str, dict[str, Size]] = {}
        for name, one in self._shares():
            scopes = name.split(".")[:-1]
            for depth in range(len(scopes)):
                scope = ".".join(scopes[: depth + 1])
                part = pattern_of(scope)
                before = found.get(part, PartCost(part, 0, 0, 0, 0, 0))
                found[part] = PartCost(part, 0, *(a + b for a, b in zip(before[2:], one[2:], strict=True)))
                seen.setdefault(part, {})[scope] = one.times if f"[{REPEATED_INDEX}]" in scope else 1
        return [one._replace(times=total(seen[name].values())) for name, one in found.items()]

    def _shares(self) -> Iterator[tuple[str, PartCost]]:
        """What each value that has a place in a part adds to the cost, as often as there is one like it."""
        inmost: dict[str, str] = {}  # what comes out of a part is called as the whole calls it
        for name, value in self.graph.names.items():
            inmost.setdefault(str(value.name), name)
        for one in self.steps:
            counts = (one.multiply_adds, one.elementwise, one.comparisons, 0)
            yield inmost[one.name], PartCost(one.name, one.times, *(count * one.times for count in counts))
        for value in self.graph.values:
            if value.applied is None and value.is_parameter:
                times = self.graph.multiplicity(value.index)
                held = product(value.shape) * times
                yield str(value.name), PartCost(str(value.name), times, 0, 0, 0, held)


def count_cost(graph: Graph, computed: Collection[int] | None = None) -> TotalCost:
    """What it costs to compute the values of these indices, or all of them."""
    seen: set[int] = set()
    counted = [
        (value, step_values(value, seen))
        for value in (graph.standard_values() if computed is None else graph.named_values())
        if value.applied is not None and (computed is None or value.index in computed)
    ]
    inputs = [value for value in graph.values if value.applied is None]
    runs = _runs(graph, counted, inputs)
    spent = [
        (run.times, sum_costs(count_applications(one for _, inner in run.counted for one in inner)))
        for run in runs
    ]
    comparing = [
        (run.times, _step_cost(value, inner))
        for run in runs
        for value, inner in run.counted
        if _compares(value)
    ]
    exact = [one.exact_comparisons for _, one in comparing]
    return TotalCost(
        multiply_adds=total(one.multiply_adds * times for times, one in spent),
        elementwise=total(one.elementwise * times for times, one in spent),
        comparisons=total(one.comparisons * times for times, one in comparing),
        parameters=total(
            total_entries(value.shape for value in run.inputs if value.is_parameter) * run.times
            for run in runs
        ),
        entries=total(
            total_entries([*(one.shape for one in run.inputs), *(one.shape for one, _ in run.counted)])
            * run.times
            for run in runs
        ),
        all_comparisons=total(one.all_comparisons * times for times, one in comparing),
        exact_comparisons=None
        if None in exact
        else total((one.exact_comparisons or 0) * times for times, one in comparing),
        counted=counted,
        graph=graph,
    )


class _Run(NamedTuple):
    """Values of which there are so many."""

    times: Size
    counted: list[tuple[Value, list[Value]]]
    inputs: list[Value]


def _runs(graph: Graph, counted: list[tuple[Value, list[Value]]], inputs: list[Value]) -> list[_Run]:
    """The values by how many each stands for."""
    if not graph.repeats:
        return [_Run(1, counted, inputs)]
    found: dict[Size, _Run] = {}

    def run(value: Value) -> _Run:
        times = graph.multiplicity(value.index)
        return found.setdefault(times, _Run(times, [], []))

    for value, inner in counted:
        run(value).counted.append((value, inner))
    for value in inputs:
        run(value).inputs.append(value)
    return list(found.values())


def sum_costs(applied: Counter[Application]) -> Cost:
    """What it costs to compute values that share these applications, and no others."""
    spent = [(one.cost, times) for one, times in applied.items()]
    return Cost(
        total(one.multiply_adds * times for one, times in spent),
        total(one.elementwise * times for one, times in spent),
    )


def count_applications(values: Iterable[Value]) -> Counter[Application]:
    """How often each of what values share is computed."""
    return Counter([value.applied for value in values if value.applied is not None])


def total_entries(shapes: Iterable[Shape]) -> Size:
    """How many entries arrays of these shapes have in all."""
    return total(product(shape) * count for shape, count in Counter(shapes).items())


def _compares(value: Value) -> bool:
    return value.declared is not None and value.declared.counts_comparisons


def _step_cost(value: Value, inner: list[Value]) -> StepCost:
    spent, held = sum_costs(count_applications(inner)), product(value.shape)
    compared, everything, exact = (held, *_pairs(inner, held)) if _compares(value) else (0, 0, 0)
    return StepCost(
        str(value.name), spent.multiply_adds, spent.elementwise, compared, held, everything, exact
    )


def _pairs(inner: list[Value], held: Size) -> tuple[Size, Size | None]:
    """All query-key pairs, and those computed, where a value holds one entry for each computed."""
    for one in inner:
        if one.applied is not None and one.applied.pairs is not None:
            return one.applied.pairs
    return held, held
