"""Objectives of the size of exercises, each with its loss in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

RNG = np.random.default_rng(21)
X = RNG.standard_normal((6, 2))
LABELS = (RNG.random(6) < 0.5).astype(float)
TARGETS = X @ [[0.7], [-1.2]] + 0.3 + RNG.standard_normal((6, 1)) / 10
LOGITS = ("z = x @ w + b",)
DATA = {"x": X, "y": LABELS[:, None]}
LINE = {"w": [[0.2], [-0.3]], "b": 0.1}


@dataclass(frozen=True)
class Example:
    program: tuple[str, ...]
    start: dict[str, Any]
    data: dict[str, Any]
    loss: Callable[..., float]


def _logits(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def _logistic(w: Any, b: Any, x: Any, y: Any) -> float:
    z = _logits(x, w, b)
    return float(np.mean(np.log(1 + np.exp(z)) - y * z))


def _network(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> float:
    return float(np.mean((np.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2))


def _softmax(w: Any, x: Any, t: Any) -> float:
    e = np.exp(x @ w)
    return float(-np.sum(t * np.log(e / e.sum(-1, keepdims=True))) / len(x))


def _mixed(x: Any, y: Any) -> float:
    return float(np.exp(x * y) + max(x - 2, 0.0) + np.log(1 + y**2) + 1 / (1 + np.exp(-x * 3)) + x**4 / 9)


def _bent(v: Any) -> float:
    return float(np.sum(np.abs(v) ** 3) + np.tanh(v[0] * v[1]) + np.max(v) ** 2 + np.sqrt(v[2] ** 2 + 1))


EXAMPLES = {
    "least_squares": Example(
        (*LOGITS, "r = z - y", "f = mean(r**2)"), LINE, {"x": X, "y": TARGETS},
        lambda w, b, x, y: float(np.mean((_logits(x, w, b) - y) ** 2)),
    ),
    "logistic_by_log_and_exp": Example(
        (*LOGITS, "f = mean(log(1 + exp(z)) - y * z)"), LINE, DATA, _logistic
    ),
    "logistic_by_sigmoid": Example(
        (*LOGITS, "p = sigmoid(z)", "f = -mean(y * log(p) + (1 - y) * log(1 - p))"), LINE, DATA, _logistic
    ),
    "network": Example(
        ("h = tanh(x @ w1 + b1)", "r = h @ w2 + b2 - y", "f = mean(r**2)"),
        {
            "w1": RNG.standard_normal((2, 2)), "b1": [0.1, -0.2], "w2": [[0.5], [-0.8]], "b2": 0.05,
        },
        {"x": X, "y": TARGETS}, _network,
    ),
    "softmax": Example(
        ("p = softmax(x @ w)", "f = -sum(t * log(p)) / 6"),
        {"w": RNG.standard_normal((2, 3))},
        {"x": X, "t": np.eye(3)[[0, 2, 1, 1, 0, 2]]}, _softmax,
    ),
    "mixed": Example(
        ("f = exp(x*y) + relu(x - 2) + log(1 + y**2) + sigmoid(3*x) + x**4 / 9",),
        {"x": 0.4, "y": -0.7}, {}, _mixed,
    ),
    "bent": Example(
        ("f = sum(abs(v)**3) + tanh(v[0] * v[1]) + max(v)**2 + sqrt(v[2]**2 + 1)",),
        {"v": [0.4, -0.7, 1.3]}, {}, _bent,
    ),
}  # fmt: skip


def flat(by_name: dict[str, Any]) -> Any:
    return np.concatenate([np.ravel(np.asarray(array, dtype=float)) for array in by_name.values()])


def shaped(numbers: Any, like: dict[str, Any]) -> dict[str, Any]:
    result, start = {}, 0
    for name, array in like.items():
        size = int(np.size(array))
        result[name] = np.reshape(numbers[start : start + size], np.shape(array))
        start += size
    return result


def slopes(function: Callable[[Any], Any], at: Any, step: float = 1e-5) -> Any:
    """Return central differences along each entry, entries first."""
    moves = np.eye(len(at)) * step
    return np.array([(np.asarray(function(at + move)) - function(at - move)) / (2 * step) for move in moves])
