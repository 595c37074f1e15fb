"""Known mistakes in softmaxes, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(11)
Array = np.ndarray[Any, Any]
X, G = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


def softmax(scores: Array, axis: int = -1) -> Array:
    return np.asarray(np.exp(scores) / np.exp(scores).sum(axis=axis, keepdims=True))


P = softmax(X)


def apply(code: str | None, operation: str) -> Mistaken:
    return compute(code, operation, {"x": X}, ["output"], gradients=["x"], upstream={"output": G})


@pytest.mark.parametrize(
    ("code", "operation", "to_x"),
    [
        ("softmax.gradient_diagonal", "softmax", G * P * (1 - P)),
        ("softmax.gradient_diagonal", "log_softmax", G * (1 - P)),
        ("softmax.gradient_sum_left_out", "softmax", G * P),
    ],
)
def test_mistaken_gradients(code: str, operation: str, to_x: Array) -> None:
    mistaken, right = apply(code, operation), apply(None, operation)
    assert mistaken.values["output"] == pytest.approx(right.values["output"])
    assert mistaken.gradients["x"] == pytest.approx(to_x)
    assert not np.allclose(to_x, right.gradients["x"], rtol=0.01)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("softmax.wrong_axis", softmax(X, axis=0)),
        ("softmax.divided_by_sum_without_exp", X / X.sum(axis=-1, keepdims=True)),
        ("softmax.exp_not_normalized", np.exp(X)),
        ("softmax.sign_of_exponent", softmax(-X)),
    ],
)
def test_mistaken_probabilities(code: str, expected: Array) -> None:
    assert apply(code, "softmax").values["output"] == pytest.approx(expected)
    program = compute(code, "graph", {"z": X}, ["p"], program=["p = softmax(z)"])
    assert program.values["p"] == pytest.approx(expected)
    assert not np.allclose(expected, P, rtol=0.01)


def test_the_scale_is_a_factor() -> None:
    mistaken = compute("softmax.divided_by_scale", "softmax", {"x": X}, ["scaled", "output"], scale=4)
    assert mistaken.values["scaled"] == pytest.approx(X / 4)
    assert mistaken.values["output"] == pytest.approx(softmax(X / 4))


def test_the_softmax_is_taken_twice() -> None:
    target = np.array([0.0, 2.0, 1.0, 2.0])
    picked = range(4), target.astype(int)
    mistaken = compute("softmax.twice", "cross_entropy", {"logits": X, "target": target}, ["output"])
    assert mistaken.values["output"] == pytest.approx(-np.log(softmax(P)[picked]).mean())
    assert abs(mistaken.values["output"] + np.log(P[picked]).mean()) > 0.01


def test_attention_has_mistakes_of_its_own() -> None:
    inputs = {"query": X, "key": X, "value": X}
    with pytest.raises(ValueError, match="replaces no step"):
        compute("softmax.wrong_axis", "attention", inputs, ["weights"])
