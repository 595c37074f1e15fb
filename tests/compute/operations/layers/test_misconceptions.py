"""Known mistakes in linear layers, activations, softmaxes and dropout, against plain NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(11)
Array = np.ndarray[Any, Any]
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
Z = X @ W + B
G = RNG.normal(size=(4, 3))


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def layer(code: str | None, activation: str) -> Mistaken:
    """Compute one layer of a network as a program."""
    return compute(
        code,
        "graph",
        {"x": X, "w": W, "b": B},
        ["z", "h"],
        gradients=["z", "x", "w", "b"],
        upstream={"h": G},
        program=["z = x @ w + b", f"h = {activation}(z)"],
    )


S, T = sigmoid(Z), np.tanh(Z)
POSITIVE = Z > 0
P = np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True)
TO_Z: dict[tuple[str, str], Array] = {
    ("activation.gradient_at_preactivation", "sigmoid"): G * Z * (1 - Z),
    ("activation.gradient_at_preactivation", "tanh"): G * (1 - Z**2),
    ("activation.gradient_of_output", "sigmoid"): G * sigmoid(S) * (1 - sigmoid(S)),
    ("activation.gradient_of_output", "tanh"): G * (1 - np.tanh(T) ** 2),
    ("activation.gradient_cut_at_output", "sigmoid"): G,
    ("activation.gradient_cut_at_output", "relu"): G,
    ("activation.gradient_upstream_ignored", "sigmoid"): S * (1 - S),
    ("activation.gradient_upstream_ignored", "tanh"): 1 - T**2,
    ("activation.gradient_upstream_ignored", "relu"): POSITIVE * 1.0,
    ("rectifier.gradient_masked_by_gradient", "relu"): G * (G > 0),
    ("rectifier.wrong_side", "relu"): G * (Z < 0),
    ("softmax.gradient_diagonal", "softmax"): G * P * (1 - P),
}


@pytest.mark.parametrize(("code", "activation"), TO_Z)
def test_mistaken_gradients_of_activations(code: str, activation: str) -> None:
    mistaken, right = layer(code, activation), layer(None, activation)
    assert mistaken.values["h"] == pytest.approx(right.values["h"])
    to_z = TO_Z[code, activation]
    assert mistaken.gradients["z"] == pytest.approx(to_z)
    assert mistaken.gradients["w"] == pytest.approx(X.T @ to_z)
    assert mistaken.gradients["x"] == pytest.approx(to_z @ W.T)
    assert not np.allclose(to_z, right.gradients["z"], rtol=0.01)


LINEAR: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "linear.gradient_bias_averaged": ("b", lambda to_z: to_z.mean(axis=0)),
    "linear.gradient_weight_transposed": ("w", lambda to_z: (X.T @ to_z).T),
    "linear.weights_not_transposed": ("x", lambda to_z: to_z @ W),
}


@pytest.mark.parametrize("code", LINEAR)
def test_mistaken_gradients_of_linear_layers(code: str) -> None:
    name, gradient = LINEAR[code]
    mistaken, right = layer(code, "relu"), layer(None, "relu")
    assert mistaken.gradients[name] == pytest.approx(gradient(G * POSITIVE))
    assert not np.allclose(mistaken.gradients[name], right.gradients[name], rtol=0.01)
    others = {"b", "w", "x"} - {name}
    for other in others:
        assert mistaken.gradients[other] == pytest.approx(right.gradients[other])


@pytest.mark.parametrize(
    ("code", "activation", "expected"),
    [
        ("rectifier.slope_ignored", "leaky_relu", Z * POSITIVE),
        ("rectifier.left_out", "relu", Z),
        ("linear.bias_left_out", "tanh", np.tanh(X @ W)),
    ],
)
def test_mistaken_values(code: str, activation: str, expected: Array) -> None:
    mistaken = layer(code, activation).values["h"]
    assert mistaken == pytest.approx(expected)
    assert not np.allclose(mistaken, layer(None, activation).values["h"], rtol=1e-4)


MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
RATE = 0.4
DROPPED: dict[str, Array] = {
    "dropout.scaled_by_rate": X * MASK / RATE,
    "dropout.not_scaled": X * MASK,
    "dropout.multiplied_by_keep": X * MASK * (1 - RATE),
    "dropout.rate_and_keep_confused": X * ~MASK / RATE,
}


@pytest.mark.parametrize("code", DROPPED)
def test_mistaken_scales_of_dropout(code: str) -> None:
    mistaken = compute(code, "dropout", {"x": X, "mask": MASK}, ["output"], rate=RATE).values["output"]
    assert mistaken == pytest.approx(DROPPED[code])
    assert not np.allclose(mistaken, X * MASK / (1 - RATE), rtol=0.01)


@pytest.mark.parametrize(
    ("code", "factor"),
    [("dropout.weights_by_rate", RATE), ("dropout.weights_divided_by_keep", 1 / (1 - RATE))],
)
def test_mistaken_weights_without_dropout(code: str, factor: float) -> None:
    inputs = {"x": X, "mask": MASK, "w": W}
    mistaken = compute(code, "dropout", inputs, ["adjusted_w"], rate=RATE, formulation="unscaled")
    assert mistaken.values["adjusted_w"] == pytest.approx(W * factor)
    assert factor != 1 - RATE
