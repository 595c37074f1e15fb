"""Known mistakes in attention, against plain NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(5)
N, D, HEADS = 3, 4, 2
INPUTS = {name: RNG.normal(size=(D, D)) for name in ("w_q", "w_k", "w_v", "w_o")}
INPUTS |= {"x": RNG.normal(size=(N, D)), "b_q": RNG.normal(size=D)}
SINGLE = {name: INPUTS[name] for name in ("x", "w_q", "w_k", "w_v")}
SINGLE |= {"w_q": RNG.normal(size=(D, 2)), "w_k": RNG.normal(size=(D, 2))}
UPSTREAM = {"output": RNG.normal(size=(N, D))}
MASK = np.array([[True, True, False], [True, True, True], [True, False, True]])
Array = np.ndarray[Any, Any]


def softmax(scores: Array, axis: int = -1) -> Array:
    powers = np.exp(scores)
    with np.errstate(invalid="ignore"):  # a query without any key
        return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def fill(scores: Array, allowed: Array) -> Array:
    return np.where(allowed, scores, -np.inf)


Q, K, V = (SINGLE["x"] @ SINGLE[name] for name in ("w_q", "w_k", "w_v"))
SCORES = Q @ K.T
SCALED = SCORES / np.sqrt(2)
COLUMNS, ROWS = np.meshgrid(np.arange(N), np.arange(N))
WEIGHTS: dict[str, Array] = {
    "attention.no_scale": softmax(SCORES),
    "attention.scale_by_root_of_d_model": softmax(SCORES / np.sqrt(D)),
    "attention.scale_inverted": softmax(SCORES * np.sqrt(2)),
    "attention.scale_by_d": softmax(SCORES / 2),
    "attention.sign_of_scale": softmax(-SCALED),
    "attention.softmax_over_queries": softmax(SCALED, axis=0),
    "attention.no_softmax": SCALED,
    "attention.divided_by_sum_without_exp": SCALED / SCALED.sum(axis=-1, keepdims=True),
    "attention.exp_not_normalized": np.exp(SCALED),
    "attention.query_key_swapped": softmax(SCALED.T),
}
MASKED: dict[str, Array] = {
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_sets_zero": softmax(np.where(MASK, SCALED, 0)),
    "attention.mask_inverted": softmax(fill(SCALED, ~MASK)),
    "attention.mask_transposed": softmax(fill(SCALED, MASK.T)),
    "attention.mask_after_softmax": softmax(SCALED) * MASK,
}
CAUSAL: dict[str, Array] = {
    "attention.causal_one_ahead": softmax(fill(SCALED, COLUMNS <= ROWS + 1)),
    "attention.causal_without_itself": softmax(fill(SCALED, (COLUMNS < ROWS))),
}


@pytest.mark.parametrize("code", WEIGHTS)
def test_mistaken_weights(code: str) -> None:
    mistaken = compute(code, "self_attention", SINGLE, ["weights"]).values["weights"]
    assert mistaken == pytest.approx(WEIGHTS[code])
    assert not np.allclose(mistaken, softmax(SCALED), rtol=0.01)


@pytest.mark.parametrize("code", MASKED)
def test_mistaken_masks(code: str) -> None:
    inputs = {**SINGLE, "mask": MASK}
    mistaken = compute(code, "self_attention", inputs, ["weights"]).values["weights"]
    sure = [0, 2]  # inverted, the mask leaves no key to query 1
    assert mistaken[sure] == pytest.approx(MASKED[code][sure])
    assert not np.allclose(mistaken[sure], softmax(fill(SCALED, MASK))[sure], rtol=0.01)


@pytest.mark.parametrize("code", CAUSAL)
def test_mistaken_causal_masks(code: str) -> None:
    mistaken = compute(code, "self_attention", SINGLE, ["weights"], causal=True).values["weights"]
    assert mistaken[1:] == pytest.approx(CAUSAL[code][1:])
    right = compute(None, "self_attention", SINGLE, ["weights"], causal=True).values["weights"]
    assert not np.allclose(mistaken, right, rtol=0.01)


def test_the_gradient_belongs_to_the_mistake() -> None:
    weights = softmax(SCORES)
    to_weights = UPSTREAM["output"] @ V.T
    to_scores = weights * (to_weights - (to_weights * weights).sum(axis=-1, keepdims=True))
    mistaken = compute(
        "attention.no_scale", "self_attention", SINGLE, ["weights"], gradients=["w_q"], upstream=UPSTREAM
    )
    assert mistaken.gradients["w_q"] == pytest.approx(SINGLE["x"].T @ to_scores @ K)


def outputs_of_heads(weigh: Callable[[Array], Array] = softmax, factor: float = 2**-0.5) -> Array:
    """Return the outputs of two heads, (heads, n, d_v), with the bias of the queries."""
    query = INPUTS["x"] @ INPUTS["w_q"] + INPUTS["b_q"]
    key, value = (INPUTS["x"] @ INPUTS[name] for name in ("w_k", "w_v"))
    parts = [slice(0, 2), slice(2, 4)]
    return np.stack([weigh(factor * query[:, part] @ key[:, part].T) @ value[:, part] for part in parts])


def joined(heads: Array) -> Array:
    return np.concatenate(list(heads), axis=-1)


def interleaved() -> Array:
    query = INPUTS["x"] @ INPUTS["w_q"] + INPUTS["b_q"]
    key, value = (INPUTS["x"] @ INPUTS[name] for name in ("w_k", "w_v"))
    heads = [softmax(query[:, at::2] @ key[:, at::2].T / np.sqrt(2)) @ value[:, at::2] for at in range(2)]
    return np.concatenate(heads, axis=-1)


def whole() -> Array:
    query = INPUTS["x"] @ INPUTS["w_q"] + INPUTS["b_q"]
    key, value = (INPUTS["x"] @ INPUTS[name] for name in ("w_k", "w_v"))
    return softmax(query @ key.T / 2) @ value


def without_bias() -> Array:
    query, key, value = (INPUTS["x"] @ INPUTS[name] for name in ("w_q", "w_k", "w_v"))
    parts = [slice(0, 2), slice(2, 4)]
    return np.concatenate(
        [softmax(query[:, part] @ key[:, part].T / np.sqrt(2)) @ value[:, part] for part in parts], axis=-1
    )


OUTPUTS: dict[str, Callable[[], Array]] = {
    "multi_head.scale_by_all_heads": lambda: joined(outputs_of_heads(factor=0.5)) @ INPUTS["w_o"],
    "multi_head.output_projection_left_out": lambda: joined(outputs_of_heads()),
    "multi_head.joined_without_transpose": lambda: outputs_of_heads().reshape(N, D) @ INPUTS["w_o"],
    "multi_head.heads_interleaved": lambda: interleaved() @ INPUTS["w_o"],
    "multi_head.not_split": lambda: whole() @ INPUTS["w_o"],
    "attention.bias_left_out": lambda: without_bias() @ INPUTS["w_o"],
    "attention.softmax_over_batch": lambda: over_heads() @ INPUTS["w_o"],
}


def over_heads() -> Array:
    query = INPUTS["x"] @ INPUTS["w_q"] + INPUTS["b_q"]
    key, value = (INPUTS["x"] @ INPUTS[name] for name in ("w_k", "w_v"))
    scores = np.stack([query[:, part] @ key[:, part].T / np.sqrt(2) for part in (slice(0, 2), slice(2, 4))])
    weights = softmax(scores, axis=0)
    return np.concatenate([weights[0] @ value[:, :2], weights[1] @ value[:, 2:]], axis=-1)


@pytest.mark.parametrize("code", OUTPUTS)
def test_mistakes_with_heads(code: str) -> None:
    mistaken = compute(code, "self_attention", INPUTS, ["output"], heads=HEADS).values["output"]
    assert mistaken == pytest.approx(OUTPUTS[code]())
    assert not np.allclose(mistaken, joined(outputs_of_heads()) @ INPUTS["w_o"], rtol=0.01)


def test_the_root_of_the_number_of_heads() -> None:
    inputs = {**INPUTS, **{name: RNG.normal(size=(D, 8)) for name in ("w_q", "w_k")}}
    del inputs["b_q"]
    mistaken = compute(
        "multi_head.scale_by_number_of_heads", "self_attention", inputs, ["scaled_scores"], heads=HEADS
    )
    query, key = (inputs["x"] @ inputs[name] for name in ("w_q", "w_k"))
    assert mistaken.values["scaled_scores"][1] == pytest.approx(query[:, 4:] @ key[:, 4:].T / np.sqrt(2))


SQUARE_SCORES = INPUTS["x"] @ INPUTS["w_q"] @ (INPUTS["x"] @ INPUTS["w_k"]).T
SQUARE_VALUES = INPUTS["x"] @ INPUTS["w_v"]
SUMS: dict[str, Callable[[], Array]] = {
    "attention.weights_transposed": lambda: softmax(SQUARE_SCORES / 2).T @ SQUARE_VALUES,
    "attention.value_is_key": lambda: softmax(SQUARE_SCORES / 2) @ (INPUTS["x"] @ INPUTS["w_k"]),
    "attention.value_not_projected": lambda: softmax(SQUARE_SCORES / 2) @ INPUTS["x"],
}


@pytest.mark.parametrize("code", SUMS)
def test_mistaken_sums(code: str) -> None:
    inputs = {name: INPUTS[name] for name in ("x", "w_q", "w_k", "w_v")}
    mistaken = compute(code, "self_attention", inputs, ["output"]).values["output"]
    assert mistaken == pytest.approx(SUMS[code]())
    assert not np.allclose(mistaken, softmax(SQUARE_SCORES / 2) @ SQUARE_VALUES, rtol=0.01)
