"""Known mistakes in the blocks of transformers, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(8)
D = 4
Array = np.ndarray[Any, Any]
SENT = {
    "x": RNG.normal(size=(3, D)),
    **{f"attention.{name}": RNG.normal(size=(D, D)) for name in ("w_q", "w_k", "w_v", "w_o")},
    "feed_forward.w_1": RNG.normal(size=(D, 5)),
    "feed_forward.w_2": RNG.normal(size=(5, D)),
}
NAMES = [
    "attention.output", "attention_norm.output", "attention_residual", "feed_forward.output",
    "feed_forward_residual", "output",
]  # fmt: skip


def layer(code: str | None, placement: str) -> Mistaken:
    return compute(code, "encoder_layer", SENT, NAMES, norm_placement=placement)


def normalize(rows: Array) -> Array:
    centered = rows - rows.mean(axis=-1, keepdims=True)
    return np.asarray(centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5))


def test_residual_from_norm() -> None:
    values = layer("encoder.residual_from_norm", "pre").values
    normalized = normalize(SENT["x"])
    assert values["attention_residual"] == pytest.approx(normalized + values["attention.output"])
    second = normalize(values["attention_residual"]) + values["feed_forward.output"]
    assert values["feed_forward_residual"] == pytest.approx(second)
    assert not np.allclose(values["output"], layer(None, "pre").values["output"], rtol=0.01)


def test_residual_from_input() -> None:
    values = layer("encoder.residual_from_input", "post").values
    assert values["feed_forward_residual"] == pytest.approx(SENT["x"] + values["feed_forward.output"])
    assert not np.allclose(values["output"], layer(None, "post").values["output"], rtol=0.01)


@pytest.mark.parametrize(
    ("code", "block"),
    [
        ("encoder.residual_left_out", "attention"),
        ("encoder.feed_forward_residual_left_out", "feed_forward"),
    ],
)
def test_residual_left_out(code: str, block: str) -> None:
    values = layer(code, "post").values
    assert values[f"{block}_residual"] == pytest.approx(values[f"{block}.output"])
    right = layer(None, "post").values
    assert not np.allclose(values[f"{block}_residual"], right[f"{block}_residual"], rtol=0.01)


def test_norm_left_out() -> None:
    values = layer("encoder.norm_left_out", "post").values
    assert values["output"] == pytest.approx(values["feed_forward_residual"])
    assert not np.allclose(values["output"], normalize(values["output"]), rtol=0.01)
