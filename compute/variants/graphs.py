"""Operations and programs as templates of variants: their named values."""

from collections.abc import Iterator

from compute.arithmetic.namespace import Array
from compute.grading.graphs import GraphComputation
from compute.variants.constraints import Kind
from compute.variants.steps import computed_names, friendly_names, has_ties, is_saturated


def graph_values(computation: GraphComputation) -> Iterator[tuple[str, Array]]:
    """Yield the computed values that are numbers, by name."""
    table, graph = computation.base, computation.plan.graph
    for name in computed_names(graph):
        found = table.get(graph.names[name].index)
        if found is not None and found.dtype.kind == "f":
            yield name, found


GRAPHS = Kind(
    values=graph_values,
    friendly_names=lambda template: set(friendly_names(template.plan.graph)),
    has_ties=lambda computation: has_ties(computation.plan.graph, computation.base),
    is_saturated=lambda computation: is_saturated(computation.plan.graph, computation.base),
)
