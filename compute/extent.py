"""The reading that predicts how much an answer takes, before there are entries."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from compute.cost import applications, work
from compute.differentiation import Differentiation
from compute.dimensions import Shape, product
from compute.graph import Graph
from compute.limits import Limits
from compute.sent import number, sent_arrays, sent_jacobians
from compute.value import Value


def predict(
    graph: Graph,
    computed: list[Value],
    known: Iterable[int],
    returned: list[str],
    differentiation: Differentiation | None,
    differentiated: list[str],
    jacobians: Sequence[tuple[str, str, Differentiation]],
    split: Collection[tuple[str, str]],
) -> Limits:
    """What an answer will take. A backward pass is taken to cost twice the forward one.

    computed: what a run computes; known: indices of what comes; split: the Jacobians that are split by path.
    """
    names = graph.names

    passes = sum(number(product(names[of].shape)) for of, *_ in jacobians) + (differentiation is not None)
    pairs = sum(entries for _, entries in sent_jacobians(graph, jacobians, split))
    sent = [shape for _, shape in sent_arrays(graph, returned, differentiation, differentiated)]
    shared = applications(computed)
    spent = work(shared)
    held = _entries([*(value.shape for value in computed), *(graph.values[index].shape for index in known)])
    kept = held + max((number(one.scratch) for one in shared), default=0)
    return Limits(
        work=(number(spent.multiply_adds) + number(spent.elementwise)) * (1 + 2 * passes),
        entries=kept * (2 if passes else 1) + pairs,
        answer=_entries(sent) + pairs,
    )


def _entries(shapes: Iterable[Shape]) -> int:
    """How many entries arrays of these shapes have in all, those aside whose sizes are unknown."""
    return sum(number(product(shape)) * count for shape, count in Counter(shapes).items())
