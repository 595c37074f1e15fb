"""Hundreds of damaged traces: each gets an answer or one clear problem, never a 500."""

import copy
import json
import random
from typing import Any

import orjson
import pytest

from compute.errors import QuestionErrors
from compute.optimizers import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from service.http.problems import Problem
from service.optimizers.schemas import PARTS, trace_request
from service.optimizers.traces import understand_trace
from service.questions.operations import EXACT_WORK
from service.workers.exact import LIMITS
from tests.conftest import Client, errors
from tests.service.test_fuzz import NASTY

PATH = "/v1/optimizer/trace"
STEPS = 4
DATA = {"a": [[1, 2], [3, 4]]}
PLACES: list[dict[str, Any]] = [
    {"program": ["f = x**2 / 4"], "start": {"x": 1}},
    {"program": ["f = x**2 + x*y + exp(y)"], "start": {"x": 1, "y": -1}},
    {"program": ["z = a @ w", "f = mean(log(1 + exp(z)))"], "start": {"w": [[1], [2]]}, "inputs": DATA},
    {
        "program": ["h = tanh(a @ w + b)", "f = sum(h**2)"],
        "start": {"w": [[0.5], [-1]], "b": 0},
        "inputs": DATA,
        "batches": {"inputs": ["a"], "rows": [[0], [1, 0]]},
    },
    {
        "program": ["f = sqrt(sum(v**2)) + max(v) + abs(v[0])"],
        "start": {"v": [1, -2]},
        "surface": {"points": 3},
    },
    {"gradients": [{"x": 1, "v": [1, 0]}, {"x": 0, "v": [-1, 3]}], "start": {"x": 1, "v": [2, 2]}},
]
NUMBERS: list[Any] = [
    *[0, 1, 0.5, 2, 0.1, 0.9, 3, 1e-3, "1/3", "1/2", "sqrt(2)", "1e-9"] * 2,
    *(
        -1,
        1e-320,
        1e308,
        -1e308,
        10**30,
        10**400,
        1e200,
        "0.9999999999999999999",
        "2**70",
        "pi",
        "eta",
        "a*b",
    ),
    *("1/0", "NaN", "Infinity", "-1/2", "", None, True, [], {}, [0.1]),
]


def setting(rng: random.Random, choices: Any) -> Any:
    return rng.choice([*choices, rng.choice(NASTY)]) if choices else rng.choice(NUMBERS)


def optimizer(rng: random.Random) -> dict[str, Any]:
    name = rng.choice([*OPTIMIZERS])
    found: dict[str, Any] = {"name": name}
    for one in rng.sample([*OPTIMIZERS[name].settings.values()], min(1, len(OPTIMIZERS[name].settings))):
        if rng.random() < 0.4:
            found[one.name] = setting(rng, one.choices or ([True, False] if one.is_switch else ()))
    for common in ("learning_rate", "weight_decay", "clip_norm", "clip_value", "clip_epsilon"):
        if rng.random() < 0.2:
            found[common] = rng.choice(NUMBERS)
    if rng.random() < 0.2:
        found["decay"] = rng.choice(["coupled", "decoupled", "post", "", None])
    if rng.random() < 0.3:
        chosen = SCHEDULES[rng.choice([*SCHEDULES])]
        settings = {one: rng.choice(NUMBERS) for one in chosen.settings if rng.random() < 0.3}
        found["schedule"] = rng.choice([{"name": chosen.name, **settings}, rng.choices(NUMBERS, k=3), None])
    return found


SUBSTITUTED = [
    *("x[0]", "x[2]", "loss[1]", "trace[1].gradient.x", "trace[1].state.x.velocity", "trace[2].update.x"),
    *("learning_rate[1]", "hessian[1]", "trace[99].loss", "used_gradient.x[1]", "", "trace[1]."),
]


def question(rng: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(rng.choice(PLACES)) | {"optimizer": optimizer(rng)}
    if "gradients" not in found:
        found["steps"] = rng.choice([1, 2, STEPS])
    extras: dict[str, Any] = {
        "every": rng.choice([1, 2, 100, *NUMBERS]),
        "stop_when": rng.choice([{"loss": 0.1}, {"gradient_norm": 1}, {"loss": rng.choice(NUMBERS)}, {}]),
        "select": rng.sample(PARTS, 2),
        "surface": rng.choice([{"points": 2}, {"points": 3, "over": ["x", "v[0]"]}, rng.choice(NASTY)]),
        "loss": rng.choice(["f", "z", "x", "h"]),
        "substitute": {rng.choice(SUBSTITUTED): rng.choice(NUMBERS), "x[1]": 1},
        "encoding": "packed",
        "arithmetic": "float32",
    }
    for name in rng.sample([*extras], rng.choice([0, 0, 1, 2])):
        found[name] = extras[name]
    if rng.random() < 0.35:
        damage(rng, found)
    return found


def damage(rng: random.Random, found: dict[str, Any]) -> None:
    if rng.random() < 0.3:
        found[rng.choice([*trace_request().model_fields])] = copy.deepcopy(rng.choice(NASTY))
        return
    node: Any = found
    while isinstance(node, (list, dict)) and node:
        parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node = node[key]
        if rng.random() < 0.3 or not isinstance(node, (list, dict)):
            parent[key] = copy.deepcopy(rng.choice([*NASTY, *NUMBERS]))
            return


def test_damaged_traces(client: Client) -> None:
    rng = random.Random(2)
    answered = 0
    for _ in range(350):
        asked = question(rng)
        if asked.get("arithmetic") == "exact":
            continue
        body = json.dumps(asked)
        response = client.post(PATH, content=body, headers={"content-type": "application/json"})
        assert response.status_code in (200, 400, 413, 422), (body, response.text)
        if response.status_code == 200:
            answered += 1
            assert len(response.json()["trace"]) >= 1
        else:
            found = errors(response, response.status_code)
            assert found or response.status_code == 400, body
    assert 50 < answered < 300


MILD: list[Any] = [
    0,
    1,
    2,
    0.5,
    "1/3",
    "1/2",
    "eta",
    "a*b",
    "sqrt(2)",
    "c",
    "1 - b",
    "1/10",
    -1,
    "1/0",
    None,
    "NaN",
]


def test_damaged_exact_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answered as in a worker process, but without time limits, so only mild ones."""
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    here = "tests.service.optimizers.test_fuzz."
    monkeypatch.setattr(here + "NUMBERS", MILD)
    monkeypatch.setattr(here + "PLACES", [PLACES[0], PLACES[1], PLACES[5]])
    rng, answered = random.Random(4), 0
    for _ in range(60):
        sent = {name: one for name, one in question(rng).items() if one is not None} | {"arithmetic": "exact"}
        if sent.get("steps") in (2, STEPS):
            sent["steps"] = 1
        if any(slow in str(sent.get("optimizer")) for slow in ("nadam", "adadelta")):
            continue
        try:
            found = orjson.loads(understand_trace(sent, LIMITS).answer())
        except (Problem, QuestionErrors):
            continue
        except Exception as error:
            raise AssertionError(json.dumps(sent)) from error
        answered += 1
        assert found["trace"]
    assert answered > 5
