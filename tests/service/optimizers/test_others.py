"""Several optimizers on one problem: each as if it had been asked alone."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from compute.errors import QuestionErrors
from compute.question.limits import Limits
from service.optimizers.schemas import MAX_OTHERS
from service.optimizers.traces import understand_trace
from tests.conftest import Ask, Client
from tests.service.optimizers.test_traces import DESCENT, PATH, SQUARE, traced

MOMENTUM = {"name": "momentum", "learning_rate": 1, "momentum": 0.5}
OTHERS = {"with momentum": MOMENTUM, "Adam": {"name": "adam", "learning_rate": "0.1"}}


def test_each_has_the_losses_of_its_own_trace(ask: Ask) -> None:
    found = traced(ask, others=OTHERS, steps=12, every=5)
    assert list(found["others"]) == list(OTHERS)
    for name, other in found["others"].items():
        alone = traced(ask, optimizer=OTHERS[name], steps=12, every=5)
        assert other["losses"] == [step["loss"] for step in alone["trace"]]
        assert other["steps"] == [step["step"] for step in alone["trace"]] == [0, 5, 10, 12]
        assert other["parameters"] == alone["trace"][-1]["parameters"]
        assert other["conventions"] == alone["conventions"]
    del found["others"]
    assert found == traced(ask, steps=12, every=5)


def test_losses_of_gradient_descent_by_hand(ask: Ask) -> None:
    other = traced(ask, others={"gd": {"name": "sgd", "learning_rate": 0.4}}, steps=4)["others"]["gd"]
    assert other["losses"] == pytest.approx([(0.8**step) ** 2 / 4 for step in range(5)])


def test_replaced_values_are_those_of_the_trace_alone(ask: Ask) -> None:
    found = traced(ask, substitute={"x[1]": 3}, others={"same": DESCENT})
    assert found["trace"][1]["loss"] == 9 / 4
    assert found["others"]["same"]["losses"] == [step["loss"] for step in traced(ask)["trace"]]


def test_exact_losses(ask: Ask) -> None:
    found = traced(ask, others={"half": {"name": "sgd", "learning_rate": "1/2"}}, arithmetic="exact", steps=2)
    half = found["others"]["half"]
    assert half["losses"] == ["1/4", "9/64", "81/1024"]
    assert half["approximations"] == [1 / 4, 9 / 64, 81 / 1024]
    symbolic = traced(
        ask, others={"eta": {"name": "sgd", "learning_rate": "eta"}}, arithmetic="exact", steps=1
    )["others"]["eta"]
    assert "eta" in symbolic["losses"][1]
    assert symbolic["approximations"] == [0.25, None]


def test_lines_end_with_them(ask: Ask, client: Client) -> None:
    request = {**SQUARE, "optimizer": DESCENT, "others": OTHERS}
    lines = client.post(PATH, json=request, headers={"accept": "application/x-ndjson"}).content.splitlines()
    assert orjson.loads(lines[-1])["others"] == traced(ask, others=OTHERS)["others"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"others": {"a": {"name": "adamm"}}}, "/others/a/name"),
        ({"others": {"a": {"name": "adam", "nope": 1}}}, "/others/a/nope"),
        (
            {"others": {"a": {"name": "adam", "groups": [{"parameters": ["y"]}]}}},
            "/others/a/groups/0/parameters/0",
        ),
        ({"others": {"a": {"name": "adam", "schedule": {"name": "nope"}}}}, "/others/a/schedule/name"),
        ({"others": {"a": 3}}, "/others/a"),
        ({"others": [DESCENT]}, "/others"),
        ({"others": {str(place): DESCENT for place in range(MAX_OTHERS + 1)}}, "/others"),
        ({"program": None, "gradients": [{"x": 1}], "others": {"a": DESCENT}}, "/others"),
        ({"others": {"a": DESCENT}, "step": 3}, "/step"),
    ],
)
def test_errors_point_at_the_optimizer(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    request = {"program": ["f = x**2 / 4"], "start": {"x": 1}, "optimizer": DESCENT, "steps": 1} | fields
    request = {name: value for name, value in request.items() if value is not None}
    response = ask(PATH, **request)
    assert response.status_code == 422
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


def test_the_work_of_all_counts() -> None:
    limits = Limits(work=10**12, entries=10**9, answer=10**9)
    request = {**SQUARE, "optimizer": DESCENT}
    alone = understand_trace(request, limits).predicted
    others = {str(place): DESCENT for place in range(MAX_OTHERS)}
    together = understand_trace({**request, "others": others}, limits).predicted
    assert alone.work * 2 < together.work <= alone.work * (MAX_OTHERS + 1)
    with pytest.raises(QuestionErrors, match="elementary operations"):
        understand_trace({**request, "others": others}, replace(limits, work=together.work - 1))
