"""Shown steps of a trace, stopping, notes and memory."""

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.errors import QuestionErrors
from compute.optimizers.run import reading
from compute.optimizers.run.objective import Batches
from compute.optimizers.run.reading import Stop, Trace
from compute.optimizers.run.summary import Summary
from compute.optimizers.run.trace import TraceStep, follow
from tests.compute.optimizers.asking import QUADRATIC, prepare

DESCENT = {"name": "gradient_descent", "learning_rate": 0.5}
HALVING = ("f = x**2 / 2",)  # each step halves x


def run_trace(
    optimizer: dict[str, Any], start: Any = 1.0, program: Any = HALVING, **more: Any
) -> tuple[list[TraceStep], Summary, Trace]:
    start = start if isinstance(start, dict) else {"x": start}
    trace = prepare(optimizer, start, program, **more).trace
    steps = list(trace.shown_steps())
    assert trace.summary is not None
    return steps, trace.summary, trace


@pytest.mark.parametrize(
    ("steps", "every", "shown"),
    [
        (5, 1, [0, 1, 2, 3, 4, 5]),
        (5, 2, [0, 2, 4, 5]),
        (6, 2, [0, 2, 4, 6]),
        (5, 5, [0, 5]),
        (5, 6, [0, 5]),
        (1, 1000, [0, 1]),
        (7, 3, [0, 3, 6, 7]),
    ],
)
def test_every_so_many_steps_and_the_ends(steps: int, every: int, shown: list[int]) -> None:
    found, summary, _ = run_trace(DESCENT, steps=steps, every=every)
    assert [one.number for one in found] == shown
    assert summary.steps == steps and summary.stopped_by == "steps"
    assert [float(one.parameters["x"]) for one in found] == [0.5**at for at in shown]


def test_showing_fewer_steps_does_not_change_the_summary() -> None:
    optimizer = {"name": "adam", "learning_rate": 0.3}
    start = {"x": 1.5, "y": -1.0}
    all_steps, whole, _ = run_trace(optimizer, start, QUADRATIC, steps=40)
    thinned, summary, _ = run_trace(optimizer, start, QUADRATIC, steps=40, every=7)
    assert whole == summary
    assert [one.parameters for one in thinned] == [all_steps[one.number].parameters for one in thinned]


def test_a_trace_stops_at_a_small_gradient() -> None:
    steps, summary, trace = run_trace(DESCENT, steps=100, every=4, stop=Stop(gradient_norm=0.05))
    assert [one.number for one in steps] == [0, 4, 5]
    assert summary.stopped_by == "gradient_norm" and summary.steps == 5
    assert summary.converged_at == 5 and summary.tolerance == 0.05
    assert summary.gradient_norm == pytest.approx(1 / 32)
    assert trace.notes == []


def test_a_trace_stops_at_a_small_loss() -> None:
    steps, summary, _ = run_trace(DESCENT, steps=100, stop=Stop(loss=0.03))
    assert summary.stopped_by == "loss" and summary.steps == steps[-1].number == 3
    steps, summary, _ = run_trace(DESCENT, steps=2, stop=Stop(loss=-5))
    assert summary.stopped_by == "steps"


def test_a_trace_may_stop_at_the_start() -> None:
    steps, summary, _ = run_trace(DESCENT, 0.0, steps=100, stop=Stop(gradient_norm=0))
    assert [one.number for one in steps] == [0]
    assert summary.stopped_by == "gradient_norm" and summary.converged_at == 0


def test_exact_traces_stop_too() -> None:
    steps, summary, _ = run_trace(DESCENT | {"learning_rate": "1/2"}, 1, steps=50, numbers="exact",
                            stop=Stop(gradient_norm=0.05))  # fmt: skip
    assert (summary.steps, summary.stopped_by, steps[-1].number) == (5, "gradient_norm", 5)
    _, summary, _ = run_trace(
        DESCENT | {"learning_rate": "1/2"}, 1, steps=50, numbers="exact", stop=Stop(loss=0.03)
    )
    assert (summary.steps, summary.stopped_by) == (3, "loss")


def test_symbols_leave_open_whether_it_should_stop() -> None:
    _, summary, trace = run_trace(DESCENT | {"learning_rate": "eta"}, 1, steps=2, numbers="exact",
                            stop=Stop(gradient_norm=0.5))  # fmt: skip
    assert summary.steps == 2
    assert [note.code for note in trace.notes] == ["stop_when"]


def test_summaries_with_free_symbols_leave_unknowns_open() -> None:
    _, summary, _ = run_trace(DESCENT | {"learning_rate": "eta"}, 1, steps=2, numbers="exact")
    assert summary.first_loss == 0.5
    assert (summary.monotone, summary.last_loss, summary.least_loss) == (None, None, None)


def test_given_gradients_have_no_note_on_free_symbols() -> None:
    gradients = [{"x": 1.0}, {"x": 2.0}]
    _, summary, trace = run_trace(DESCENT, program=(), gradients=gradients, stop=Stop(gradient_norm=0.5))
    assert summary.steps == 2 and not trace.notes
    with pytest.raises(QuestionErrors, match="needs a program"):
        run_trace(DESCENT, program=(), gradients=gradients, stop=Stop(loss=0.5))


def test_small_given_gradients_stop_a_trace() -> None:
    gradients = [{"x": 1.0}, {"x": 0.25}, {"x": 1.0}]
    steps, summary, _ = run_trace(DESCENT, program=(), gradients=gradients, stop=Stop(gradient_norm=0.5))
    assert summary.stopped_by == "gradient_norm" and [one.number for one in steps] == [0, 1]
    assert steps[1].loss is None


def test_given_gradients_of_zero_have_converged() -> None:
    gradients = [{"x": 1.0}, {"x": 0.0}, {"x": 0.0}, {"x": 0.0}]
    _, summary, _ = run_trace(DESCENT, program=(), gradients=gradients)
    assert summary.converged_at == 1


def test_a_minimum_of_a_batch_does_not_stop_a_trace() -> None:
    """The first batch has a zero gradient at the start; the whole data has not."""
    sent: Any = {"data": {"x": [1.0, 2.0], "y": [1.0, 8.0]}, "batches": Batches(("x", "y"), ((0,), (1,)))}
    program, stop = ("f = mean((w * x - y)**2)",), Stop(gradient_norm=1e-3)
    _, summary, _ = run_trace(
        DESCENT | {"learning_rate": 0.01}, {"w": 1.0}, program, steps=4, stop=stop, **sent
    )
    assert summary.steps == 4 and summary.stopped_by == "steps" and summary.converged_at is None


def test_divergence_ends_a_trace_with_a_note() -> None:
    steps, summary, trace = run_trace(DESCENT | {"learning_rate": 1e100}, steps=50, every=10)
    assert summary.stopped_by == "not_finite"
    assert summary.diverging_from == 1 and summary.rose_at == 1
    assert [one.number for one in steps] == [0, summary.steps]
    assert not math.isfinite(float(steps[-1].loss or 0))
    [note] = trace.notes
    assert note.code == "diverged" and f"step {summary.steps}" in note.message


def test_slow_divergence_and_growing_swings() -> None:
    _, slow, _ = run_trace(DESCENT | {"learning_rate": 2.01}, steps=30)
    assert slow.diverging_from == 1 and slow.oscillating == ["x"] and slow.stopped_by == "steps"
    _, edge, _ = run_trace(DESCENT | {"learning_rate": 2.0}, steps=30)
    assert edge.diverging_from is None and edge.oscillating == ["x"] and edge.monotone is True
    _, damped, _ = run_trace(DESCENT | {"learning_rate": 1.5}, steps=60)
    assert damped.oscillating == ["x"] and damped.monotone is True and damped.converged_at is not None


def test_passing_through_a_minimum_is_not_convergence() -> None:
    """With this much momentum x passes the minimum, where the gradient is small for one step."""
    steps, summary, _ = run_trace({"name": "momentum", "learning_rate": 0.01, "momentum": 0.95}, steps=400,
                            stop=Stop(loss=-1))  # fmt: skip
    norms = [abs(float(one.parameters["x"])) for one in steps]
    passing = [at for at, norm in enumerate(norms) if norm <= summary.tolerance]
    assert summary.converged_at is None or all(norm <= 1e-6 for norm in norms[summary.converged_at :])
    assert summary.monotone is False
    assert passing == [] or summary.converged_at != passing[0] or passing[0] == len(norms) - len(passing)


def test_warnings_are_quiet_within_steps_and_not_between_them() -> None:
    trace = prepare(DESCENT | {"learning_rate": 1e200}, {"x": 1e200}, HALVING, steps=3).trace
    run = trace.shown_steps()
    next(run)
    assert np.geterr()["over"] == "warn"
    list(run)


def test_a_large_gradient_has_a_norm() -> None:
    _, summary, _ = run_trace(DESCENT, 1e160, ("f = x",), steps=1)
    assert summary.gradient_norm == 1
    _, summary, _ = run_trace(
        {"name": "gradient_descent", "learning_rate": 0}, 1e100, ("f = 1e100 * x",), steps=1
    )
    assert summary.gradient_norm == pytest.approx(1e100)
    start = {"v": [3e200, 4e200]}
    optimizer, data = {"name": "gradient_descent", "learning_rate": 0}, {"c": [3e160, 4e100]}
    _, summary, _ = run_trace(optimizer, start, ("f = sum(v * c)",), steps=1, data=data)
    assert summary.stopped_by == "not_finite" or summary.gradient_norm == pytest.approx(3e160)


def test_steps_are_made_lazily(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = []

    def counting(*arguments: Any, **more: Any) -> Any:
        for step in follow(*arguments, **more):
            numbers.append(step.number)
            yield step

    monkeypatch.setattr(reading, "follow", counting)
    run = prepare(DESCENT, {"x": 1.0}, HALVING, steps=1000, every=10).trace.shown_steps()
    for wanted in (0, 10, 20, 30, 40):
        assert next(run).number == wanted <= numbers[-1] < wanted + reading.BATCHED_STEPS


def peak_memory(steps: int, optimizer: dict[str, Any]) -> int:
    """Return the bytes held after the last step while the trace exists, without caches of parsed text."""
    trace = prepare(optimizer, {"x": 1.0}, HALVING, steps=steps, every=10**6).trace
    tracemalloc.start()
    try:
        for step in trace.shown_steps():
            if step.number:
                parse.cache_clear()
                return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    raise AssertionError("there is a last step")


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        {"name": "cosine", "steps": 5000},
        {"name": "inverse_square_root", "steps": 5},
        {"name": "exponential"},
    ],
    ids=str,
)
def test_memory_does_not_grow_with_steps(schedule: Any) -> None:
    optimizer = {"name": "momentum", "learning_rate": 0.001} | ({"schedule": schedule} if schedule else {})
    peak_memory(100, optimizer)  # fills caches
    few, many = peak_memory(100, optimizer), peak_memory(900, optimizer)
    assert many < few + 150_000
