"""Traces from any state: cut in two, they give the same bytes; invalid states are refused."""

from typing import Any

import orjson
import pytest

from compute.optimizers import OPTIMIZERS
from tests.conftest import Ask

PATH = "/v1/optimizer/trace"
PROGRAM = ["L = mean((linear(x, w, b) - y)**2)"]
DATA = {"x": [[1, 2], [0.5, -1], [2, 0.25]], "y": [[1, 0], [-1, 2], [0.5, 1]]}
START = {"w": [[0.5, -0.25], [1, 0.75]], "b": [0.1, -0.2]}
QUESTION: dict[str, Any] = {"program": PROGRAM, "inputs": DATA, "start": START, "steps": 7}
BATCHES = {"inputs": ["x", "y"], "rows": [[0, 1], [2], [1, 2, 0]]}
PLATEAU = {"name": "reduce_on_plateau", "patience": 0, "threshold": 0.2, "factor": 0.5, "cooldown": 1}
WARM = {"name": "warm_up", "steps": 3, "then": {"name": "cosine_restarts", "steps": 2, "growth": 2}}
VARIANTS: list[dict[str, Any]] = [
    *({"optimizer": {"name": name}} for name in OPTIMIZERS),
    *({"optimizer": {"name": name}, "arithmetic": "float32"} for name in ("momentum", "adam", "rprop")),
    {"optimizer": {"name": "momentum", "dampening": 0.5, "ema_decay": 0.9, "ema_bias_correction": True}},
    {"optimizer": {"name": "nesterov_lookahead", "ema_decay": 0.5, "weight_decay": 0.1}, "batches": BATCHES},
    {"optimizer": {"name": "newton", "ema_decay": 0.5, "damping": 1}},
    {"optimizer": {"name": "rmsprop", "centered": True, "momentum": 0.5, "schedule": WARM},
     "batches": BATCHES},
    {"optimizer": {"name": "adam", "amsgrad": True, "schedule": PLATEAU, "clip_norm": 0.3}},
    {"optimizer": {"name": "adagrad", "schedule": PLATEAU}, "arithmetic": "float32"},
    {"optimizer": {"name": "adamw", "maximize": True, "schedule": {"name": "one_cycle", "steps": 7}}},
    {
        "optimizer": {
            "name": "adam",
            "groups": [{"parameters": ["b"], "learning_rate": 0.5, "amsgrad": True, "maximize": True}],
        },
        "every": 3,
    },
]  # fmt: skip


def trace(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **fields)
    assert response.status_code == 200, response.text
    return response.json()


def resumed(step: dict[str, Any]) -> dict[str, Any]:
    """The fields of a trace that goes on after a step."""
    return {"start": step["parameters"], "state": step.get("state", {}), "step": step["step"]}


@pytest.mark.parametrize("fields", VARIANTS, ids=str)
def test_a_trace_cut_in_two_has_the_same_bytes(ask: Ask, fields: dict[str, Any]) -> None:
    whole = trace(ask, **QUESTION, **fields)["trace"]
    for cut in (1, 4):
        first = trace(ask, **QUESTION | fields | {"steps": cut})["trace"][-1]
        assert first["step"] == cut
        second = trace(ask, **QUESTION | fields | resumed(first) | {"steps": 7 - cut})["trace"]
        assert {name: first[name] for name in ("step", "parameters", "loss")} == second[0]
        after = [step for step in whole if step["step"] > cut]
        assert orjson.dumps(second[1:]) == orjson.dumps(after)


EXACT = [{"name": name} for name in ("gradient_descent", "momentum", "adagrad", "adam", "rprop", "newton")]


@pytest.mark.parametrize(
    "optimizer", [*EXACT, {"name": "momentum", "momentum": "m", "ema_decay": "1/2"}], ids=str
)
def test_exact_traces_cut_in_two(ask: Ask, optimizer: dict[str, Any]) -> None:
    fields = {
        "program": ["f = x**2/4 + x*y/2 + y**2"],
        "start": {"x": 1, "y": "-2/3"},
        "optimizer": optimizer,
    }
    fields["arithmetic"] = "exact"
    *_, first, second = trace(ask, **fields, steps=2)["trace"]
    again = trace(ask, **fields | resumed(first) | {"steps": 1})["trace"][1]
    assert orjson.dumps(again) == orjson.dumps(second)


def test_gradients_go_on_too(ask: Ask) -> None:
    gradients = [{"x": value} for value in (1, -0.5, 0.25, 2)]
    fields: dict[str, Any] = {"optimizer": {"name": "adam"}, "start": {"x": 1}}
    whole = trace(ask, **fields, gradients=gradients)["trace"]
    second = trace(ask, **fields | resumed(whole[2]), gradients=gradients[2:])["trace"]
    assert orjson.dumps(second[1:]) == orjson.dumps(whole[3:])


def test_adam_at_a_step_by_hand(ask: Ask) -> None:
    """m = 0.9*0.2 + 0.1*1, v = 0.999*0.04 + 0.001*1, both corrected for step 10."""
    state = {"w": {"first_moment": 0.2, "second_moment": 0.04}}
    found = trace(
        ask, start={"w": 2}, gradients=[{"w": 1}], state=state, step=9,
        optimizer={"name": "adam", "learning_rate": 0.1},
    )["trace"][-1]  # fmt: skip
    m, v = 0.9 * 0.2 + 0.1, 0.999 * 0.04 + 0.001
    expected = 2 - 0.1 * (m / (1 - 0.9**10)) / ((v / (1 - 0.999**10)) ** 0.5 + 1e-8)
    assert found["step"] == 10 and found["parameters"]["w"] == pytest.approx(expected, rel=1e-14)


def test_a_given_velocity_is_damped_from_the_first_step(ask: Ask) -> None:
    momentum = {"name": "momentum", "learning_rate": 1, "momentum": 0.5, "dampening": 0.25}
    fields: dict[str, Any] = {"start": {"w": 0}, "gradients": [{"w": 4}], "optimizer": momentum}
    assert trace(ask, **fields)["trace"][1]["state"] == {"w": {"velocity": 4}}
    given = trace(ask, **fields, state={"w": {"velocity": 2}})["trace"][1]
    assert given["state"] == {"w": {"velocity": 0.5 * 2 + 0.75 * 4}}


def test_numbers_of_steps_count_on(ask: Ask) -> None:
    fields: dict[str, Any] = {"program": ["f = x**2"], "start": {"x": 1}, "steps": 2, "step": 4}
    fields["optimizer"] = {"name": "gradient_descent", "learning_rate": 0.1}
    found = trace(ask, **fields, substitute={"x[5]": 0.5}, select=["parameters", "trace[6].loss"])
    assert found["trace"] == [
        {"step": 4, "parameters": {"x": 1}},
        {"step": 5, "parameters": {"x": 0.5}},
        {"step": 6, "parameters": {"x": 0.4}, "loss": pytest.approx(0.16)},
    ]
    assert found["summary"]["steps"] == 2 and found["summary"]["least_loss_at"] == 6
    response = ask(PATH, **fields, substitute={"x[1]": 0.5})
    assert response.status_code == 422 and "trace[5]" not in response.json()["detail"]


SENT: dict[str, Any] = {
    "w": {"first_moment": [0, 0], "second_moment": [0, 0]}, "b": {"first_moment": 0, "second_moment": 0}
}  # fmt: skip
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"step": 3}, "/state", "is required with a step"),
    ({"step": -1}, "/step", "integer"),
    ({"step": 1.5}, "/step", "integer"),
    ({"step": 10**30}, "/step", "integer"),
    ({"step": "a"}, "/step", "integer"),
    ({"state": {"step": 3}}, "/state", "number of the step"),
    ({"state": {"w": 3}}, "/state/w", "object"),
    ({"state": {"q": {}}}, "/state/q", "no parameter with buffers"),
    ({"state": {"w": SENT["w"]}}, "/state/b/first_moment", "is missing"),
    ({"state": SENT | {"b": {"velocity": 1, **SENT["b"]}}}, "/state/b/velocity", "no buffer of adam"),
    ({"state": SENT | {"b": {"first_moment": 1}}}, "/state/b/second_moment", "is missing"),
    ({"state": SENT | {"b": {**SENT["b"], "first_moment": [1]}}}, "/state/b/first_moment", "shape"),
    ({"state": SENT | {"b": {**SENT["b"], "first_moment": "NaN"}}}, "/state/b/first_moment", "not finite"),
    (
        {"state": SENT | {"b": {**SENT["b"], "first_moment": "Infinity"}}},
        "/state/b/first_moment",
        "not finite",
    ),
    ({"state": SENT | {"b": {**SENT["b"], "first_moment": "1+"}}}, "/state/b/first_moment", ""),
    ({"state": SENT | {"b": {**SENT["b"], "second_moment": -1}}}, "/state/b/second_moment", "at least 0"),
    ({"state": SENT, "step": 5000, "arithmetic": "exact"}, "/step", "is too large"),
    ({"select": ["state.w.velocity"]}, "/select/0", "no value of a step"),
    ({"select": ["trace[9].loss"]}, "/select/0", "no value of the trace"),
    ({"select": ["trace[" + "9" * 90 + "].state"]}, "/select/0", "no value of the trace"),
    ({"given": {"w[1]": 1}}, "/given/w[1]", "shape"),
    ({"given": {"b[1]": 1}, "substitute": {"trace[1].parameters.b": 1}}, "/given/b[1]", "is given twice"),
]


@pytest.mark.parametrize(("fields", "pointer", "message"), BAD, ids=str)
def test_what_is_wrong_with_a_state(ask: Ask, fields: dict[str, Any], pointer: str, message: str) -> None:
    question = {"program": ["f = sum(w**2) + b**2"], "start": {"w": [1, 2], "b": 1}, "steps": 2}
    response = ask(PATH, **question, optimizer={"name": "adam"}, **fields)
    assert response.status_code == 422, response.text
    errors = {
        error["pointer"]: f"{error['message']} {error['expected']}" for error in response.json()["errors"]
    }
    assert message in errors[pointer]


GROUPS: list[tuple[Any, str, str]] = [
    ([{"parameters": []}], "/optimizer/groups/0/parameters", "is empty"),
    ([{}], "/optimizer/groups/0/parameters", "is required"),
    ([{"parameters": ["q"]}], "/optimizer/groups/0/parameters/0", "no parameter under start"),
    ([{"parameters": ["w", "w"]}], "/optimizer/groups/0/parameters/1", "in this group already"),
    (
        [{"parameters": ["w"]}, {"parameters": ["b", "w"]}],
        "/optimizer/groups/1/parameters/1",
        "in group 0 already",
    ),
    ([{"parameters": ["w"], "beta_1": 2}], "/optimizer/groups/0/beta_1", "below 1"),
    ([{"parameters": ["w"], "learning_rate": -1}], "/optimizer/groups/0/learning_rate", "at least 0"),
    ([{"parameters": ["w"], "decay": "post"}], "/optimizer/groups/0/decay", "no weight_decay"),
    ([{"parameters": ["w"], "schedule": [1]}], "/optimizer/groups/0/schedule", "no field of this name"),
    ("all", "/optimizer/groups", "list"),
]


@pytest.mark.parametrize(("groups", "pointer", "message"), GROUPS, ids=str)
def test_what_is_wrong_with_groups(ask: Ask, groups: Any, pointer: str, message: str) -> None:
    question = {"program": ["f = sum(w**2) + b**2"], "start": {"w": [1, 2], "b": 1}, "steps": 2}
    response = ask(PATH, **question, optimizer={"name": "adam", "groups": groups})
    assert response.status_code == 422, response.text
    errors = {error["pointer"]: error["message"] for error in response.json()["errors"]}
    assert message in errors[pointer]


@pytest.mark.parametrize("value", [1e300, 11, -1, 0.5, "NaN"])
@pytest.mark.parametrize("name", ["reductions", "bad_steps"])
def test_counts_of_a_schedule_are_whole_and_not_too_many(ask: Ask, name: str, value: Any) -> None:
    schedule = {"name": "reduce_on_plateau", "factor": 0.9999999999999999, "epsilon": 0}
    state = {"learning rate": {"best": 1, "bad_steps": 0, "cooldown": 0, "reductions": 0, name: value}}
    response = ask(
        PATH, program=["f = x**2"], start={"x": 1}, steps=1, step=10, state=state,
        optimizer={"name": "gradient_descent", "schedule": schedule},
    )  # fmt: skip
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == f"/state/learning rate/{name}"


def test_groups_where_they_have_no_meaning(ask: Ask) -> None:
    question: dict[str, Any] = {"program": ["f = x**2"], "start": {"x": 1}, "steps": 1}
    groups = [{"parameters": ["x"], "learning_rate": 0.5}]
    for optimizer, pointer in (
        ({"name": "newton", "groups": groups}, "/optimizer/groups"),
        ({"name": "adam", "schedule": [0.1], "groups": groups}, "/optimizer/groups/0/learning_rate"),
    ):
        response = ask(PATH, **question, optimizer=optimizer)
        assert response.status_code == 422 and response.json()["errors"][0]["pointer"] == pointer


def test_schedules_nested_without_end(ask: Ask) -> None:
    schedule: dict[str, Any] = {"name": "constant"}
    for _ in range(60):
        schedule = {"name": "warm_up", "then": schedule}
    question = {"program": ["f = x**2"], "start": {"x": 1}, "steps": 1}
    response = ask(PATH, **question, optimizer={"name": "adam", "schedule": schedule})
    assert response.status_code == 422 and "too deeply" in response.json()["errors"][0]["message"]


def test_a_late_step_is_quick_to_answer(ask: Ask) -> None:
    for schedule in (
        {"name": "cosine_restarts", "growth": 1},
        {"name": "reduce_on_plateau", "patience": 0},
        WARM,
    ):
        state = {"x": {"first_moment": 0.1, "second_moment": 0.1}}
        if schedule["name"] == "reduce_on_plateau":
            state["learning rate"] = {"best": 1e-9, "bad_steps": 0, "cooldown": 0, "reductions": 10**6}
        found = trace(
            ask, program=["f = x**2"], start={"x": 1}, steps=1, step=10**6, state=state,
            optimizer={"name": "adam", "schedule": schedule},
        )  # fmt: skip
        assert found["trace"][-1]["step"] == 10**6 + 1


def test_solving_from_a_velocity(ask: Ask) -> None:
    """x = 1 - (velocity/2 + 1/2) is 0 for a velocity of 1."""
    response = ask(
        "/v1/optimizer/solve", program=["f = x**2 / 4"], start={"x": 1}, steps=1, step=3, unknown=["v"],
        state={"x": {"velocity": "v"}}, target={"x": 0},
        optimizer={"name": "momentum", "learning_rate": 1, "momentum": "1/2"},
    )  # fmt: skip
    assert response.status_code == 200, response.text
    [solution] = response.json()["solutions"]
    assert solution["values"] == {"v": "1"} and solution["arrives"] is True
