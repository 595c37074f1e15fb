"""Known mistakes in attention, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute
from tests.compute.operations.attention.plain_attention import (
    D_K,
    INPUTS,
    RNG,
    SINGLE,
    Array,
    D,
    N,
    softmax,
    softmax_gradient,
)

UPSTREAM = {"output": RNG.normal(size=(N, D))}
X, G = SINGLE["x"], UPSTREAM["output"]
Q, K, V = (X @ SINGLE[name] for name in ("w_q", "w_k", "w_v"))
SCORES = Q @ K.T
SCALED = SCORES / np.sqrt(D_K)
A = softmax(SCALED)
WEIGHTS: dict[str, Array] = {
    "attention.no_scale": softmax(SCORES),
    "attention.scale_by_root_of_d_model": softmax(SCORES / np.sqrt(D)),
    "attention.scale_inverted": softmax(SCORES * np.sqrt(D_K)),
    "attention.scale_by_d": softmax(SCORES / D_K),
    "attention.scale_by_root_of_number_of_keys": softmax(SCORES / np.sqrt(N)),
    "attention.sign_of_scale": softmax(-SCALED),
    "attention.softmax_over_queries": softmax(SCALED, axis=0),
    "attention.no_softmax": SCALED,
    "attention.divided_by_sum_without_exp": SCALED / SCALED.sum(axis=-1, keepdims=True),
    "attention.exp_not_normalized": np.exp(SCALED),
    "attention.query_key_swapped": softmax(SCALED.T),
}


@pytest.mark.parametrize("code", WEIGHTS)
def test_mistaken_weights(code: str) -> None:
    mistaken = compute(code, "self_attention", SINGLE, ["weights", "output"]).values
    assert mistaken["weights"] == pytest.approx(WEIGHTS[code])
    assert mistaken["output"] == pytest.approx(WEIGHTS[code] @ V)
    assert not np.allclose(mistaken["weights"], A, rtol=0.01)


PROGRAM = ("y = self_attention(x, w_q, w_k, w_v)",)


@pytest.mark.parametrize("code", WEIGHTS)
def test_mistaken_weights_in_a_program(code: str) -> None:
    mistaken = compute(code, "graph", SINGLE, ["y"], program=PROGRAM).values["y"]
    assert mistaken == pytest.approx(WEIGHTS[code] @ V)


@pytest.mark.parametrize("code", WEIGHTS)
def test_mistaken_weights_of_a_layer(code: str) -> None:
    sent = {f"attention.{name}": entries for name, entries in SINGLE.items() if name != "x"}
    sent |= {"x": X, "feed_forward.w_1": RNG.normal(size=(D, 5)), "feed_forward.w_2": RNG.normal(size=(5, D))}
    sent["attention.w_o"] = INPUTS["w_o"]
    mistaken = compute(code, "encoder_layer", sent, ["attention.weights", "output"]).values
    assert mistaken["attention.weights"] == pytest.approx(WEIGHTS[code])
    right = compute(None, "encoder_layer", sent, ["output"]).values["output"]
    assert not np.allclose(mistaken["output"], right, rtol=0.01)


def test_the_gradient_belongs_to_the_mistake() -> None:
    weights = softmax(SCORES)
    to_scores = softmax_gradient(weights, G @ V.T)
    mistaken = compute(
        "attention.no_scale", "self_attention", SINGLE, ["weights"], gradients=["w_q"], upstream=UPSTREAM
    )
    assert mistaken.gradients["w_q"] == pytest.approx(X.T @ to_scores @ K)


TO_SCALED = softmax_gradient(A, G @ V.T)
W_Q, W_K, W_V = (SINGLE[name] for name in ("w_q", "w_k", "w_v"))
TO_SCORES = TO_SCALED / np.sqrt(D_K)
GRADIENTS: dict[str, dict[str, Array]] = {
    "attention.gradient_not_scaled": {
        "w_q": X.T @ TO_SCALED @ K,
        "w_k": X.T @ TO_SCALED.T @ Q,
        "x": TO_SCALED @ K @ W_Q.T + TO_SCALED.T @ Q @ W_K.T + A.T @ G @ W_V.T,
    },
    "attention.key_gradient_not_transposed": {
        "w_k": X.T @ TO_SCORES @ Q,
        "x": TO_SCORES @ K @ W_Q.T + TO_SCORES @ Q @ W_K.T + A.T @ G @ W_V.T,
    },
    "attention.value_gradient_not_transposed": {
        "w_v": X.T @ A @ G,
        "x": TO_SCORES @ K @ W_Q.T + TO_SCORES.T @ Q @ W_K.T + A @ G @ W_V.T,
    },
    "attention.gradient_through_values_only": {"x": A.T @ G @ W_V.T},
}


@pytest.mark.parametrize("code", GRADIENTS)
def test_mistaken_gradients(code: str) -> None:
    names, asked = ["output"], ["w_q", "w_k", "w_v", "x"]
    right = compute(None, "self_attention", SINGLE, names, gradients=asked, upstream=UPSTREAM)
    mistaken = compute(code, "self_attention", SINGLE, names, gradients=asked, upstream=UPSTREAM)
    assert mistaken.values["output"] == pytest.approx(A @ V)
    for name in asked:
        if name in GRADIENTS[code]:
            assert mistaken.gradients[name] == pytest.approx(GRADIENTS[code][name])
            assert not np.allclose(mistaken.gradients[name], right.gradients[name], rtol=0.01)
        else:
            assert mistaken.gradients[name] == pytest.approx(right.gradients[name])


SQUARE = {name: INPUTS[name] for name in ("x", "w_q", "w_k", "w_v")}
SQUARE_Q, SQUARE_K, SQUARE_V = (X @ SQUARE[name] for name in ("w_q", "w_k", "w_v"))
SQUARE_A = softmax(SQUARE_Q @ SQUARE_K.T / np.sqrt(D))
SUMS: dict[str, Array] = {
    "attention.weights_transposed": SQUARE_A.T @ SQUARE_V,
    "attention.value_is_key": SQUARE_A @ SQUARE_K,
    "attention.value_not_projected": SQUARE_A @ X,
}


@pytest.mark.parametrize("code", SUMS)
def test_mistaken_sums(code: str) -> None:
    mistaken = compute(code, "self_attention", SQUARE, ["head_outputs", "output"]).values
    assert mistaken["output"] == pytest.approx(SUMS[code])
    assert mistaken["head_outputs"] == pytest.approx(SUMS[code])
    assert not np.allclose(mistaken["output"], SQUARE_A @ SQUARE_V, rtol=0.01)


def test_keys_stand_in_the_place_of_the_values() -> None:
    mistaken = compute("attention.value_is_key", "self_attention", SQUARE, ["value", "output"]).values
    assert mistaken["value"] == pytest.approx(SQUARE_K)
    assert mistaken["output"] == pytest.approx(SQUARE_A @ SQUARE_K)
    assert not np.allclose(SQUARE_K, SQUARE_V, rtol=0.01)


@pytest.mark.parametrize("code", ["attention.weights_transposed", "attention.value_is_key"])
def test_mistaken_sums_of_attention_without_projections(code: str) -> None:
    inputs = {"q": SQUARE_Q, "k": SQUARE_K, "v": SQUARE_V}
    mistaken = compute(code, "graph", inputs, ["y"], program=("y = attention(q, k, v)",)).values["y"]
    assert mistaken == pytest.approx(SUMS[code])


def test_dropped_weights_are_transposed() -> None:
    kept = np.array([[True, False, True], [True, True, True], [False, True, True]])
    inputs = {**SQUARE, "dropout_mask": kept}
    code = "attention.weights_transposed"
    mistaken = compute(code, "self_attention", inputs, ["output"], dropout_rate=0.5).values["output"]
    assert mistaken == pytest.approx((SQUARE_A * kept / 0.5).T @ SQUARE_V)


@pytest.mark.parametrize("letter", ["q", "v", "o"])
def test_the_bias_is_left_out(letter: str) -> None:
    biases = {name: np.zeros(D) for name in ("b_q", "b_v", "b_o")} | {f"b_{letter}": INPUTS[f"b_{letter}"]}
    inputs = {**SQUARE, "w_o": INPUTS["w_o"], **biases}
    mistaken = compute("attention.bias_left_out", "self_attention", inputs, ["output"]).values["output"]
    assert mistaken == pytest.approx(SQUARE_A @ SQUARE_V @ INPUTS["w_o"])
    right = compute(None, "self_attention", inputs, ["output"]).values["output"]
    assert not np.allclose(mistaken, right, rtol=0.01)


CONTEXT = RNG.normal(size=(N, D))


def cross(tokens: Array, context: Array) -> Array:
    """Return the output of cross-attention."""
    query, key, value = tokens @ SQUARE["w_q"], context @ SQUARE["w_k"], context @ SQUARE["w_v"]
    return np.asarray(softmax(query @ key.T / np.sqrt(D)) @ value)


def without_value_projection() -> Array:
    weights = softmax(SQUARE_Q @ (CONTEXT @ SQUARE["w_k"]).T / np.sqrt(D))
    return np.asarray(weights @ CONTEXT)


CROSS: dict[str, Array] = {
    "cross_attention.roles_exchanged": cross(CONTEXT, X),
    "cross_attention.context_ignored": cross(X, X),
    "attention.value_not_projected": without_value_projection(),
}


@pytest.mark.parametrize("code", CROSS)
def test_mistakes_in_cross_attention(code: str) -> None:
    inputs = {**SQUARE, "context": CONTEXT}
    mistaken = compute(code, "cross_attention", inputs, ["output"]).values["output"]
    assert mistaken == pytest.approx(CROSS[code])
    assert not np.allclose(mistaken, cross(X, CONTEXT), rtol=0.01)


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("attention.query_key_swapped", {"window": 1}),
        ("attention.softmax_over_queries", {"window": 1}),
        ("attention.softmax_over_batch", {}),
        ("multi_head.scale_by_number_of_heads", {}),
        ("attention.bias_left_out", {}),
        ("cross_attention.context_ignored", {}),
    ],
)
def test_a_mistake_that_has_no_meaning_replaces_nothing(code: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "self_attention", SINGLE, ["output"], **settings)
