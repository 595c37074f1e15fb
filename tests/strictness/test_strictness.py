"""The document is as strict as the server: their schemas and checks refuse the same questions.

Schemathesis tries the same with far more questions, by `make schemathesis`.
"""

import copy
import json
import random
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from compute.operations.framework.rules import Rule
from compute.primitives.activations.declaration import ACTIVATIONS
from service.app import app
from service.endpoints import ENDPOINTS, find_endpoint
from service.questions.operations import EXACT_WORK
from service.schemas.conditions import of_rule
from service.settings import Settings
from tests.service.test_fuzz import PATHS, damaged
from tests.strictness.reasons import REASONS, reason_of

DOCUMENT = json.loads(orjson.dumps(app.openapi()))
LIMITS = Settings().limits
ROUNDS = 12
X = [[1, 2, 3, 4], [5, 6, 7, 8]]
EYE = [[1, 0], [0, 1]]
DESCENT = {"name": "gradient_descent", "learning_rate": 0.1}
TRACE: dict[str, Any] = {"program": ["f = x**2"], "start": {"x": 3}, "optimizer": DESCENT, "steps": 2}
SOLVE = {"program": ["f = x**2"], "start": {"x": 3}, "optimizer": DESCENT | {"learning_rate": "eta"}}
SYMBOLS = {"symbol": "a", "shape": [2]}
BOOLEANS = {"dtype": "bool", "shape": [2], "data": "AAE="}
# Questions that are refused for a reason which a schema can say.
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("softmax", {}),
    ("softmax", {"given": {}}),
    ("softmax", {"x": True}),
    ("softmax", {"x": [[1, True]]}),
    ("softmax", {"x": [1, None]}),
    ("softmax", {"x": [[]]}),
    ("softmax", {"x": [{}]}),
    ("softmax", {"x": BOOLEANS}),
    ("softmax", {"x": SYMBOLS}),
    ("softmax", {"x": X, "upstream": {"output": SYMBOLS}}),
    ("softmax", {"x": X, "upstream": {"output": True}}),
    ("softmax", {"x": "ü"}),
    ("softmax", {"x": ""}),
    ("softmax", {"x": SYMBOLS | {"symbol": "a b"}, "arithmetic": "exact"}),
    ("softmax", {"x": [1, 2], "arithmetic": "exact", "encoding": "packed"}),
    ("softmax", {"x": [1, 2], "arithmetic": "exact", "diagnose": True}),
    ("softmax", {"x": [1, 2], "assumptions": {"a": ["positive"]}}),
    ("softmax", {"x": [1, 2], "abbreviate": ["output"]}),
    ("softmax", {"x": [1, 2], "common": False}),
    ("softmax", {"x": [1, 2], "axis": 0.5}),
    ("conv1d", {"x": [1, 2, 3], "kernel": [1], "stride": 0}),
    ("conv1d", {"x": [1, 2, 3], "kernel": [1], "dilation": 0}),
    ("conv1d", {"x": [1, 2, 3], "kernel": [1], "padding": [[1, 0], [0, 1]]}),
    ("conv2d", {"x": X, "kernel": EYE, "stride": [0, 1]}),
    ("conv2d", {"x": X, "kernel": EYE, "padding": [[1, 0]]}),
    ("max_pool1d", {"x": [1, 2, 3], "size": 0}),
    ("layer_norm", {"x": X, "axes": []}),
    ("layer_norm", {"x": X, "axes": [0, 0]}),
    ("layer_norm", {"x": X, "epsilon": -1}),
    ("dropout", {"x": X, "rate": 1}),
    ("compare", {"operation": "softmax", "x": X, "changes": {"x": {"add": 1, "multiply": 2}}}),
    ("compare", {"operation": "softmax", "x": X, "changes": {"x": {"remove": [0], "at": [0]}}}),
    ("compare", {"operation": "softmax", "x": X, "changes": {"x": {"permute": [0, 0]}}}),
    ("cost", {}),
    ("cost", {"operation": "softmax", "program": ["y = x"]}),
    ("cost", {"operation": "softmax", "data": ["x"]}),
    ("cost", {"program": []}),
    ("cost", {"program": ["y = x"], "x": X}),
    ("cost", {"program": ["y = x"], "inputs": {"x": X}, "bytes_per_number": 0}),
    ("moments", {"program": []}),
    ("moments", {"program": ["y = x"], "random": {"x": "normal"}}),
    ("moments", {"program": ["y = x"], "random": {"x": {"distribution": "uniform", "low": 0}}}),
    ("moments", {"program": ["y = x"], "random": {"x": {"distribution": "normal", "value": 0}}}),
    ("moments", {"program": ["y = x"], "random": {"x": {"variance": 1, "std": 1}}}),
    ("moments", {"program": ["y = x"], "random": {"x": {"gain": 1}}}),
    ("optimizer/trace", {**TRACE, "gradients": [{"x": 1}]}),
    ("optimizer/trace", {name: one for name, one in TRACE.items() if name != "program"}),
    ("optimizer/trace", {name: one for name, one in TRACE.items() if name != "steps"}),
    ("optimizer/trace", {**TRACE, "start": {}}),
    ("optimizer/trace", {**TRACE, "optimizer": DESCENT | {"learning_rate": -1}}),
    ("optimizer/trace", {**TRACE, "assumptions": {"a": ["positive"]}}),
    ("optimizer/solve", {**SOLVE, "unknown": ["eta"]}),
    ("optimizer/solve", {**SOLVE, "unknown": ["eta"], "target": {"x": 0}}),
    ("optimizer/solve", {**SOLVE, "steps": 1}),
    ("optimizer/solve", {name: one for name, one in SOLVE.items() if name != "program"}),
]  # fmt: skip
PROJECTED: dict[str, Any] = {"x": EYE, "w_q": EYE, "w_k": EYE}
ATTENDING: dict[str, dict[str, Any]] = {
    "self_attention": PROJECTED,
    "cross_attention": PROJECTED | {"context": EYE},
    "attention": {"query": EYE, "key": EYE, "value": EYE},
}
PROJECTING = ("self_attention", "cross_attention")
ALONE: list[dict[str, Any]] = [
    {"causal_alignment": "lower_right"}, {"dropout_rate": 0.5}, {"dropout_mask": EYE},
]  # fmt: skip
UNTURNED: list[dict[str, Any]] = [{"rotary_dimension": 2}, {"rotary_base": 10}, {"positions": [0, 1]}]
# Questions that break the rules of operations: fields that do not go together.
REFUSED += [
    ("binary_cross_entropy", {"target": [1]}),
    ("binary_cross_entropy", {"target": [1], "logits": [1], "probabilities": [0.5]}),
    ("binary_cross_entropy", {"target": [1], "logits": [1], "log_minimum": -10}),
    ("dropout", {"x": [1, 2], "seed": 1, "mask": [1, 0]}),
    ("dropout", {"x": [1, 2], "mask": [1, 0], "training": False}),
    ("dropout", {"x": [1, 2], "b": [1]}),
    ("positional_encoding", {"length": 2, "dimension": 2, "kind": "integer", "base": 10}),
    ("positional_encoding", {"length": 2, "dimension": 2, "kind": "integer", "relative_shift": 1}),
    ("cosine", {"x1": [1, 2], "x2": [2, 1], "margin": 1}),
    ("layer_norm", {"x": X, "axes": [0], "axis": 0}),
    ("rms_norm", {"x": X, "axes": [0], "axis": 0}),
    ("poisson_nll", {"prediction": [1], "target": [1], "epsilon": 1}),
    ("batch_norm", {"x": X, "training": False}),
    *((name, base | broken) for name, base in ATTENDING.items() for broken in ALONE),
    *((name, ATTENDING[name] | broken) for name in PROJECTING for broken in UNTURNED),
    ("cross_attention", ATTENDING["cross_attention"] | {"context_positions": [0, 1]}),
    ("activation", {"x": [1], "function": "prelu"}),
    ("activation", {"x": [1], "function": "relu", "slope": 1}),
    *(
        ("activation", {"x": [1], "function": "relu", setting: next(iter(entry.words.get(setting, (1,))))})
        for entry in ACTIVATIONS.values()
        for setting in entry.settings
    ),
]  # fmt: skip


def validator(name: str) -> Draft202012Validator:
    body = DOCUMENT["paths"][ENDPOINTS[name].path]["post"]["requestBody"]["content"]["application/json"]
    return Draft202012Validator({**body["schema"], "components": DOCUMENT["components"]})


@pytest.fixture(autouse=True)
def exact_work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)


def errors_of(name: str, question: dict[str, Any]) -> QuestionErrors | None:
    """Return the errors that the server finds before it computes anything; None if there are none."""
    try:
        ENDPOINTS[name].understand(copy.deepcopy(question), LIMITS)
    except QuestionErrors as errors:
        return errors
    return None


@pytest.mark.parametrize("path", PATHS)
def test_schema_and_server_agree(path: str) -> None:
    """Accepted questions fit the schema; questions that fit are refused only for listed reasons."""
    name, rng = find_endpoint(path).name, random.Random(f"strictness of {path}")
    schema = validator(name)
    for _ in range(ROUNDS):
        body = json.dumps(damaged(rng, path))
        if r"\ud800" in body or '"exact"' in body or name == "optimizer/solve":
            continue  # no text; or too slow to plan
        question = json.loads(body)
        errors, fits = errors_of(name, question), schema.is_valid(question)
        if errors is None:
            assert fits, (body, next(schema.iter_errors(question)).message)
        elif fits:
            for one in errors.errors:
                assert reason_of(one.message, name), (one.message, body)


@pytest.mark.parametrize(("name", "question"), REFUSED, ids=lambda one: json.dumps(one)[:60])
def test_refused_questions_do_not_fit(name: str, question: dict[str, Any]) -> None:
    if name != "compare":  # whose changes are made with the answer
        assert errors_of(name, question) is not None
    assert not validator(name).is_valid(question)


def test_listed_reasons_do_not_match_these() -> None:
    for name, question in REFUSED:
        if name != "compare" and (errors := errors_of(name, question)) is not None:
            assert errors.errors, question
    for message in ("is about free symbols, and floats have none", "has to be an integer from 1 to 9"):
        assert reason_of(message, "softmax") is None
    assert all(reason.why for reason in REASONS)


RULES = [(name, rule) for name, one in CATALOGUE.items() if not one.parts for rule in one.rules]


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[f"{name}-{rule.field}" for name, rule in RULES])
def test_each_rule_is_broken_by_a_question_above(name: str, rule: Rule) -> None:
    """So the operation's function refuses what its declaration excludes."""
    schema = Draft202012Validator(of_rule(rule, CATALOGUE[name]))
    assert any(not schema.is_valid(question) for one, question in REFUSED if one == name)
