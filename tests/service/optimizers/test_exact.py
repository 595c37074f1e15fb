"""Traces in exact arithmetic, answered as in a worker process, but in this one."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from compute.errors import QuestionErrors
from service.optimizers.traces import understand_trace
from service.questions.operations import EXACT_WORK
from service.workers.exact import LIMITS

EXACT: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "steps": 2,
    "optimizer": {"name": "gradient_descent", "learning_rate": "eta"},
    "arithmetic": "exact",
}


@pytest.fixture(autouse=True)
def _done_here() -> Iterator[None]:
    before, EXACT_WORK.is_done_here = EXACT_WORK.is_done_here, True
    yield
    EXACT_WORK.is_done_here = before


def traced(**fields: Any) -> Any:
    sent = {name: one for name, one in (EXACT | fields).items() if one is not None}
    return orjson.loads(understand_trace(sent, LIMITS).answer())


def test_steps_in_symbols() -> None:
    answer = traced()
    assert answer["trace"][0] == {
        "step": 0,
        "parameters": {"x": "1"},
        "loss": "1/4",
        "approximations": {"parameters": {"x": 1}, "loss": 0.25},
    }
    first = answer["trace"][1]
    assert first["parameters"] == {"x": "1 - eta/2"} and first["learning_rate"] == "eta"
    assert first["gradient"] == {"x": "1/2"} and first["update"] == {"x": "-eta/2"}
    assert first["approximations"] == {"parameters": {"x": None}, "loss": None}
    assert answer["conventions"]["learning_rate"] == "eta"


def test_of_what_is_not_known_the_summary_says_nothing() -> None:
    answer = traced()["summary"]
    assert answer["steps"] == 2
    for name in ("monotone", "last_loss", "least_loss", "least_loss_at", "gradient_norm", "converged_at"):
        assert answer[name] is None, name


def test_decimals_are_fractions() -> None:
    answer = traced(optimizer={"name": "momentum", "learning_rate": 0.1}, steps=1)
    assert answer["trace"][1]["parameters"] == {"x": "19/20"}
    assert answer["trace"][1]["state"] == {"x": {"velocity": "1/2"}}
    assert answer["summary"]["monotone"] is True


def test_the_schema_default_of_epsilon_is_exact_too() -> None:
    answer = traced(optimizer={"name": "adam"}, steps=1)
    assert answer["trace"][1]["parameters"] == {"x": "49950001/50000001"}


def test_assumptions_are_of_symbols_that_there_are() -> None:
    answer = traced(assumptions={"eta": ["positive"]}, optimizer={"name": "rprop", "learning_rate": "eta",
                                                                 "step_min": 0}, steps=1)  # fmt: skip
    assert "eta" in answer["trace"][1]["parameters"]["x"]
    with pytest.raises(QuestionErrors) as caught:
        traced(assumptions={"theta": ["positive"]})
    assert caught.value.errors[0].path == ("assumptions", "theta")
    schedule = {"name": "exponential", "factor": "c"}
    traced(assumptions={"c": ["positive"]}, optimizer=EXACT["optimizer"] | {"schedule": schedule})


def test_growing_numbers_end_a_trace() -> None:
    answer = traced(program=["f = x**3"], start={"x": "1/3"}, steps=50,
                   optimizer={"name": "gradient_descent", "learning_rate": "1/10"})  # fmt: skip
    assert answer["summary"]["stopped_by"] == "size"
    assert answer["trace"][-1]["step"] == answer["summary"]["steps"] > 5
    assert answer["notes"][0]["code"] == "stopped"


def test_exact_numbers_that_are_not_finite() -> None:
    answer = traced(program=["f = 1/x"], start={"x": 0}, optimizer={"name": "gradient_descent"})
    assert answer["summary"]["stopped_by"] == "not_finite"
    answer = traced(program=["f = (x + y)**2"], start={"x": 1, "y": 1}, optimizer={"name": "newton"})
    assert answer["summary"]["stopped_by"] == "not_finite" and answer["summary"]["steps"] == 1


def test_newton_in_one_step() -> None:
    answer = traced(program=["f = (x**2 + 10*y**2)/2 + x*y - x"], start={"x": "a", "y": "b"}, steps=1,
                   optimizer={"name": "newton"})  # fmt: skip
    assert answer["trace"][1]["parameters"] == {"x": "10/9", "y": "-1/9"}
    assert answer["trace"][1]["state"]["all parameters"]["hessian"] == [["1", "1"], ["1", "10"]]


SYMBOLIC = [
    {"name": "radam", "beta_2": "b"},
    {"name": "radam", "beta_1": "b"},
    {"name": "rmsprop", "momentum": "b", "centered": True},
    {"name": "rprop", "eta_plus": "b", "step_max": "m"},
    {"name": "adam", "amsgrad": True, "beta_2": "b"},
    {"name": "adamax", "beta_1": "b"},
    {"name": "nadam", "momentum_decay": "p"},
    {"name": "adagrad", "epsilon": "e0", "rate_decay": "r"},
    {"name": "adadelta", "rho": "r"},
    {"name": "lion", "weight_decay": "l", "decay": "post"},
    {"name": "newton", "damping": "l"},
    {"name": "gradient_descent", "clip_norm": "c", "clip_value": "d"},
    {"name": "gradient_descent", "learning_rate": "a", "schedule": {"name": "cosine", "least": "c"}},
]


@pytest.mark.parametrize("optimizer", SYMBOLIC, ids=str)
def test_symbols_are_answered_or_refused_where_they_stand(optimizer: dict[str, Any]) -> None:
    try:
        steps = traced(optimizer=optimizer)["summary"]["steps"]
    except QuestionErrors as refused:
        steps = refused.errors[0].path[0]
    assert steps in (2, "optimizer")


@pytest.mark.parametrize("name", ["adam", "rprop", "radam", "lion", "adamax", "newton"])
def test_symbols_as_start(name: str) -> None:
    answer = traced(start={"x": "a"}, optimizer={"name": name})
    assert answer["trace"][1]["approximations"]["parameters"] in ({"x": None}, {"x": 0})


def test_a_surface_of_an_exact_trace() -> None:
    both = {"program": ["f = x**2 + y**2"], "start": {"x": 1, "y": "sqrt(2)"}, "surface": {"points": 3}}
    answer = traced(**both, optimizer={"name": "gradient_descent", "learning_rate": "1/4"})
    assert answer["surface"]["loss"][0][0] == pytest.approx(
        answer["surface"]["points"][0][0] ** 2 + answer["surface"]["points"][1][0] ** 2
    )


@pytest.mark.parametrize("where", ["optimizer", "start"])
def test_a_surface_of_a_trace_with_symbols_is_refused(where: str) -> None:
    both: dict[str, Any] = {
        "program": ["f = x**2 + y**2"],
        "start": {"x": 1, "y": 2},
        "surface": {"points": 3},
    }
    if where == "start":
        both |= {"start": {"x": "a", "y": 2}, "optimizer": {"name": "gradient_descent"}}
    with pytest.raises(QuestionErrors) as caught:
        traced(**both)
    assert caught.value.errors[0].path == ("surface",)
    assert "symbols" in caught.value.errors[0].expected


def test_cases_that_cannot_be_told_apart_end_a_trace() -> None:
    rule = {"name": "lion", "learning_rate": 0.5}
    answer = traced(program=["f = relu(x)**2 / 2"], start={"x": "u"}, steps=3, optimizer=rule)
    assert answer["summary"]["stopped_by"] == "size" and answer["summary"]["steps"] >= 1
    assert answer["notes"][0]["code"] == "stopped"


def test_exact_values_in_the_place_of_others() -> None:
    found = traced(substitute={"x[1]": "a/2", "update[2]": "1/3"}, assumptions={"a": ["positive"]})["trace"]
    assert found[1]["parameters"] == {"x": "a/2"} and found[1]["loss"] == "a**2/16"
    assert found[2]["gradient"] == {"x": "a/4"} and found[2]["parameters"] == {"x": "a/2 + 1/3"}
