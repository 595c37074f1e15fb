"""A trace with any of its values replaced, against whole traces with the same values in place."""

from typing import Any

import numpy as np
import pytest

from compute.errors import UnfitEntries
from compute.grading.computations import Slot
from compute.grading.traces import TraceComputation, trace_computation
from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.objective import Batches
from compute.optimizers.run.question import PreparedTrace
from compute.optimizers.run.trace_names import TraceNames
from tests.compute.optimizers.asking import QUADRATIC, START, prepare

POINT = {"x": 1.5, "y": -1.0}
STEPS = 4


def every_name(prepared: PreparedTrace) -> list[str]:
    trace = prepared.trace
    names = TraceNames(trace.run, trace.start, trace.steps)
    return [place.path for step in range(trace.steps + 1) for place in names.at(step)]


def whole(prepared: PreparedTrace) -> TraceComputation:
    return trace_computation(prepared, every_name(prepared))


def slot(name: str) -> Slot:
    return Slot("value", name)


def as_floats(array: Any) -> Any:
    return np.asarray(array, dtype=np.float64)


QUESTIONS: list[dict[str, Any]] = [{"optimizer": {"name": name}} for name in OPTIMIZERS] + [
    {"optimizer": {"name": "momentum", "weight_decay": 0.1, "clip_norm": 2, "learning_rate": 0.1}},
    {"optimizer": {"name": "adamw", "clip_value": 1, "schedule": {"name": "exponential"}}},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_expected_is_what_a_trace_with_these_values_has(question: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    prepared = prepare(question["optimizer"], POINT, QUADRATIC, steps=STEPS)
    computation = whole(prepared)
    for count in (1, 2, 9, len(computation.slots) - 2):
        chosen = sorted(rng.permutation(len(computation.slots))[:count])
        results = computation.results()
        replaced = {s: results[s] * 1.1 + 0.01 for s in (computation.slots[at] for at in chosen)}
        swept: dict[Slot, Any] = {}

        def keep(one: Slot, array: Any, replaced: Any = replaced, swept: Any = swept) -> Any:
            swept[one] = array
            return replaced.get(one, array)

        computation.sweep(keep)
        assert [*swept] == [*computation.slots]
        for one in computation.slots:
            expected = computation.expected(one, replaced)
            np.testing.assert_allclose(expected, swept[one], rtol=1e-12, err_msg=one.name)
            others = {other: array for other, array in replaced.items() if other != one}
            np.testing.assert_array_equal(computation.expected(one, others), expected)
            assert not (expected != results[one]).any() or any(
                computation.depends(one, on) for on in replaced if on != one
            )


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_sweep_is_a_trace_with_the_values_in_place(question: dict[str, Any]) -> None:
    computation = whole(prepare(question["optimizer"], POINT, QUADRATIC, steps=STEPS))
    replaced = {one.name: as_floats(array) * 1.2 + 0.1 for one, array in computation.results().items()
                if "[2]" in one.name}  # fmt: skip
    prepared = prepare(question["optimizer"], POINT, QUADRATIC, steps=STEPS, substitute=replaced)
    last = [*prepared.trace.shown_steps()][-1]
    found: dict[str, Any] = {}

    def keep(one: Slot, array: Any) -> Any:
        found[one.name] = array
        return replaced.get(one.name, array)

    computation.sweep(keep)
    for name, parameter in last.parameters.items():
        np.testing.assert_array_equal(found[f"trace[{STEPS}].parameters.{name}"], parameter)
    np.testing.assert_array_equal(found[f"trace[{STEPS}].loss"], last.loss)


def test_a_students_velocity_by_hand() -> None:
    optimizer = {"name": "momentum", "learning_rate": 0.1, "momentum": 0.5}
    prepared = prepare(optimizer, {"x": 1.0}, ("f = x**2",), steps=3)
    computation = trace_computation(
        prepared, ["x[3]", "velocity[2]", "x[1]", "loss[3]", "nothing[1]", "x[9]"]
    )
    assert [one.name for one in computation.slots] == [
        "trace[1].parameters.x",
        "trace[2].state.x.velocity",
        "trace[3].parameters.x",
        "trace[3].loss",
    ]
    x_1, velocity_2, x_3, loss_3 = computation.slots
    assert computation.expected(velocity_2, {x_1: np.array(0.5)}) == pytest.approx(0.5 * 2 + 2 * 0.5)
    v, x = 7.0, 0.5 - 0.1 * 7.0
    v = 0.5 * v + 2 * x
    x -= 0.1 * v
    replaced = {x_1: np.array(0.5), velocity_2: np.array(7.0)}
    assert computation.expected(x_3, replaced) == pytest.approx(x)
    assert computation.expected(loss_3, replaced) == pytest.approx(x * x)
    assert computation.expected(loss_3, replaced | {x_3: np.array(3)}) == 9


def test_what_depends_on_what() -> None:
    computation = whole(prepare({"name": "momentum"}, POINT, QUADRATIC, steps=3))

    def depends(name: str, on: str) -> bool:
        return computation.depends(slot(name), slot(on))

    assert depends("trace[2].parameters.x", "trace[1].state.x.velocity")
    assert depends("trace[2].state.x.velocity", "trace[1].parameters.y")  # through the gradient
    assert not depends("trace[1].state.x.velocity", "trace[1].gradient.y")
    assert not depends("trace[2].loss", "trace[1].loss")
    assert not depends("trace[2].learning_rate", "trace[1].parameters.x")
    assert not depends("trace[1].parameters.x", "trace[2].parameters.x")
    clipped = whole(prepare({"name": "momentum", "clip_norm": 1}, POINT, QUADRATIC, steps=2))
    assert clipped.depends(slot("trace[1].state.x.velocity"), slot("trace[1].gradient.y"))
    sent = whole(prepare({"name": "momentum"}, {"x": 1.0}, gradients=[{"x": 1.0}, {"x": 2.0}]))
    assert not sent.depends(slot("trace[2].gradient.x"), slot("trace[1].parameters.x"))
    assert all("loss" not in one.name for one in sent.slots)


def test_exact_numbers() -> None:
    computation = whole(prepare({"name": "momentum"}, START, QUADRATIC, steps=2, numbers="exact"))
    last, velocity = slot("trace[2].parameters.x"), slot("trace[1].state.x.velocity")
    results = computation.results()
    assert (computation.expected(last, {velocity: results[velocity]}) == results[last]).all()
    moved = computation.expected(last, {velocity: np.asarray(results[velocity] + 1)})
    assert float(moved[()]) != float(results[last][()])


def test_vectors_and_batches() -> None:
    program, data = ("f = mean((a @ w - b)**2)",), {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [[3.0], [5.0]]}
    prepared = prepare({"name": "adam"}, {"w": [[1.0], [2.0]]}, program, data=data, steps=3,
                       batches=Batches(("a", "b"), ((0,), (1,))))  # fmt: skip
    computation = whole(prepared)
    w_1, batch = slot("trace[1].parameters.w"), slot("trace[2].batch.loss")
    assert computation.results()[w_1].shape == (2, 1) and computation.results()[batch].shape == ()
    assert computation.expected(batch, {w_1: np.array([[1.0], [0.0]])}) == (3 - 5) ** 2


def test_a_rejected_entry() -> None:
    program = ("f = sum(check_entries(v, only='variances'))",)
    computation = whole(prepare({"name": "gradient_descent"}, {"v": [1.0, 2.0]}, program, steps=2))
    with pytest.raises(UnfitEntries, match="not above 0"):
        computation.expected(slot("trace[2].loss"), {slot("trace[1].parameters.v"): np.array([-1.0, 2.0])})
