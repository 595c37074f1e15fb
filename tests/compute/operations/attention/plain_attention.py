"""Attention in plain NumPy, for the tests of misconceptions."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
N, D, HEADS, D_K = 3, 4, 2, 2
RNG = np.random.default_rng(5)
INPUTS = {name: RNG.normal(size=(D, D)) for name in ("w_q", "w_k", "w_v", "w_o")}
INPUTS |= {"x": RNG.normal(size=(N, D)), **{name: RNG.normal(size=D) for name in ("b_q", "b_v", "b_o")}}
SINGLE = {
    "x": INPUTS["x"],
    **{name: RNG.normal(size=(D, D_K)) for name in ("w_q", "w_k")},
    "w_v": INPUTS["w_v"],
}
MASK = np.array([[True, True, False], [True, True, True], [True, False, True]])


def softmax(scores: Array, axis: int = -1) -> Array:
    """Return the softmax; zeros if all scores are -infinity."""
    powers = np.exp(scores)
    totals = powers.sum(axis=axis, keepdims=True)
    return np.asarray(powers / np.where(totals == 0, 1, totals))


def fill(scores: Array, allowed: Array) -> Array:
    """Return -infinity where attending is not allowed."""
    return np.where(allowed, scores, -np.inf)


def softmax_gradient(weights: Array, g: Array) -> Array:
    """Return the gradient of scores from that of their weights."""
    return np.asarray(weights * (g - (g * weights).sum(axis=-1, keepdims=True)))


def split(columns: Array) -> Array:
    """Return blocks of neighbouring columns, head by head."""
    return np.stack(np.split(columns, HEADS, axis=-1))


def join(heads: Array) -> Array:
    """Return the heads side by side."""
    return np.concatenate(list(heads), axis=-1)


def swap(array: Array) -> Array:
    """Return the last two axes exchanged."""
    return np.swapaxes(array, -1, -2)
