"""The reading that counts: work, parameters and memory, as numbers or polynomials in dimension names.

One multiply-add is one; a comparison is one query-key score; other arithmetic counts once for each entry.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from compute.dimensions import Size, product, total
from compute.graph import Graph, Value, step


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


@dataclass(frozen=True, slots=True)
class TotalCost:
    """The cost of computing every value once, forward. Entries: of inputs and named values together.

    Comparisons as in `StepCost`.
    """

    multiply_adds: Size = 0
    elementwise: Size = 0
    comparisons: Size = 0
    parameters: Size = 0
    entries: Size = 0
    all_comparisons: Size = 0
    exact_comparisons: Size | None = 0
    steps: list[StepCost] = field(default_factory=list)


def cost(graph: Graph, computed: Collection[int] | None = None) -> TotalCost:
    """What it costs to compute the values of these indices, or all of them."""
    steps: list[StepCost] = []
    counted: set[int] = set()
    for value in graph.standard_values() if computed is None else graph.named_values():
        if value.is_input or (computed is not None and value.index not in computed):
            continue
        inner = [one for one in step(value) if one.index not in counted]
        multiply_adds: Size = 0
        elementwise: Size = 0
        for one in inner:
            counted.add(one.index)
            if one.primitive is not None:
                spent = one.primitive.cost(one.shape, *[o.shape for o in one.inputs], **one.attributes)
                multiply_adds += spent.multiply_adds
                elementwise += spent.elementwise
        entries = product(value.shape)
        compares = value.declared is not None and value.declared.counts_comparisons
        everything, exact = _pairs(inner, entries) if compares else (0, 0)
        steps.append(
            StepCost(
                str(value.name),
                multiply_adds,
                elementwise,
                entries if compares else 0,
                entries,
                everything,
                exact,
            )
        )
    parameters = [product(value.shape) for value in graph.values if value.is_parameter]
    inputs = [product(value.shape) for value in graph.values if value.is_input]
    return TotalCost(
        multiply_adds=total([one.multiply_adds for one in steps]),
        elementwise=total([one.elementwise for one in steps]),
        comparisons=total([one.comparisons for one in steps]),
        parameters=total(parameters),
        entries=total(inputs) + total([one.entries for one in steps]),
        all_comparisons=total([one.all_comparisons for one in steps]),
        exact_comparisons=_total_if_known([one.exact_comparisons for one in steps]),
        steps=steps,
    )


def _pairs(inner: Iterable[Value], entries: Size) -> tuple[Size, Size | None]:
    """All query-key pairs, and those computed, where a value holds one entry for each computed."""
    for one in inner:
        if one.primitive is not None and one.primitive.pairs is not None:
            return one.primitive.pairs(one.shape, *(o.shape for o in one.inputs), **one.attributes)
    return entries, entries


def _total_if_known(sizes: Iterable[Size | None]) -> Size | None:
    result: Size = 0
    for size in sizes:
        if size is None:
            return None
        result = result + size
    return result
