"""Known mistakes in linear layers, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(12)
Array = np.ndarray[Any, Any]
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
G = RNG.normal(size=(4, 3))
GRADIENTS = ["x", "w", "b"]
INPUTS = {"x": X, "w": W, "b": B}
MISTAKEN: dict[str, tuple[str, Array]] = {
    "linear.gradient_bias_averaged": ("b", G.mean(axis=0)),
    "linear.not_summed": ("b", G),
    "linear.gradient_weight_transposed": ("w", (X.T @ G).T),
    "linear.gradient_weight_averaged": ("w", X.T @ G / 4),
    "linear.weights_not_transposed": ("x", G @ W),
}
H = np.tanh(X @ W)


def check(code: str, mistaken: Mistaken, right: Mistaken) -> None:
    name, gradient = MISTAKEN[code]
    assert mistaken.gradients[name] == pytest.approx(gradient)
    expected = right.gradients[name]
    assert gradient.shape != expected.shape or not np.allclose(gradient, expected, rtol=0.01)
    for other in {*GRADIENTS} - {name}:
        assert mistaken.gradients[other] == pytest.approx(right.gradients[other])


@pytest.mark.parametrize("code", MISTAKEN)
def test_mistaken_gradients_of_a_program(code: str) -> None:
    mistaken, right = (
        compute(
            one, "graph", INPUTS, ["z"], gradients=GRADIENTS, upstream={"z": G}, program=["z = x @ w + b"]
        )
        for one in (code, None)
    )
    assert mistaken.values["z"] == pytest.approx(X @ W + B)
    check(code, mistaken, right)


@pytest.mark.parametrize("code", MISTAKEN)
def test_mistaken_gradients_of_the_operation(code: str) -> None:
    mistaken, right = (
        compute(one, "linear", INPUTS, ["output"], gradients=GRADIENTS, upstream={"output": G})
        for one in (code, None)
    )
    assert mistaken.values["output"] == pytest.approx(X @ W + B)
    check(code, mistaken, right)


def test_weights_in_the_other_layout() -> None:
    mistaken = compute(
        "linear.weights_not_transposed", "linear", {"x": X, "w": W.T}, ["output"], gradients=["x", "w"],
        upstream={"output": G}, weights="out_in",
    )  # fmt: skip
    assert mistaken.gradients["x"] == pytest.approx(G @ W)
    assert mistaken.gradients["w"] == pytest.approx(G.T @ X)


@pytest.mark.parametrize(
    ("code", "name", "gradient"),
    [
        ("linear.gradient_weight_transposed", "w", X @ G.T),
        ("linear.gradient_weight_averaged", "w", (X @ G.T).T / 3),
        ("linear.weights_not_transposed", "x", np.eye(4) @ G),
    ],
)
def test_samples_as_columns(code: str, name: str, gradient: Array) -> None:
    """Compute W X with samples as columns: W is 4 by 4, X has 3 columns."""
    weights = np.roll(np.eye(4), 1, axis=0)
    mistaken, right = (
        compute(
            one, "graph", {"w": weights, "x": X}, ["z"], gradients=["w", "x"], upstream={"z": G},
            program=["z = w @ x"],
        )
        for one in (code, None)
    )  # fmt: skip
    expected = weights @ gradient if name == "x" else gradient
    assert mistaken.gradients[name] == pytest.approx(expected)
    assert not np.allclose(expected, right.gradients[name], rtol=0.01)


@pytest.mark.parametrize("line", ["z = x @ w + b", "z = b + x @ w"])
def test_the_bias_is_left_out(line: str) -> None:
    mistaken = compute("linear.bias_left_out", "graph", INPUTS, ["z"], program=[line])
    assert mistaken.values["z"] == pytest.approx(X @ W)


def test_the_bias_of_a_regression() -> None:
    inputs = {"x": X[:, 0], "w": np.array(0.7), "b": np.array(-0.3)}
    mistaken = compute(
        "linear.gradient_bias_averaged", "graph", inputs, ["y"], gradients=["b"], upstream={"y": G[:, 0]},
        program=["y = w * x + b"],
    )  # fmt: skip
    assert mistaken.gradients["b"] == pytest.approx(G[:, 0].mean())


def test_the_bias_of_a_sublayer() -> None:
    inputs = {"x": X, "w_1": W, "b_1": B, "w_2": W, "b_2": B}
    mistaken = compute("linear.bias_left_out", "feed_forward", inputs, ["output"])
    assert mistaken.values["output"] == pytest.approx(np.maximum(X @ W, 0) @ W)


@pytest.mark.parametrize(
    "code",
    ["linear.gradient_weight_transposed", "linear.weights_not_transposed", "linear.gradient_bias_averaged"],
)
def test_a_transpose_that_does_not_fit_is_no_mistake(code: str) -> None:
    inputs = {"x": X, "w": W[:, :2]}
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "linear", inputs, ["output"], gradients=["w"], upstream={"output": G[:, :2]})


def test_the_weights_of_a_second_layer() -> None:
    program = ["z = x @ w_1", "h = tanh(z)", "y = h @ w_2"]
    mistaken, right = (
        compute(
            code, "graph", {"x": X, "w_1": W, "w_2": W[:, :2]}, ["y"], gradients=["w_1", "w_2"],
            upstream={"y": G[:, :2]}, program=program,
        )
        for code in ("linear.gradient_weight_with_preactivation", None)
    )  # fmt: skip
    assert mistaken.gradients["w_2"] == pytest.approx((X @ W).T @ G[:, :2])
    assert right.gradients["w_2"] == pytest.approx(H.T @ G[:, :2])
    assert mistaken.gradients["w_1"] == pytest.approx(right.gradients["w_1"])


def test_the_gradient_from_above_is_ignored() -> None:
    mistaken = compute(
        "linear.gradient_upstream_ignored", "linear", INPUTS, ["output"], gradients=GRADIENTS,
        upstream={"output": G},
    )  # fmt: skip
    assert mistaken.gradients["w"] == pytest.approx(X.T @ np.ones((4, 3)))
    assert mistaken.gradients["x"] == pytest.approx(np.ones((4, 3)) @ W.T)
    assert mistaken.gradients["b"] == pytest.approx(G.sum(axis=0))
