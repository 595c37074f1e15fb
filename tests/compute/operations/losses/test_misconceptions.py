"""Known mistakes in losses, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(17)
Array = np.ndarray[Any, Any]
LOGITS, TARGET = RNG.normal(size=(4, 3)), np.array([0.0, 2.0, 1.0, 2.0])
ONE_HOT = np.eye(3)[TARGET.astype(int)]
PREDICTED, TRUE = RNG.normal(size=6), RNG.normal(size=6)


def softmax(scores: Array) -> Array:
    return np.asarray(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))


P = softmax(LOGITS)
CLASSES: dict[str, Array] = {
    "loss.gradient_not_averaged": P - ONE_HOT,
    "loss.divided_by_all": (P - ONE_HOT) / 12,
    "loss.gradient_sign": (ONE_HOT - P) / 4,
}


@pytest.mark.parametrize("code", CLASSES)
def test_mistaken_gradients_of_cross_entropy(code: str) -> None:
    mistaken = compute(
        code, "cross_entropy", {"logits": LOGITS, "target": TARGET}, ["losses", "output"],
        gradients=["logits"], upstream={"output": 1.0},
    )  # fmt: skip
    assert mistaken.values["output"] == pytest.approx(-np.log(P[range(4), TARGET.astype(int)]).mean())
    assert mistaken.gradients["logits"] == pytest.approx(CLASSES[code])


@pytest.mark.parametrize(
    ("code", "factor"),
    [
        ("loss.gradient_not_averaged", 2.0),
        ("loss.gradient_sign", -2 / 6),
        ("loss.gradient_two_left_out", 1 / 6),
    ],
)
def test_mistaken_gradients_of_squares(code: str, factor: float) -> None:
    mistaken = compute(
        code, "mse", {"prediction": PREDICTED, "target": TRUE}, ["losses", "output"],
        gradients=["prediction"], upstream={"output": 1.0},
    )  # fmt: skip
    assert mistaken.gradients["prediction"] == pytest.approx(factor * (PREDICTED - TRUE))


@pytest.mark.parametrize(
    ("code", "value", "slope"), [("loss.half_left_out", 1.0, 2.0), ("loss.gradient_factor_two", 0.5, 2.0)]
)
def test_the_half_of_a_square(code: str, value: float, slope: float) -> None:
    mistaken = compute(
        code, "graph", {"y": PREDICTED, "t": TRUE}, ["l"], gradients=["y"], upstream={"l": np.ones(6)},
        program=["l = 0.5*(y - t)**2"],
    )  # fmt: skip
    assert mistaken.values["l"] == pytest.approx(value * (PREDICTED - TRUE) ** 2)
    assert mistaken.gradients["y"] == pytest.approx(slope * (PREDICTED - TRUE))


def test_the_softmax_is_taken_twice() -> None:
    mistaken = compute("softmax.twice", "cross_entropy", {"logits": LOGITS, "target": TARGET}, ["output"])
    twice = softmax(P)[range(4), TARGET.astype(int)]
    assert mistaken.values["output"] == pytest.approx(-np.log(twice).mean())
    assert abs(mistaken.values["output"] + np.log(P[range(4), TARGET.astype(int)]).mean()) > 0.01


@pytest.mark.parametrize(("code", "base"), [("loss.base_two", 2), ("loss.base_ten", 10)])
def test_other_logarithms(code: str, base: int) -> None:
    mistaken = compute(code, "cross_entropy", {"logits": LOGITS, "target": TARGET}, ["output"])
    expected = -np.log(P[range(4), TARGET.astype(int)]).mean() / np.log(base)
    assert mistaken.values["output"] == pytest.approx(expected)
