"""Names of the values of a trace, and what each is computed from."""

from typing import Any

import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.places import Place
from compute.optimizers.run.trace_names import TraceNames, kept_buffers
from tests.compute.optimizers.asking import QUADRATIC, START, prepare

THREE: dict[str, Any] = {"steps": 3}
ADAM = {"name": "adam"}
LINE: dict[str, Any] = {"data": {"a": [1.0, 2.0], "b": [3.0, 5.0]}, "steps": 3}


def names(optimizer: Any = ADAM, start: Any = None, program: Any = ("f = x**2",), **more: Any) -> TraceNames:
    trace = prepare(optimizer, start or {"x": 1.0}, program, **(THREE | more)).trace
    return TraceNames(trace.run, trace.start, trace.steps)


def test_paths_in_order_of_computation() -> None:
    batches: Any = prepare(ADAM, {"x": 1.0}, ("f = mean((a*x - b)**2)",), **LINE).trace
    assert [place.path for place in TraceNames(batches.run, batches.start, 3).at(2)] == [
        "trace[2].learning_rate",
        "trace[2].gradient.x",
        "trace[2].state.x.first_moment",
        "trace[2].state.x.second_moment",
        "trace[2].update.x",
        "trace[2].parameters.x",
        "trace[2].loss",
    ]
    assert [place.path for place in names().at(0)] == ["trace[0].parameters.x", "trace[0].loss"]
    decayed = names({"name": "gradient_descent", "weight_decay": 0.1}, {"x": 1.0, "y": 2.0}, ("f = x*y",))
    assert [place.inner_path for place in decayed.at(1)] == [
        "learning_rate",
        *("gradient.x", "gradient.y", "used_gradient.x", "used_gradient.y"),
        *("update.x", "update.y", "parameters.x", "parameters.y", "loss"),
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("x[2]", "trace[2].parameters.x"),
        ("x[0]", "trace[0].parameters.x"),
        ("first_moment[1]", "trace[1].state.x.first_moment"),
        ("loss[3]", "trace[3].loss"),
        ("f[0]", "trace[0].loss"),
        ("gradient[1]", "trace[1].gradient.x"),
        ("gradient.x[1]", "trace[1].gradient.x"),
        ("update[1]", "trace[1].update.x"),
        ("learning_rate[2]", "trace[2].learning_rate"),
        ("trace[3].state.x.second_moment", "trace[3].state.x.second_moment"),
        *(
            (wrong, None)
            for wrong in ("x[4]", "gradient[0]", "velocity[1]", "x", "x[-1]", "trace[1].x", "[1]")
        ),
        *((wrong, None) for wrong in ("used_gradient[1]", "trace[4].loss", "largest_second_moment[1]")),
    ],
)
def test_names_and_short_forms(name: str, meant: str | None) -> None:
    place = names().find(name)
    assert (place and place.path) == meant


def test_a_short_form_with_several_meanings_is_none() -> None:
    plane = names({"name": "momentum"}, {"x": 1.0, "loss": 2.0}, ("f = x*loss",))
    assert plane.find("velocity[1]") is None and plane.find("gradient[1]") is None
    assert plane.find("loss[1]") is None and plane.find("f[1]") == Place(1, "loss")
    assert plane.find("x[1]") == Place(1, "parameters", "x")
    assert plane.find("state.x.velocity[1]") == Place(1, "state", "x", "velocity")


def test_all_parameters_together() -> None:
    program = ("f = sum(w**2)",)
    newton = names({"name": "newton"}, {"w": [1.0, 2.0]}, program)
    place = newton.find("hessian[1]")
    assert place is not None and place.path == "trace[1].state.all parameters.hessian"
    assert newton.shape(place) == (2, 2) and newton.find(place.path) == place
    assert newton.shape(Place(1, "update", "w")) == (2,) and newton.shape(Place(1, "loss")) == ()


def test_an_unknown_name_gets_suggestions() -> None:
    error = names().unknown(("substitute", "q"), "trace[2].state.x.first_momnt")
    assert "did you mean trace[2].state.x.first_moment?" in error.message
    assert "first_moment[1]" in names().unknown((), "first_momen[1]").message


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_the_kept_buffers_are_those_of_a_trace(name: str, numbers: str) -> None:
    start: Any = START if numbers == "exact" else {"x": 1.5, "y": -1.0}
    trace = prepare({"name": name}, start, QUADRATIC, steps=2, numbers=numbers).trace
    last = [*trace.shown_steps()][-1]
    assert [*kept_buffers(trace.run)] == [*next(iter(last.state.values()))]
