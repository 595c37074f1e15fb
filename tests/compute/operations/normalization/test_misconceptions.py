"""Known mistakes in normalizations, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(13)
Array = np.ndarray[Any, Any]
X, GAIN, G = RNG.normal(size=(4, 5)) + 0.7, RNG.normal(size=5), RNG.normal(size=(4, 5))
EPSILON = 0.3
MEAN = X.mean(axis=-1, keepdims=True)
CENTERED = X - MEAN
VARIANCE = (CENTERED**2).mean(axis=-1, keepdims=True)
DEVIATION = np.sqrt(VARIANCE + EPSILON)


def norm(code: str | None, names: list[str]) -> Mistaken:
    return compute(
        code, "layer_norm", {"x": X, "gain": GAIN}, ["mean", "variance", "normalized", *names],
        gradients=["x"], upstream={"output": G}, epsilon=EPSILON,
    )  # fmt: skip


def over(axis: int | None) -> Array:
    centered = X - X.mean(axis=axis, keepdims=True)
    return np.asarray(centered / np.sqrt((centered**2).mean(axis=axis, keepdims=True) + EPSILON))


NORMALIZED: dict[str, Array] = {
    "norm.sample_variance": CENTERED / np.sqrt(VARIANCE * 5 / 4 + EPSILON),
    "norm.variance_about_zero": CENTERED / np.sqrt((X**2).mean(axis=-1, keepdims=True) + EPSILON),
    "norm.divided_by_variance": CENTERED / (VARIANCE + EPSILON),
    "norm.epsilon_left_out": CENTERED / np.sqrt(VARIANCE),
    "norm.epsilon_outside_root": CENTERED / (np.sqrt(VARIANCE) + EPSILON),
    "norm.mean_not_subtracted": X / DEVIATION,
    "norm.wrong_axis": over(0),
    "norm.over_everything": over(None),
}


@pytest.mark.parametrize("code", NORMALIZED)
def test_mistaken_entries(code: str) -> None:
    mistaken = norm(code, ["output"])
    assert mistaken.values["normalized"] == pytest.approx(NORMALIZED[code])
    assert mistaken.values["output"] == pytest.approx(NORMALIZED[code] * GAIN)
    assert not np.allclose(mistaken.values["normalized"], CENTERED / DEVIATION, rtol=0.01)


TO_NORMALIZED = G * GAIN
VARIANCE_PATH = -(TO_NORMALIZED * CENTERED / DEVIATION**3).mean(axis=-1, keepdims=True) * CENTERED
MEAN_PATH = -(TO_NORMALIZED / DEVIATION).mean(axis=-1, keepdims=True)
TO_X: dict[str, Array] = {
    "norm.gradient_statistics_constant": TO_NORMALIZED / DEVIATION,
    "norm.gradient_path_forgotten": TO_NORMALIZED / DEVIATION + MEAN_PATH,
}


@pytest.mark.parametrize("code", TO_X)
def test_forgotten_paths(code: str) -> None:
    mistaken, right = norm(code, ["output"]), norm(None, ["output"])
    assert right.gradients["x"] == pytest.approx(TO_NORMALIZED / DEVIATION + MEAN_PATH + VARIANCE_PATH)
    assert mistaken.values["output"] == pytest.approx(right.values["output"])
    assert mistaken.gradients["x"] == pytest.approx(TO_X[code])
    assert not np.allclose(TO_X[code], right.gradients["x"], rtol=0.01)
