"""Thousands of damaged questions: each gets an answer or one clear problem, and never a 500.

`--fuzz-rounds` says how many for each path: 2000 take about ten minutes.
"""

import copy
import json
import random
from typing import Any

import pytest

from compute.operations import CATALOGUE
from service.document import load_examples
from service.endpoints import find_endpoint
from service.optimizers.schemas import solve_request, trace_request
from service.schemas.requests import request_model
from tests.conftest import Client, errors

STRANGE = ["nothing", "*", "s*s", "", "a/b~c"]
NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1.5, 1e308, -1e-320, 10**30, 10**400,
    2**31, 2**52, 2**63, 10**4_000, "9" * 5_000, "1e999999", "10**10**10", {"shape": [2**52, 2**52]},
    "", "1/3", "NaN", "-Infinity", "1/0", "x", "\ud800", "pi", [], [[]], [[[]]], {},
    [1], [[1]], [[1, 2]], [[1], [2]], [[1, 2], [3]], [[True, False], [True, True]],
    [["1/2", "NaN"], ["Infinity", 0]], [[1e200] * 2] * 2, [[[1, 2], [3, 4]]] * 2, {"shape": ["n", "d"]},
    {"dtype": "float64", "shape": [1, 1], "data": "AAAAAAAA8D8="},
    {"dtype": "bool", "shape": [2, 2], "data": "AQABAQ=="},
    {"remove": [0]}, {"permute": [1, 0]}, {"add": 1e-3}, {"multiply": [2], "at": [0]},
    {"remove": [0], "axis": -1}, {"at": [None, 1], "replace": 0}, {"add": [[1, 2], [3, 4]], "at": [9]},
    {"x": {"remove": [1]}}, [1, 0],
    {"key": {"at": [0], "multiply": "pi"}}, 10**18, "sinusoidal", "half_split", "interleaved",
    {"scores": [[1, 2], [3, 4]]}, {"output": [[1], [0]]}, {"weights": 1}, ["output"], ["weights", "x"],
    [{"of": "weights", "wrt": "x"}], [{"of": "output", "wrt": "scores"}], "columns", "key_query", "float32",
    "packed",
]  # fmt: skip
EXAMPLES = [  # without those of protocols, whose errors have forms of their own
    one for one in load_examples() if "query" not in one and find_endpoint(one["path"]).errors is None
]
OPTIMIZERS = {"optimizer/trace": trace_request(), "optimizer/solve": solve_request()}
PATHS = sorted({one["path"] for one in EXAMPLES})
INNER = {  # names inside the parts of operations
    path: sorted({name for one in EXAMPLES if one["path"] == path
                  for name in one["response"].get("values", {}) if "." in name})
    for path in PATHS
}  # fmt: skip


def vocabulary(question: dict[str, Any], path: str) -> tuple[list[str], list[str]]:
    """Return the fields that such a question may have, and the names of its values."""
    name = find_endpoint(path).name
    if name in OPTIMIZERS:
        return [*OPTIMIZERS[name].model_fields, "nothing"], STRANGE
    operation = name if name in CATALOGUE else question.get("operation")
    if not isinstance(operation, str) or operation not in CATALOGUE:
        return ["operation", "changes"], STRANGE
    asks: Any = {"compare": "comparison", "cost": "cost"}.get(name, "answer")
    declared = CATALOGUE[operation]
    names = [*declared.inputs, *declared.values, *declared.values, *STRANGE]
    names += INNER[path] if declared.parts else []
    return [*request_model(operation, asks).model_fields, "nothing"], names


def nasty(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(NASTY))


def damaged(rng: random.Random, path: str) -> dict[str, Any]:
    """Return a real question with one to three invalid or unusual changes."""
    posed = rng.choice([one["request"] for one in EXAMPLES if one["path"] == path])
    question: dict[str, Any] = copy.deepcopy(posed)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        fields, names = vocabulary(question, path)
        match rng.choice((0, 1, 5, 5, 5)) if fields[0] == "program" else rng.randint(0, 5):
            case 0:
                question.pop(rng.choice(list(question)) if question else "x", None)
            case 1:
                question[rng.choice(fields)] = nasty(rng)
            case 2:
                tensors = {rng.choice(names): nasty(rng) for _ in range(rng.randint(1, 2))}
                question[rng.choice(["given", "upstream", "changes"])] = tensors
            case 3:
                question["select"] = rng.sample(names, rng.randint(1, 2))
            case 4:
                question["jacobian"] = [{"of": rng.choice(names), "wrt": rng.choice(names)}]
            case _:
                node: Any = question
                while isinstance(node, (list, dict)) and node:
                    parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
                    node = node[key]
                    if rng.random() < 0.4 or not isinstance(node, (list, dict)):
                        parent[key] = nasty(rng)
                        break
    return question


@pytest.mark.parametrize("path", PATHS)
def test_damaged_questions(client: Client, path: str, pytestconfig: pytest.Config) -> None:
    rng, rounds = random.Random(path), pytestconfig.getoption("--fuzz-rounds")
    answered = 0
    for _ in range(rounds):
        body = json.dumps(damaged(rng, path))
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code in (200, 413, 422), (body, response.text)
        if response.status_code == 200:
            answered += 1
            found = response.json()
            assert found["values"] if path == "/v1/moments" else found["operation"]
        else:
            assert errors(response, response.status_code), body
    assert answered >= rounds // 100
