"""Examples with claims: each claim holds, and fails if the program is changed."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from service.document import load_examples
from service.export import replay
from service.questions.operations import EXACT_WORK
from service.settings import Settings

EXAMPLES = {one["name"]: one for one in load_examples() if one["request"].get("claims")}
Request = dict[str, Any]


def replace(line: int, text: str) -> Callable[[Request], None]:
    """Replace a line of a program."""

    def change(request: Request) -> None:
        request["program"][line] = text

    return change


def instead(old: str, new: str) -> Callable[[Request], None]:
    """Replace text in every line of a program."""

    def change(request: Request) -> None:
        request["program"] = [line.replace(old, new) for line in request["program"]]

    return change


# For each example changes under which its claims are wrong: each claim that holds fails under one of them.
WRONG: dict[str, list[Callable[[Request], None]]] = {
    "000_0_1_1_claimed": [
        instead("scale=1", "scale=2"),
        replace(0, "h = self_attention(x, w_q, -w_k, w_v)"),
        replace(1, "first = h[1, 0]"),
        replace(0, "h = cross_attention(x, concat([x, x]), w_q, w_k, w_v, scale=1)"),
    ],
    "000_0_2_3_proof": [
        replace(0, "z4 = sum(w * v * v) + c"),
        replace(1, "y_hat = 2 * exp(z4)"),
        replace(2, "L = y - y_hat"),
    ],
    "000_0_2_2_claims": [
        replace(5, "L = abs(y - y_hat)"),
        replace(4, "y_hat = z4"),
        replace(2, "v = leaky_relu(u, slope=0.1) + u"),
        replace(1, "u = average_pool1d(z, size=2, stride=1)"),
    ],
    "001_2b_exact": [replace(0, "y = attention(Q, K, V, scale=2)"), replace(1, "a = softmax(K @ Q.T)")],
    "002_1_3b_exact": [instead("w_v)", "w_v, causal=True)")],
    "002_1_1_limits": [
        replace(0, "p = softmax(-scores, scale='beta')"),
        replace(0, "p = softmax(scores, scale='beta + 1')"),
        replace(1, "y = sum(p * v) / 2"),
    ],
    "004_1_claim": [replace(0, "p = softmax(2 * z)"), replace(0, "p = exp(z)")],
    "004_1_proof": [replace(0, "p = softmax(2 * z)"), replace(0, "p = exp(z)")],
    "graph_xor": [replace(0, "h = x @ W + c"), replace(1, "y = h @ w + b + 1")],
    "graph_word2vec": [instead("-negatives", "negatives"), instead("[2, 3, 2]", "[2, 3, 3]")],
    "layer_norm_invariance": [
        replace(1, "z = layer_norm(2 * x**2 + 1, epsilon=0)"),
        replace(2, "u = layer_norm(k + x, epsilon=0)"),
        replace(0, "y = layer_norm(x, epsilon=1)"),
    ],
    "004_5_proof": [replace(2, "dropped = x * mask / (1 - p)")],
}


def test_every_example_with_claims_has_wrong_variants() -> None:
    assert set(WRONG) == set(EXAMPLES)


@pytest.mark.parametrize("name", WRONG)
def test_each_claim_fails_in_its_wrong_variant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    example = EXAMPLES[name]
    held = [one["holds"] for one in example["response"]["claims"]]
    fails = [False] * len(held)
    for change in WRONG[name]:
        changed = deepcopy(example)
        change(changed["request"])
        found = replay(changed, Settings().limits)["claims"]
        assert [one["holds"] for one in found] != held
        fails = [old or one["holds"] is False for old, one in zip(fails, found, strict=True)]
    assert all(fails)


def test_gradients_written_out_equal_those_of_the_network() -> None:
    """The example's words: these stand beside each other, and no claim compares them."""
    response = EXAMPLES["000_0_2_2_claims"]["response"]
    values, gradients = response["values"], response["gradients"]
    assert values["dz4"] == pytest.approx(gradients["z4"], rel=1e-14)
    assert values["dv"] == pytest.approx(gradients["v"], rel=1e-14)
    assert not any("d" in claim.split("==")[0] for claim in EXAMPLES["000_0_2_2_claims"]["request"]["claims"])
