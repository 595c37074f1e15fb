"""Known mistakes in attention, against plain NumPy."""

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(5)
INPUTS = {
    "x": RNG.normal(size=(3, 4)),
    "w_q": RNG.normal(size=(4, 2)),
    "w_k": RNG.normal(size=(4, 2)),
    "w_v": RNG.normal(size=(4, 2)),
}
UPSTREAM = {"output": RNG.normal(size=(3, 2))}


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    powers = np.exp(scores)
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def projections() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, w_q, w_k, w_v = INPUTS.values()
    return x @ w_q, x @ w_k, x @ w_v


def test_no_scale_leaves_the_scores_as_they_are_and_their_gradient_too() -> None:
    query, key, value = projections()
    weights = softmax(query @ key.T)
    mistaken = compute(
        "attention.no_scale", "self_attention", INPUTS, ["weights"], gradients=["w_q"], upstream=UPSTREAM
    )
    assert mistaken.values["weights"] == pytest.approx(weights)
    to_weights = UPSTREAM["output"] @ value.T
    to_scores = weights * (to_weights - (to_weights * weights).sum(axis=-1, keepdims=True))
    assert mistaken.gradients["w_q"] == pytest.approx(INPUTS["x"].T @ to_scores @ key)


def test_the_softmax_over_queries_makes_columns_sum_to_one() -> None:
    query, key, _ = projections()
    mistaken = compute("attention.softmax_over_queries", "self_attention", INPUTS, ["weights"])
    assert mistaken.values["weights"] == pytest.approx(softmax(query @ key.T / np.sqrt(2), axis=0))
