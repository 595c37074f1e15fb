"""Thousands of damaged questions: each gets an answer or one clear problem, and never a 500."""

import copy
import json
import random
from typing import Any

import pytest

from tests.conftest import EXAM, Client, errors

NAMES = [
    "x",
    "w_q",
    "scores",
    "weights",
    "output",
    "masked_scores",
    "head_outputs",
    "mask",
    "nothing",
    "",
    "a/b~c",
]
NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, 1.5, 1e308, -1e-320, 10**30, 10**400,
    "", "1/3", "NaN", "-Infinity", "1/0", "x", "\ud800", "pi", [], [[]], [[[]]], {},
    [1], [[1]], [[1, 2]], [[1], [2]], [[1, 2], [3]], [[True, False], [True, True]],
    [["1/2", "NaN"], ["Infinity", 0]], [[1e200] * 2] * 2, [[[1, 2], [3, 4]]] * 2, {"shape": ["n", "d"]},
    {"dtype": "float64", "shape": [1, 1], "data": "AAAAAAAA8D8="},
    {"dtype": "bool", "shape": [2, 2], "data": "AQABAQ=="},
    {"scores": [[1, 2], [3, 4]]}, {"output": [[1], [0]]}, {"weights": 1}, ["output"], ["weights", "x"],
    [{"of": "weights", "wrt": "x"}], [{"of": "output", "wrt": "scores"}], "columns", "key_query", "float32",
    "packed",
]  # fmt: skip
FIELDS = [
    *EXAM, "w_o", "b_q", "b_k", "b_v", "b_o", "positional_encoding", "mask", "heads", "kv_heads", "softcap",
    "causal", "layout", "orientation", "given", "upstream", "jacobian", "select", "arithmetic", "encoding",
    "operation",
]  # fmt: skip


def nasty(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(NASTY))


def damaged(rng: random.Random) -> dict[str, Any]:
    question = copy.deepcopy(EXAM)
    for _ in range(rng.randint(1, 4)):
        match rng.randint(0, 4):
            case 0:
                question.pop(rng.choice(FIELDS), None)
            case 1:
                question[rng.choice(FIELDS)] = nasty(rng)
            case 2:
                question[rng.choice(["given", "upstream"])] = {rng.choice(NAMES): nasty(rng)}
            case 3:
                question["select"] = rng.sample(NAMES, rng.randint(1, 4))
            case _:
                node: Any = question
                while isinstance(node, (list, dict)) and node:
                    parent, key = node, rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
                    node = node[key]
                    if rng.random() < 0.4 or not isinstance(node, (list, dict)):
                        parent[key] = nasty(rng)
                        break
    return question


@pytest.mark.parametrize("path", ["/v1/self_attention", "/v1/attention", "/v1/cost"])
def test_damaged_questions(client: Client, path: str) -> None:
    rng = random.Random(path)
    answered = 0
    for _ in range(1500):
        question = damaged(rng)
        if path == "/v1/attention":
            renamed = {"w_q": "query", "w_k": "key", "w_v": "value"}
            question = {renamed.get(name, name): one for name, one in question.items() if name != "x"}
        if path == "/v1/cost" and rng.random() < 0.9:
            question["operation"] = "self_attention"
        body = json.dumps(question)
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code in (200, 422), (body, response.text)
        if response.status_code == 200:
            answered += 1
            assert response.json()["operation"]
        else:
            assert errors(response), body
    assert answered > 100
