"""Answers that would be too large: the number of entries, and advice on asking for fewer."""

import re
from dataclasses import replace
from typing import Any

import pytest

from compute.errors import QuestionErrors, TooLarge
from compute.operations import CATALOGUE
from service.document import load_examples
from service.endpoints import ENDPOINTS, find_endpoint
from service.questions.comparisons import understand_comparison
from service.questions.operations import GraphJob
from service.settings import Settings
from tests.conftest import Ask, errors
from tests.service.layers import LAYER, X

LIMITS = Settings().limits
FLOATS = {
    one["name"]: one
    for one in load_examples()
    if find_endpoint(one["path"]).name in {*CATALOGUE, "graph"}
    and one["request"].get("arithmetic", "float64") != "exact"
}
NAMED = re.compile(r"([^\s,()][^,()]*) \(([\d,]+)(?: for (\d+) names)?\)")


def numbers(found: Any) -> int:
    """Return the number of entries in nested lists."""
    return sum(map(numbers, found)) if isinstance(found, list) else 1


def refusal(example: dict[str, Any], allowed: int) -> Any:
    understand = find_endpoint(example["path"]).understand
    with pytest.raises(QuestionErrors) as caught:
        understand(example["request"], replace(LIMITS, answer=allowed))
    [error] = caught.value.errors
    assert isinstance(error, TooLarge)
    return error


@pytest.mark.parametrize("name", FLOATS)
def test_the_predicted_number_of_entries_is_sent(name: str) -> None:
    example = FLOATS[name]
    question: Any = find_endpoint(example["path"]).understand(example["request"], LIMITS)
    assert isinstance(question, GraphJob)
    response = example["response"]
    parts = [part for one in response.get("contributions", {}).values() for part in one.values()]
    for one in response.get("jacobians", []):
        parts += [one["value"], *one.get("contributions", {}).values()]
    parts += [node["value"] for node in response.get("diagram", {}).get("nodes", []) if "value" in node]
    sent = [*response["values"].values(), *response.get("gradients", {}).values(), *parts]
    predicted = question.plan.predicted.answer
    assert predicted == sum(map(numbers, sent))
    assert predicted == sum(entries for _, entries in question.plan.sent())


@pytest.mark.parametrize("operation", sorted({find_endpoint(one["path"]).name for one in FLOATS.values()}))
def test_errors_of_every_operation_advise_how_to_ask_for_less(operation: str) -> None:
    example = next(one for one in FLOATS.values() if one["path"] == f"/v1/{operation}")
    question: Any = ENDPOINTS[operation].understand(example["request"], LIMITS)
    predicted = question.plan.predicted.answer
    error = refusal(example, predicted - 1)
    assert f"{predicted:,} numbers in the answer" in error.message
    assert f"at most {predicted - 1:,} are allowed" in error.message
    assert "select, which takes patterns" in error.message
    assert error.expected == f"at most {predicted - 1} numbers in the answer"
    assert error.received.endswith(str(predicted))
    listed = NAMED.findall(error.message.partition("come with ")[2])
    assert 1 <= len(listed) <= 5
    counts = [int(entries.replace(",", "")) for _, entries, _ in listed]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) <= predicted
    for pattern, *_ in listed:
        if not pattern.startswith("the Jacobian"):
            fewer = {**example["request"], "select": [pattern]}
            ENDPOINTS[operation].understand(fewer, LIMITS)  # it can be asked for as it stands


def test_layers_are_reported_together(ask: Ask) -> None:
    rows = [[0.5] * 8] * 400
    layer = {
        "attention": {f"w_{name}": [[0.1] * 8] * 8 for name in "qkvo"},
        "attention_norm": {"gain": [1] * 8},
        "feed_forward": {"w_1": [[0.1] * 8] * 8, "w_2": [[0.1] * 8] * 8},
        "feed_forward_norm": {"gain": [1] * 8},
    }
    fields = {"x": rows, "layer": [layer] * 4, "heads": 4}
    [error] = errors(ask("/v1/encoder", **fields), 413).values()
    weights = 4 * 4 * 400 * 400
    assert f"layer[*].attention.weights ({weights:,} for 4 names)" in error["message"]
    found = ask("/v1/encoder", **fields, select=["layer[0].attention.weights"], encoding="packed").json()
    assert found["values"]["layer[0].attention.weights"]["shape"] == [4, 400, 400]
    assert list(ask("/v1/encoder", **fields, select=["layer[*].output"]).json()["values"]) == [
        f"layer[{at}].output" for at in range(4)
    ]


def test_gradients_and_contributions_count() -> None:
    request = {"x": X, **LAYER, "heads": 2, "upstream": {"output": X}}
    question: Any = ENDPOINTS["encoder_layer"].understand(request, LIMITS)
    without: Any = ENDPOINTS["encoder_layer"].understand({**request, "upstream": {}}, LIMITS)
    several = question.plan.predicted.answer
    assert several > 2 * without.plan.predicted.answer
    sent = dict.fromkeys(name for name, _ in question.plan.sent())
    assert "attention.w_q" in sent  # a gradient, of what is not sent back itself
    message = refusal({"path": "/v1/encoder_layer", "request": request}, several - 1).message
    weights = 2 * 2 * 3 * 3  # the weights of two heads, and their gradient
    assert f"attention.weights ({weights})" in message


def test_jacobians_count() -> None:
    request = {
        "x": X,
        **LAYER,
        "select": ["output"],
        "jacobian": [{"of": "output", "wrt": "x", "by_path": True}],
    }
    question: Any = ENDPOINTS["encoder_layer"].understand(request, LIMITS)
    message = refusal({"path": "/v1/encoder_layer", "request": request}, 1).message
    assert "the Jacobian of output by x (108), output (6)" in message
    assert question.plan.predicted.answer == 36 * 3 + 6


def test_comparisons_are_limited_too() -> None:
    request = {
        "operation": "encoder", "x": X, "layer": [LAYER, LAYER],
        "changes": {"layer[0].attention.w_q": {"multiply": 2}}, "select": ["layer[*].attention.weights"],
    }  # fmt: skip
    comparison = understand_comparison(request, replace(LIMITS, answer=71))
    with pytest.raises(QuestionErrors) as caught:
        comparison.answer()
    [error] = caught.value.errors
    assert "72 numbers in the answer" in error.message
    assert "layer[*].attention.weights (72 for 2 names)" in error.message
