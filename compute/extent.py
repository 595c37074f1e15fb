"""The reading that predicts how much an answer takes, before there are entries."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from compute.answers import Limits
from compute.cost import applications, work
from compute.differentiation import Differentiation
from compute.dimensions import Shape, Size, product
from compute.graph import Graph
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

    def size(name: str) -> int:
        return _number(product(names[name].shape))

    passes = sum(size(of) for of, *_ in jacobians) + (differentiation is not None)
    pairs = sum(size(of) * size(wrt) for of, wrt, _ in jacobians)
    for of, wrt, plan in jacobians:
        if (of, wrt) in split and names[wrt].index in plan.flows:
            pairs += size(of) * size(wrt) * len(plan.flows[names[wrt].index].sources)
    sent = [names[name].shape for name in (*returned, *differentiated)]
    if differentiation is not None:
        for name in differentiated:
            value = names[name]
            sent += [value.shape] * len(differentiation.flows[value.index].sources)
    shared = applications(computed)
    spent = work(shared)
    held = _entries([*(value.shape for value in computed), *(graph.values[index].shape for index in known)])
    kept = held + max((_number(one.scratch) for one in shared), default=0)
    return Limits(
        work=(_number(spent.multiply_adds) + _number(spent.elementwise)) * (1 + 2 * passes),
        entries=kept * (2 if passes else 1) + pairs,
        answer=_entries(sent) + pairs,
    )


def _entries(shapes: Iterable[Shape]) -> int:
    """How many entries arrays of these shapes have in all, those aside whose sizes are unknown."""
    return sum(_number(product(shape)) * count for shape, count in Counter(shapes).items())


def _number(size: Size) -> int:
    """A size that must be a number by now; what is unknown is not computed and counts nothing."""
    return size if isinstance(size, int) else 0
