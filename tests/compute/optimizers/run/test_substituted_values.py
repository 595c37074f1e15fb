"""Values put in the place of those of a trace: everything that follows is computed from them."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.formulas import step_formulas
from compute.optimizers.run.objective import Batches
from compute.optimizers.run.places import Place
from compute.optimizers.run.trace import TraceStep
from compute.optimizers.run.trace_names import TraceNames
from tests.compute.asking import arrays
from tests.compute.optimizers.asking import QUADRATIC, START, prepare
from tests.test_oracles_optimizers import agree, flat

POINT = {"x": 1.5, "y": -1.0}
SQUARE = ("f = x**2",)


def traced(optimizer: Any, substitute: dict[str, Any], start: Any = None, program: Any = SQUARE,
           numbers: str = "float64", **more: Any) -> list[TraceStep]:  # fmt: skip
    more = {"steps": 3, "substitute": arrays(substitute, numbers), **more}
    return list(prepare(optimizer, start or {"x": 1.0}, program, numbers=numbers, **more).trace.shown_steps())


def value_of(steps: list[TraceStep], place: Place) -> Any:
    step, record = steps[place.step], steps[place.step].record
    if place.part == "state":
        return step.state[place.parameter][place.buffer]
    if place.part in ("parameters", "loss"):
        part = getattr(step, place.part)
    else:
        part = getattr(record, place.part.replace(".", "_"))
    return part[place.parameter] if place.parameter else part


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_a_value_in_its_own_place_changes_nothing(name: str, numbers: str) -> None:
    optimizer = {"name": name, "weight_decay": "1/10", "clip_value": 20}
    start: Any = START if numbers == "exact" else POINT
    steps = 2 if numbers == "exact" else 4
    prepared = prepare(optimizer, start, QUADRATIC, numbers=numbers, steps=steps).trace
    plain = list(prepared.shown_steps())
    names = TraceNames(prepared.run, prepared.start, steps)
    places = [place for at in range(steps + 1) for place in names.at(at)]
    assert all(names.find(place.path) == place for place in places)
    if numbers == "exact":  # a value of each kind
        places = [place for place in places if place.step == 1]
    own = {place.path: np.asarray(value_of(plain, place)) for place in places}
    again = prepare(optimizer, start, QUADRATIC, numbers=numbers, steps=steps, substitute=own).trace
    for one, other in zip(plain, again.shown_steps(), strict=True):
        agree(flat(one.parameters), flat(other.parameters))
        agree(float(one.loss), float(other.loss))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - {"radam"}))  # at first it does not use all
def test_every_buffer_is_used_by_the_rest_of_the_rule(name: str) -> None:
    optimizer: dict[str, Any] = {"name": name}
    plain = prepare(optimizer, POINT, QUADRATIC, steps=3).trace
    unchanged = [flat(step.parameters) for step in plain.shown_steps()]
    for place in TraceNames(plain.run, plain.start, 3).at(1):
        if place.part == "state":
            matrix = np.array([[3.0, 1.0], [1.0, 5.0]])
            other = matrix if name == "newton" else np.sign(POINT[place.parameter]) * np.array(-9.37)
            other = abs(other) if "moment" not in place.buffer and name != "rprop" else other
            other = abs(other) if place.buffer == "second_moment" else other
            steps = traced(optimizer, {place.path: other}, POINT, QUADRATIC)
            np.testing.assert_array_equal(value_of(steps, place), other)
            changed = [flat(step.parameters) for step in steps]
            assert changed[0] == unchanged[0] and changed != unchanged, place.path


def test_a_velocity_is_used_at_once() -> None:
    steps = traced({"name": "momentum", "learning_rate": 0.1, "momentum": 0.5}, {"velocity[2]": 7.0})
    x, v = 1.0, 0.0
    for step in steps[1:]:
        v = 7.0 if step.number == 2 else 0.5 * v + 2 * x
        x -= 0.1 * v
        agree([step.parameters["x"], step.state["x"]["velocity"], step.loss], [x, v, x * x])


@pytest.mark.parametrize(
    ("path", "value", "after"),
    [
        ("x[1]", 0.5, 0.5),
        ("trace[1].update.x", -0.3, 0.7),
        ("gradient[1]", 4.0, 1 - 0.1 * 4 - 0.1 * 0.5),
        ("used_gradient[1]", 4.0, 0.6),
        ("learning_rate[1]", 0.2, 1 - 0.2 * 2.5),
        ("x[0]", 2.0, 2 - 0.1 * (4 + 1)),
    ],
)
def test_each_part_of_a_step(path: str, value: float, after: float) -> None:
    optimizer = {"name": "gradient_descent", "learning_rate": 0.1, "weight_decay": 0.5}
    steps = traced(optimizer, {path: value})
    x = after
    for step in steps[1:]:
        agree([step.parameters["x"], step.loss], [x, x * x])
        x -= 0.1 * (2 * x + 0.5 * x)


def test_a_loss_is_shown_and_nothing_follows_from_it() -> None:
    steps = traced({"name": "gradient_descent"}, {"loss[1]": 9.0})
    plain = traced({"name": "gradient_descent"}, {})
    assert steps[1].loss == 9
    assert [step.parameters for step in steps] == [step.parameters for step in plain]


def test_a_batch_has_a_loss_of_its_own() -> None:
    program, data = ("f = mean((a*w - b)**2)",), {"a": [1.0, 2.0], "b": [3.0, 5.0]}
    question = prepare({"name": "gradient_descent"}, {"w": 0.0}, program, data=data, steps=2).trace
    assert TraceNames(question.run, question.start, 2).find("batch.loss[1]") is None
    steps = list(
        prepare({"name": "gradient_descent"}, {"w": 0.0}, program, data=data, steps=2,
                batches=Batches(("a", "b"), ((0,), (1,))),
                substitute=arrays({"batch.loss[2]": 3.0})).trace.shown_steps()
    )  # fmt: skip
    assert steps[2].record is not None and steps[2].record.batch_loss == 3


def test_looking_ahead_along_a_velocity() -> None:
    optimizer = {"name": "nesterov_lookahead", "learning_rate": 0.1, "momentum": 0.5}
    steps = traced(optimizer, {"velocity[1]": -0.4})
    assert steps[2].record is not None
    agree([steps[1].parameters["x"], steps[2].record.gradient["x"]], [0.6, 2 * (0.6 - 0.2)])


def test_arrays_and_gradients_that_were_sent() -> None:
    start, gradients = {"v": [1.0, 2.0]}, [{"v": [1.0, 1.0]}, {"v": [2.0, 2.0]}]
    steps = list(
        prepare({"name": "momentum", "learning_rate": 1, "momentum": 1}, start, gradients=gradients,
                substitute=arrays({"velocity[1]": [0.0, 5.0]})).trace.shown_steps()
    )  # fmt: skip
    assert steps[2].parameters["v"].tolist() == [1 - 0 - 2, 2 - 5 - 7]


@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_formulas_have_the_values_in_place(numbers: str) -> None:
    substitute = {"velocity[1]": 0.5, "update[2]": 2, "x[3]": 7, "used_gradient[4]": 3}
    optimizer = {"name": "momentum", "learning_rate": 1, "momentum": 1, "weight_decay": 1}
    trace = prepare(optimizer, {"x": 1}, SQUARE, numbers=numbers, steps=4,
                    substitute=arrays(substitute, numbers)).trace  # fmt: skip
    found = [step_formulas(trace.run, step, trace.substituted)["x"] for step in [*trace.shown_steps()][1:]]
    half = "0.5" if numbers == "float64" else r"\frac{1}{2}"
    assert found[0]["velocity"] == f"V_{{1}} = {half}"
    assert found[0]["update"].startswith(r"\Delta x_{1} = -")
    assert found[1]["update"] == r"\Delta x_{2} = 2" and found[2]["parameter"] == "x_{3} = 7"
    assert found[3]["used_gradient"] == "g_{4} = 3"
    assert found[1]["parameter"].startswith(f"x_{{2}} = {half} + 2 = ")


def test_a_formula_of_all_parameters() -> None:
    trace = prepare({"name": "newton"}, POINT, QUADRATIC, steps=2, substitute=arrays({"x[2]": 4.0})).trace
    first, second = [step_formulas(trace.run, step, trace.substituted) for step in [*trace.shown_steps()][1:]]
    assert first["all parameters"]["parameter"].count("=") == 2
    assert second["all parameters"]["parameter"].count("=") == 1


@pytest.mark.parametrize(
    ("substitute", "message"),
    [
        ({"y[1]": 1}, "no value of the trace"),
        ({"x[4]": 1}, "no value of the trace"),
        ({"x[1]": [1]}, "does not have the shape"),
        ({"x[1]": 1, "trace[1].parameters.x": 1}, "is given twice"),
    ],
)
def test_what_is_refused(substitute: dict[str, Any], message: str) -> None:
    with pytest.raises(QuestionErrors) as raised:
        traced({"name": "gradient_descent"}, substitute)
    [error] = raised.value.errors
    assert message in error.message and error.path == ("substitute", [*substitute][-1])
