"""The reading that predicts how much an answer takes, before there are entries."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from compute.dimensions import Shape, product
from compute.graph.graph import Graph
from compute.graph.primitive import Application
from compute.graph.value import Value
from compute.graph.work import CALL, NAMED, WRITTEN, copy_work
from compute.question.limits import Limits
from compute.question.sent_values import number, sent_arrays, sent_jacobians
from compute.readings.cost import count_applications
from compute.readings.reverse_mode import Differentiation

LOOKS = 10  # passes over a Jacobian that look for its zeros
SUPPORTS = 4  # runs beside those for its rows, over numbers that tell what depends on what
DIAGNOSED = 3  # times an answer without a diagnosis
TRACED = 25_000  # of looking for where numbers stop being finite in one step: it takes longer, but is rare
UNTRACED = 200  # steps of which that takes no time that matters


def predict(
    graph: Graph,
    computed: list[Value],
    known: Iterable[int],
    returned: list[str],
    differentiation: Differentiation | None,
    differentiated: list[str],
    jacobians: Sequence[tuple[str, str, Differentiation]],
    split: Collection[tuple[str, str]],
    *,
    diagnose: bool = False,
) -> Limits:
    """What an answer will take.

    computed: what a run computes; known: indices of what comes; split: the Jacobians that are split by path;
    diagnose: whether numbers that are finite and still no good are looked for.
    """
    names = graph.names
    shared = count_applications(computed)
    forward = sum(one.work * times for one, times in shared.items())
    back, held_back = (0, 0) if differentiation is None else _back(differentiation)
    work = (forward + back) * (DIAGNOSED if diagnose else 1)
    steps = len(computed) + (0 if differentiation is None else len(differentiation.instructions))
    work += TRACED * max(0, steps - UNTRACED)
    for of, wrt, plan in jacobians:
        rows, columns = number(product(names[of].shape)), number(product(names[wrt].shape))
        each, held = _back(plan)
        # The way back for each row, and for slices of the output in order to tell zeros from accidents.
        slices = sum(min(one, 3 * int(one**0.5) + SUPPORTS) for one in map(_size, names[of].shape))
        work += (rows + slices + SUPPORTS) * (each + copy_work(names[wrt].shape)) + SUPPORTS * forward
        work += LOOKS * rows * columns * max(1, names[of].rank)
        held_back = max(held_back, held)
    pairs = sum(entries for _, entries in sent_jacobians(graph, jacobians, split))
    sent = [shape for _, shape in sent_arrays(graph, returned, differentiation, differentiated)]
    held = _entries([*(value.shape for value in computed), *(graph.values[index].shape for index in known)])
    kept = held + max((number(one.scratch) for one in shared), default=0)
    passes = differentiation is not None or bool(jacobians)
    return Limits(
        work=work,
        entries=kept + (max(kept, held_back) if passes else 0) + pairs,
        answer=_entries(sent) + pairs,
    )


def writing(answer: int, arrays: int) -> int:
    """The work of writing so many numbers in so many arrays."""
    return WRITTEN * answer + NAMED * arrays


def back_work(plan: Differentiation) -> int:
    """The predicted work of one way back."""
    return _back(plan)[0]


def _back(plan: Differentiation) -> tuple[int, int]:
    """The work of one way back, and how many numbers it holds: all gradients, and what a rule needs besides.

    Sums of gradients are as large as what they are sums of.
    """
    edges: Counter[tuple[Application, int]] = Counter(
        [(value.applied, place) for value, place in plan.vjp_slots.values() if value.applied is not None]
    )
    work = sum(applied.gradient_work(place) * times for (applied, place), times in edges.items())
    held = max((applied.gradient_scratch(place) for applied, place in edges), default=0)
    held += sum(number(product(applied.shapes[place])) * times for (applied, place), times in edges.items())
    for value, places in plan.scatter_slots.values():
        work += copy_work(value.shape) + CALL * len(places)
    return work + CALL * len(plan.instructions), held


def _size(size: object) -> int:
    return size if isinstance(size, int) else 0


def _entries(shapes: Iterable[Shape]) -> int:
    """How many entries arrays of these shapes have in all, those aside whose sizes are unknown."""
    return sum(number(product(shape)) * count for shape, count in Counter(shapes).items())
