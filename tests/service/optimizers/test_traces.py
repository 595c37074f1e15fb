"""POST /v1/optimizer/trace: answers."""

import base64
import math
from typing import Any

import numpy as np
import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from service.optimizers.responses import TraceResponse, TraceStep, TraceSummary
from tests.conftest import Ask
from tests.oracles.optimizers import CASES, OBJECTIVES, buffers, read_recorded
from tests.test_oracles_optimizers import agree, flat

PATH = "/v1/optimizer/trace"
SQUARE: dict[str, Any] = {"program": ["f = x**2 / 4"], "start": {"x": 1}, "steps": 3}
DESCENT = {"name": "gradient_descent", "learning_rate": 0.5}


def traced(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **{**SQUARE, "optimizer": DESCENT, **fields})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("name", [*CASES][::9])
def test_what_pytorch_recorded(ask: Ask, name: str) -> None:
    case = CASES[name]
    objective = OBJECTIVES[case.objective]
    inputs = {"program": [*objective.program], "inputs": objective.data}
    found = traced(ask, start=case.start, optimizer=case.optimizer, steps=20, **inputs)
    there, steps = list(read_recorded(name).values()), found["trace"][1:]
    agree([one["loss"] for one in steps], [one["loss"] for one in there])
    agree([one["learning_rate"] for one in steps], [one["rate"] for one in there])
    for kind in ("parameters", "gradient"):
        agree([flat(one[kind]) for one in steps], [flat(one[kind]) for one in there])
    for buffer in buffers(case.optimizer):
        ours, theirs = (
            [flat({n: of[buffer] for n, of in one["state"].items()}) for one in each]
            for each in (steps, there)
        )
        agree(ours, theirs)


def test_a_whole_answer(ask: Ask) -> None:
    found = traced(ask, steps=1)
    assert list(found) == ["operation", "conventions", "formulas", "trace", "summary", "notes"]
    assert found["operation"] == "optimizer/trace"
    assert found["conventions"] == {
        "optimizer": "gradient_descent",
        "learning_rate": 0.5,
        "schedule": "constant",
        "loss": "f",
        "loss_at": "the parameters after each step",
        "gradient_at": "the parameters before each step",
    }
    assert found["trace"] == [
        {"step": 0, "parameters": {"x": 1}, "loss": 0.25},
        {
            "step": 1,
            "parameters": {"x": 0.75},
            "loss": 0.140625,
            "learning_rate": 0.5,
            "gradient": {"x": 0.5},
            "update": {"x": -0.25},
            "formula": {
                "x": {
                    "update": r"\Delta x_{1} = -0.5 \cdot 0.5 = -0.25",
                    "parameter": "x_{1} = 1 - 0.25 = 0.75",
                }
            },
        },
    ]
    assert found["summary"]["stopped_by"] == "steps"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_answers_are_what_their_schema_says(ask: Ask, name: str) -> None:
    clip = {"clip_norm": 1, "weight_decay": 0.1}
    found = traced(ask, optimizer={"name": name, **clip}, steps=6, surface={"points": 3, "over": ["x", "y"]},
                   program=["f = x**2 + x*y + y**2"], start={"x": 1, "y": 2})  # fmt: skip
    TraceResponse.model_validate(found)
    assert set(found) <= set(TraceResponse.model_fields)
    assert set(found["summary"]) == set(TraceSummary.model_fields)
    for step in found["trace"]:
        assert set(step) <= set(TraceStep.model_fields)
    declared = {
        "learning_rate",
        "weight_decay",
        "decay",
        "clip_norm",
        "clip_epsilon",
        *OPTIMIZERS[name].settings,
    }
    assert declared <= set(found["conventions"])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_conventions_say_the_schedule_with_its_defaults(ask: Ask, schedule: str) -> None:
    required = {"schedules": [{"name": "step"}], "milestones": []}
    sent = {name: required[name] for name in required if name in SCHEDULES[schedule].settings}
    optimizer = DESCENT | {"schedule": {"name": schedule, **sent}}
    found = traced(ask, optimizer=optimizer)["conventions"]["schedule"]
    assert found["name"] == schedule and set(found) == {"name", *SCHEDULES[schedule].settings}


def test_parts_that_are_selected(ask: Ask) -> None:
    found = traced(ask, select=["loss"])
    assert found["trace"] == [{"step": at, "loss": 0.25 * 0.75 ** (2 * at)} for at in range(4)]
    found = traced(ask, select=["parameters", "update"], optimizer={"name": "adam"})
    assert [set(one) for one in found["trace"]] == [{"step", "parameters"}] + [
        {"step", "parameters", "update"}
    ] * 3


def test_buffers_are_nested_by_parameter_and_name(ask: Ask) -> None:
    step = traced(ask, optimizer={"name": "adam"}, select=["state"])["trace"][1]
    assert set(step["state"]) == {"x"} and set(step["state"]["x"]) == {"first_moment", "second_moment"}
    assert "state" not in traced(ask)["trace"][1]


def test_vectors_and_packed_tensors(ask: Ask) -> None:
    vector = {"program": ["f = sum((v @ a)**2)"], "start": {"v": [[1, 2]]}, "inputs": {"a": [[1, 0], [0, 2]]}}
    nested = traced(ask, **vector)
    packed = traced(ask, **vector, encoding="packed")
    for one, other in zip(nested["trace"], packed["trace"], strict=True):
        assert one["loss"] == other["loss"]
        sent = other["parameters"]["v"]
        assert sent["shape"] == [1, 2]
        numbers = np.frombuffer(base64.b64decode(sent["data"]))
        assert numbers.tolist() == one["parameters"]["v"][0]
    start = {"v": packed["trace"][0]["parameters"]["v"]}
    assert traced(ask, **vector | {"start": start}) == nested


def test_single_numbers_in_float32(ask: Ask) -> None:
    found = traced(ask, arithmetic="float32", start={"x": 0.1}, steps=1)
    assert found["trace"][1]["parameters"]["x"] == pytest.approx(0.075, rel=1e-6)


def test_gradients_that_are_handed_in(ask: Ask) -> None:
    found = traced(ask, program=None, steps=None, gradients=[{"x": 1}, {"x": "1/2"}, {"x": 0}])
    assert [one["parameters"]["x"] for one in found["trace"]] == [1, 0.5, 0.25, 0.25]
    assert all("loss" not in one for one in found["trace"])
    assert found["summary"]["monotone"] is None
    fewer = traced(ask, program=None, steps=2, gradients=[{"x": 1}, {"x": "1/2"}, {"x": 0}])
    assert fewer["trace"] == found["trace"][:3]


def test_batches(ask: Ask) -> None:
    found = traced(
        ask, program=["f = mean((x*w - y)**2)"], start={"w": 0}, steps=3,
        optimizer=DESCENT | {"learning_rate": 0.1},
        inputs={"x": [1, 2, 3], "y": [2, 4, 6]}, batches={"inputs": ["x", "y"], "rows": [[0], [1, 2]]},
    )  # fmt: skip
    assert [one["batch"]["rows"] for one in found["trace"][1:]] == [[0], [1, 2], [0]]
    assert found["trace"][1]["batch"]["loss"] == 4 and found["trace"][2]["batch"]["loss"] != 4
    assert found["trace"][0]["loss"] == pytest.approx(56 / 3)


def test_thinning_and_stopping(ask: Ask) -> None:
    found = traced(ask, steps=1000, every=20, stop_when={"gradient_norm": 1e-6})
    assert found["summary"]["stopped_by"] == "gradient_norm"
    last = found["summary"]["steps"]
    assert [one["step"] for one in found["trace"]] == [*range(0, last, 20), last]
    assert found["summary"]["converged_at"] == last


def test_divergence_is_no_error(ask: Ask) -> None:
    found = traced(ask, optimizer={"name": "gradient_descent", "learning_rate": 1e60}, steps=50)
    assert found["summary"]["stopped_by"] == "not_finite"
    assert found["trace"][-1]["step"] == found["summary"]["steps"] < 10
    assert found["summary"]["last_loss"] in ("Infinity", "NaN")
    assert found["notes"][0]["code"] == "diverged"


def test_the_surface(ask: Ask) -> None:
    found = traced(ask, program=["f = x**2 + 3*y"], start={"x": 1, "y": 2}, surface={"points": 3},
                   optimizer={"name": "adam"})["surface"]  # fmt: skip
    assert found["axes"] == ["x", "y"]
    for i, x in enumerate(found["points"][0]):
        for j, y in enumerate(found["points"][1]):
            assert found["loss"][i][j] == pytest.approx(x**2 + 3 * y)


def test_a_surface_with_numbers_that_are_not_finite(ask: Ask) -> None:
    found = traced(ask, program=["f = log(x) + log(y)"], start={"x": 1, "y": 1},
                   surface={"points": 3, "ranges": {"x": [-1, 1], "y": [0, 1]}})["surface"]  # fmt: skip
    assert found["loss"][0][1] == "NaN" and found["loss"][1][1] == "-Infinity"


def test_constants_as_text(ask: Ask) -> None:
    found = traced(ask, optimizer={"name": "gradient_descent", "learning_rate": "1/sqrt(4)"})
    assert found["trace"] == traced(ask)["trace"] and found["conventions"]["learning_rate"] == "1/sqrt(4)"


def test_two_thousand_steps_of_a_scalar_are_few_numbers(ask: Ask) -> None:
    found = traced(ask, steps=2000, select=["loss"])
    assert len(found["trace"]) == 2001 and math.isclose(found["summary"]["last_loss"], 0, abs_tol=1e-30)


def test_squares_beyond_floats(ask: Ask) -> None:
    """The step of Adam with equal gradients is the rate, whatever their size; its buffer cannot be shown."""
    found = traced(
        ask,
        program=["f = 1e200*x"],
        steps=2,
        optimizer={"name": "adam", "learning_rate": 0.1, "clip_norm": 1e199},
    )
    assert found["trace"][1]["parameters"]["x"] == pytest.approx(0.9, abs=1e-12)
    assert found["trace"][2]["state"]["x"]["second_moment"] == "Infinity"
    assert found["trace"][2]["used_gradient"]["x"] == pytest.approx(1e199, rel=1e-12)
    assert [note["code"] for note in found["notes"]] == ["overflow"]


def test_values_in_the_place_of_others(ask: Ask) -> None:
    rule = {"name": "momentum", "learning_rate": 0.5, "momentum": 0.5}
    found = traced(ask, optimizer=rule, substitute={"velocity[1]": 0.75, "trace[3].gradient.x": "1/2"})
    first, second, third = found["trace"][1:]
    assert first["state"] == {"x": {"velocity": 0.75}} and first["parameters"] == {"x": 0.625}
    assert first["formula"]["x"]["velocity"] == "V_{1} = 0.75"
    assert second["gradient"] == {"x": 0.3125}
    assert second["state"] == {"x": {"velocity": 0.6875}}
    assert third["gradient"] == {"x": 0.5} and third["state"] == {"x": {"velocity": 0.84375}}
    everything = traced(ask, optimizer=rule, every=3, substitute={"x[1]": 0, "velocity[1]": 0})
    assert [step["parameters"] for step in everything["trace"]] == [{"x": 1}, {"x": 0}]
    assert traced(ask, optimizer=rule, substitute={}) == traced(ask, optimizer=rule)
