"""Known mistakes in dropout, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(14)
Array = np.ndarray[Any, Any]
X, W, G = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))
MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
RATE = 0.4
INPUTS = {"x": X, "mask": MASK}
DROPPED: dict[str, Array] = {
    "dropout.scaled_by_rate": MASK / RATE,
    "dropout.not_scaled": MASK * 1.0,
    "dropout.multiplied_by_keep": MASK * (1 - RATE),
    "dropout.rate_and_keep_confused": ~MASK / RATE,
}


def drop(code: str | None, names: list[str], **settings: Any) -> Mistaken:
    return compute(
        code, "dropout", {**INPUTS, "w": W}, names, gradients=["x"], upstream={"output": G}, rate=RATE,
        **settings,
    )  # fmt: skip


@pytest.mark.parametrize("code", DROPPED)
def test_mistaken_scales(code: str) -> None:
    mistaken = drop(code, ["output", "dense_output"])
    assert mistaken.values["output"] == pytest.approx(X * DROPPED[code])
    assert mistaken.values["dense_output"] == pytest.approx(X * DROPPED[code] @ W)
    assert mistaken.gradients["x"] == pytest.approx(G * DROPPED[code])
    assert not np.allclose(DROPPED[code], MASK / (1 - RATE), rtol=0.01)


@pytest.mark.parametrize(
    ("code", "factor"),
    [("dropout.gradient_not_scaled", MASK * 1.0), ("dropout.gradient_not_masked", 1 / (1 - RATE))],
)
def test_mistaken_gradients(code: str, factor: Array | float) -> None:
    mistaken, right = drop(code, ["output"]), drop(None, ["output"])
    assert mistaken.values["output"] == pytest.approx(X * MASK / (1 - RATE))
    assert mistaken.gradients["x"] == pytest.approx(G * factor)
    assert not np.allclose(mistaken.gradients["x"], right.gradients["x"], rtol=0.01)


def test_moments_with_the_rate_as_the_probability_of_being_kept() -> None:
    names = ["expected_output", "output_variance", "weight_factor"]
    inverted = drop("dropout.rate_and_keep_confused", names).values
    assert inverted["output_variance"] == pytest.approx(X**2 * (1 - RATE) / RATE)
    unscaled = drop("dropout.rate_and_keep_confused", names, formulation="unscaled").values
    assert unscaled["expected_output"] == pytest.approx(X * RATE)
    assert unscaled["weight_factor"] == pytest.approx(RATE)


@pytest.mark.parametrize(
    ("code", "factor"),
    [("dropout.weights_by_rate", RATE), ("dropout.weights_divided_by_keep", 1 / (1 - RATE))],
)
def test_mistaken_weights_without_dropout(code: str, factor: float) -> None:
    names = ["weight_factor", "adjusted_w", "adjusted_dense_output"]
    mistaken = drop(code, names, formulation="unscaled").values
    assert mistaken["weight_factor"] == pytest.approx(factor)
    assert mistaken["adjusted_w"] == pytest.approx(W * factor)
    assert mistaken["adjusted_dense_output"] == pytest.approx(X @ W * factor)
    assert factor != 1 - RATE


def test_dropout_inside_a_feed_forward_layer() -> None:
    inputs = {"x": X, "w_1": W, "w_2": W, "dropout_mask": MASK}
    mistaken = compute(
        "dropout.not_scaled", "feed_forward", inputs, ["dropped_hidden", "output"], dropout_rate=RATE
    )
    assert mistaken.values["dropped_hidden"] == pytest.approx(np.maximum(X @ W, 0) * MASK)
    assert mistaken.values["output"] == pytest.approx(np.maximum(X @ W, 0) * MASK @ W)


@pytest.mark.parametrize("code", ["dropout.scaled_by_rate", "dropout.rate_and_keep_confused"])
def test_nothing_is_divided_by_a_rate_of_zero(code: str) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "dropout", INPUTS, ["output"], rate=0)
