"""The reading that counts: work, parameters and memory, as numbers or polynomials in dimension names.

One multiply-add is one; a comparison is one query-key score; other arithmetic counts once for each entry.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from compute.dimensions import Shape, Size, product, total
from compute.graph import Graph
from compute.primitive import Application, Cost
from compute.steps import step
from compute.value import Value


class StepCost(NamedTuple):
    """What one named value costs to compute, unnamed values inside it included.

    comparisons: query-key scores computed; all_comparisons: of every query with every key, computed or
    not; exact_comparisons: those computed that are of a key that there is, None where letters leave it open.
    """

    name: str
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    entries: Size
    all_comparisons: Size
    exact_comparisons: Size | None


@dataclass(frozen=True)
class TotalCost:
    """The cost of computing every value once, forward. Entries: of inputs and named values together.

    Comparisons as in `StepCost`. counted: each named value, with what is computed first for it.
    """

    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size
    entries: Size
    all_comparisons: Size
    exact_comparisons: Size | None
    counted: list[tuple[Value, list[Value]]]

    @cached_property
    def steps(self) -> list[StepCost]:
        """What each named value costs."""
        return [_step_cost(value, inner) for value, inner in self.counted]


def cost(graph: Graph, computed: Collection[int] | None = None) -> TotalCost:
    """What it costs to compute the values of these indices, or all of them."""
    seen: set[int] = set()
    counted = [
        (value, step(value, seen))
        for value in (graph.standard_values() if computed is None else graph.named_values())
        if value.applied is not None and (computed is None or value.index in computed)
    ]
    spent = work(applications(one for _, inner in counted for one in inner))
    comparing = [_step_cost(value, inner) for value, inner in counted if _compares(value)]
    exact = [one.exact_comparisons for one in comparing]
    inputs = [value for value in graph.values if value.applied is None]
    return TotalCost(
        multiply_adds=spent.multiply_adds,
        elementwise=spent.elementwise,
        comparisons=total(one.comparisons for one in comparing),
        parameters=entries(value.shape for value in inputs if value.is_parameter),
        entries=entries([value.shape for value in inputs] + [value.shape for value, _ in counted]),
        all_comparisons=total(one.all_comparisons for one in comparing),
        exact_comparisons=None if None in exact else total(one for one in exact if one is not None),
        counted=counted,
    )


def work(applied: Counter[Application]) -> Cost:
    """What it costs to compute values that share these applications, and no others."""
    spent = [(one.cost, times) for one, times in applied.items()]
    return Cost(
        total(one.multiply_adds * times for one, times in spent),
        total(one.elementwise * times for one, times in spent),
    )


def applications(values: Iterable[Value]) -> Counter[Application]:
    """How often each of what values share is computed."""
    return Counter([value.applied for value in values if value.applied is not None])


def entries(shapes: Iterable[Shape]) -> Size:
    """How many entries arrays of these shapes have in all."""
    return total(product(shape) * count for shape, count in Counter(shapes).items())


def _compares(value: Value) -> bool:
    return value.declared is not None and value.declared.counts_comparisons


def _step_cost(value: Value, inner: list[Value]) -> StepCost:
    spent, held = work(applications(inner)), product(value.shape)
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
