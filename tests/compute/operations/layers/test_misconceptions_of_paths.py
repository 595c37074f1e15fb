"""Known mistakes where a gradient has several paths, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

RNG = np.random.default_rng(15)
Array = np.ndarray[Any, Any]
X, W, G = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))
H = np.tanh(X @ W)
THROUGH = G * (1 - H**2)


@pytest.mark.parametrize(
    ("code", "to_x", "to_w"),
    [
        (None, G + THROUGH @ W.T, X.T @ THROUGH),
        ("chain.skip_path_forgotten", THROUGH @ W.T, X.T @ THROUGH),
        ("chain.branch_forgotten", G, None),
    ],
)
def test_paths_of_a_residual_sum(code: str | None, to_x: Array, to_w: Array | None) -> None:
    result = compute(
        code, "graph", {"x": X, "w": W}, ["y"], gradients=["x", "w"], upstream={"y": G},
        program=["h = tanh(x @ w)", "y = h + x"],
    )  # fmt: skip
    assert result.values["y"] == pytest.approx(H + X)
    assert result.gradients["x"] == pytest.approx(to_x)
    assert ("w" in result.gradients) == (to_w is not None)
    assert to_w is None or result.gradients["w"] == pytest.approx(to_w)


@pytest.mark.parametrize(
    ("code", "slope"),
    [
        (None, H + X * (1 - H**2) @ W.T),
        ("chain.first_factor_constant", X * (1 - H**2) @ W.T),
        ("chain.second_factor_constant", H),
    ],
)
def test_factors_of_a_product(code: str | None, slope: Array) -> None:
    result = compute(
        code, "graph", {"x": X, "w": W}, ["y"], gradients=["x"], upstream={"y": np.ones((4, 3))},
        program=["h = tanh(x @ w)", "y = x * h"],
    )  # fmt: skip
    assert result.values["y"] == pytest.approx(X * H)
    assert result.gradients["x"] == pytest.approx(slope)


@pytest.mark.parametrize(
    ("code", "line"),
    [("chain.skip_path_forgotten", "y = x @ w + x[0]"), ("chain.first_factor_constant", "y = 2 * x @ w")],
)
def test_a_single_path_is_no_mistake(code: str, line: str) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "graph", {"x": X, "w": W}, ["y"], program=[line])


def test_the_direct_path_of_an_encoder_layer() -> None:
    inputs = {
        "x": X, "feed_forward.w_1": W, "feed_forward.w_2": W,
        **{f"attention.{name}": W for name in ("w_q", "w_k", "w_v", "w_o")},
    }  # fmt: skip
    mistaken, right = (
        compute(
            code, "encoder_layer", inputs, ["output"], gradients=["attention_residual"],
            upstream={"feed_forward_residual": G}, norm_placement="pre",
        )
        for code in ("chain.skip_path_forgotten", None)
    )  # fmt: skip
    assert mistaken.values["output"] == pytest.approx(right.values["output"])
    direct = right.gradients["attention_residual"] - mistaken.gradients["attention_residual"]
    assert direct == pytest.approx(G)
