"""The reading that predicts how much an answer takes, before there are entries."""

from collections import Counter
from collections.abc import Iterable

from compute.dimensions import Shape, product
from compute.graph.graph import Graph, Value
from compute.graph.primitive import Application
from compute.graph.work import CALL, NAMED, WRITTEN, copy_work
from compute.question.declared_readings.declaration import PlannedReading, Work
from compute.question.limits import Limits
from compute.question.sent_values import number, sent_arrays
from compute.readings.cost import count_applications
from compute.readings.reverse_mode import Differentiation

TRACED = 25_000  # of looking for where numbers stop being finite in one step: it takes longer, but is rare
UNTRACED = 200  # steps of which that takes no time that matters


def predict(
    graph: Graph,
    computed: list[Value],
    known: Iterable[int],
    returned: list[str],
    differentiation: Differentiation | None,
    differentiated: list[str],
    readings: Iterable[PlannedReading],
) -> Limits:
    """Predict the amounts that an answer takes.

    computed: the values that a run computes.
    known: indices of inputs and given values.
    readings: the readings that the answer holds beside values and gradients, in the order in which they run.
    """
    shared = count_applications(computed)
    forward = sum(one.work * times for one, times in shared.items())
    backward, transient = (0, 0) if differentiation is None else backward_pass(differentiation)
    work = forward + backward
    steps = len(computed) + (0 if differentiation is None else len(differentiation.instructions))
    work += TRACED * max(0, steps - UNTRACED)
    differentiates = differentiation is not None
    entries = answer = 0
    for reading in readings:
        amounts = reading.predict(Work(forward, backward, work))
        work += amounts.work
        entries += amounts.entries
        answer += amounts.answer
        transient = max(transient, amounts.transient)
        differentiates |= amounts.differentiates
    sent = [shape for _, shape in sent_arrays(graph, returned, differentiation, differentiated)]
    held = _entries([*(value.shape for value in computed), *(graph.values[index].shape for index in known)])
    kept = held + max((number(one.scratch) for one in shared), default=0)
    return Limits(
        work=work,
        entries=kept + (max(kept, transient) if differentiates else 0) + entries,
        answer=_entries(sent) + answer,
    )


def writing(answer: int, arrays: int) -> int:
    """The work of writing so many numbers in so many arrays."""
    return WRITTEN * answer + NAMED * arrays


def backward_pass(plan: Differentiation) -> tuple[int, int]:
    """Return the predicted work of one backward pass, and the numbers it holds: gradients and scratch.

    Sums of gradients are as large as their terms.
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


def _entries(shapes: Iterable[Shape]) -> int:
    """How many entries arrays of these shapes have in all, those aside whose sizes are unknown."""
    return sum(number(product(shape)) * count for shape, count in Counter(shapes).items())
