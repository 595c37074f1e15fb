"""Prediction of the work and memory of an answer, from shapes alone."""

from collections import Counter
from collections.abc import Iterable

from compute.dimensions import Shape, product
from compute.graph.graph import Graph, Value
from compute.graph.primitive import Application
from compute.graph.work import CALL, NAMED, WRITTEN, copy_work
from compute.question.declared_readings.declaration import PlannedReading, Work
from compute.question.limits import Limits
from compute.question.sent_values import known_size, sent_arrays
from compute.readings.cost import count_applications
from compute.readings.reverse_mode import Differentiation

TRACED = 25_000  # work of tracing non-finite numbers through one step; more in fact, but rare
UNTRACED = 200  # steps that are traced in negligible time


def predict(
    graph: Graph,
    computed: list[Value],
    known: Iterable[int],
    returned: list[str],
    differentiation: Differentiation | None,
    differentiated: list[str],
    readings: Iterable[PlannedReading],
) -> Limits:
    """Predict the amounts of an answer.

    computed: the values that a run computes.
    known: indices of inputs and given values.
    readings: the planned readings, in the order in which they run.
    """
    shared = count_applications(computed)
    forward = sum(applied.work * times for applied, times in shared.items())
    backward, transient = (0, 0) if differentiation is None else predict_backward_pass(differentiation)
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
    held = _count_entries(
        [*(value.shape for value in computed), *(graph.values[index].shape for index in known)]
    )
    kept = held + max((known_size(applied.scratch) for applied in shared), default=0)
    return Limits(
        work=work,
        entries=kept + (max(kept, transient) if differentiates else 0) + entries,
        answer=_count_entries(sent) + answer,
    )


def writing_work(answer: int, arrays: int) -> int:
    """Return the work of serializing an answer. answer: the number of its entries; arrays: of its arrays."""
    return WRITTEN * answer + NAMED * arrays


def predict_backward_pass(plan: Differentiation) -> tuple[int, int]:
    """Predict the work of one backward pass, and the numbers that it holds: gradients and scratch."""
    edges: Counter[tuple[Application, int]] = Counter(
        [(value.applied, place) for value, place in plan.vjp_slots.values() if value.applied is not None]
    )
    work = sum(applied.gradient_work(place) * times for (applied, place), times in edges.items())
    held = max((applied.gradient_scratch(place) for applied, place in edges), default=0)
    held += sum(
        known_size(product(applied.shapes[place])) * times for (applied, place), times in edges.items()
    )
    for value, places in plan.scatter_slots.values():
        work += copy_work(value.shape) + CALL * len(places)
    return work + CALL * len(plan.instructions), held


def _count_entries(shapes: Iterable[Shape]) -> int:
    """Return the total number of entries of arrays of these shapes. Arrays of unknown size count as 0."""
    return sum(known_size(product(shape)) * count for shape, count in Counter(shapes).items())
