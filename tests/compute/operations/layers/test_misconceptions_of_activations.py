"""Known mistakes in activations and rectifiers, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(11)
Array = np.ndarray[Any, Any]
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
Z, G = X @ W + B, RNG.normal(size=(4, 3))
ALPHA = np.array(0.2)


def layer(code: str | None, function: str) -> Mistaken:
    """Compute one layer of a network as a program."""
    inputs = {"x": X, "w": W, "b": B} | ({"a": ALPHA} if function == "prelu" else {})
    arguments = "z, a" if function == "prelu" else "z"
    return compute(
        code, "graph", inputs, ["z", "h"], gradients=["z", "x", "w", "b"], upstream={"h": G},
        program=["z = x @ w + b", f"h = {function}({arguments})"],
    )  # fmt: skip


def single(code: str | None, function: str) -> Mistaken:
    return compute(
        code, "activation", {"x": Z}, ["output", "derivative"], gradients=["x"], upstream={"output": G},
        function=function,
    )  # fmt: skip


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def silu_slope(z: Array) -> Array:
    return np.asarray(sigmoid(z) * (1 + z * (1 - sigmoid(z))))


S, T = sigmoid(Z), np.tanh(Z)
POSITIVE = Z > 0
SLOPES: dict[tuple[str, str], Array] = {
    ("activation.gradient_at_preactivation", "sigmoid"): Z * (1 - Z),
    ("activation.gradient_at_preactivation", "tanh"): 1 - Z**2,
    ("activation.gradient_of_output", "sigmoid"): sigmoid(S) * (1 - sigmoid(S)),
    ("activation.gradient_of_output", "tanh"): 1 - np.tanh(T) ** 2,
    ("activation.gradient_of_output", "silu"): silu_slope(Z * S),
    ("activation.gradient_square_left_out", "tanh"): 1 - T,
    ("activation.gradient_complement_left_out", "sigmoid"): S,
}
TO_Z: dict[tuple[str, str], Array] = {
    **{place: G * slope for place, slope in SLOPES.items()},
    ("activation.gradient_cut_at_output", "sigmoid"): G,
    ("activation.gradient_cut_at_output", "silu"): G,
    ("activation.gradient_upstream_ignored", "sigmoid"): S * (1 - S),
    ("activation.gradient_upstream_ignored", "silu"): silu_slope(Z),
    ("activation.gradient_upstream_ignored", "relu"): POSITIVE * 1.0,
    ("rectifier.gradient_masked_by_gradient", "relu"): G * (G > 0),
    ("rectifier.wrong_side", "relu"): G * (Z < 0),
    ("rectifier.wrong_side", "leaky_relu"): G * np.where(Z < 0, 1, 0.01),
    ("rectifier.cut", "relu"): G,
    ("rectifier.cut", "prelu"): G,
    ("rectifier.gradient_slope_ignored", "leaky_relu"): G * POSITIVE,
    ("rectifier.gradient_slope_ignored", "prelu"): G * POSITIVE,
}


@pytest.mark.parametrize(("code", "function"), TO_Z)
def test_mistaken_gradients_in_a_program(code: str, function: str) -> None:
    mistaken, right = layer(code, function), layer(None, function)
    assert mistaken.values["h"] == pytest.approx(right.values["h"])
    to_z = TO_Z[code, function]
    assert mistaken.gradients["z"] == pytest.approx(to_z)
    assert mistaken.gradients["w"] == pytest.approx(X.T @ to_z)
    assert mistaken.gradients["x"] == pytest.approx(to_z @ W.T)
    assert not np.allclose(to_z, right.gradients["z"], rtol=1e-3)


@pytest.mark.parametrize(("code", "function"), SLOPES)
def test_mistaken_derivatives_of_the_operation(code: str, function: str) -> None:
    mistaken, right = single(code, function), single(None, function)
    assert mistaken.values["derivative"] == pytest.approx(SLOPES[code, function])
    assert mistaken.gradients["x"] == pytest.approx(G * SLOPES[code, function])
    assert mistaken.values["output"] == pytest.approx(right.values["output"])
    assert not np.allclose(mistaken.values["derivative"], right.values["derivative"], rtol=0.01)


def test_the_derivative_at_the_kink() -> None:
    z, g = np.array([-1.5, 0.0, 2.0]), np.array([0.3, 0.7, -0.4])
    mistaken, right = (
        compute(code, "activation", {"x": z}, [], gradients=["x"], upstream={"output": g}, function="relu")
        for code in ("rectifier.gradient_one_at_zero", None)
    )
    assert mistaken.gradients["x"] == pytest.approx(np.array([0, 0.7, -0.4]))
    assert right.gradients["x"] == pytest.approx(np.array([0, 0, -0.4]))


@pytest.mark.parametrize(
    ("code", "function", "expected"),
    [
        ("activation.left_out", "tanh", Z),
        ("activation.left_out", "gelu", Z),
        ("activation.tanh_for_sigmoid", "sigmoid", T),
        ("activation.sigmoid_for_tanh", "tanh", S),
        ("activation.exponent_sign", "sigmoid", 1 / (1 + np.exp(Z))),
        ("rectifier.slope_ignored", "leaky_relu", Z * POSITIVE),
        ("rectifier.slope_ignored", "prelu", Z * POSITIVE),
        ("rectifier.left_out", "relu", Z),
        ("rectifier.left_out", "prelu", Z),
        ("rectifier.negatives_kept", "relu", np.minimum(Z, 0)),
    ],
)
def test_mistaken_values(code: str, function: str, expected: Array) -> None:
    mistaken = layer(code, function).values["h"]
    assert mistaken == pytest.approx(expected)
    assert not np.allclose(mistaken, layer(None, function).values["h"], rtol=1e-4)


def test_a_rectifier_inside_a_feed_forward_layer() -> None:
    inputs = {"x": X, "w_1": W, "b_1": B, "w_2": W}
    mistaken = compute(
        "rectifier.cut", "feed_forward", inputs, ["output"], gradients=["w_1"], upstream={"output": G}
    )
    assert mistaken.values["output"] == pytest.approx(np.maximum(Z, 0) @ W)
    assert mistaken.gradients["w_1"] == pytest.approx(X.T @ (G @ W.T))
