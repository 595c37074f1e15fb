"""Known mistakes in normalizations, against plain NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(13)
Array = np.ndarray[Any, Any]
X, G = RNG.normal(size=(4, 5)) + 0.7, RNG.normal(size=(4, 5))
GAIN, BIAS = RNG.normal(size=5), RNG.normal(size=5)
EPSILON = 0.3
AXES = {"layer_norm": -1, "batch_norm": 0}


def norm(
    code: str | Sequence[str] | None, operation: str, names: Sequence[str] = (), **settings: Any
) -> Mistaken:
    return compute(
        code, operation, {"x": X, "gain": GAIN, "bias": BIAS}, ["normalized", "output", *names],
        gradients=["x", "gain"], upstream={"output": G}, epsilon=EPSILON, **settings,
    )  # fmt: skip


class Moments:
    """Statistics over an axis."""

    def __init__(self, axis: int | tuple[int, ...] | None, x: Array = X) -> None:
        self.mean = x.mean(axis=axis, keepdims=True)
        self.centered = x - self.mean
        self.variance = (self.centered**2).mean(axis=axis, keepdims=True)
        self.square = (x**2).mean(axis=axis, keepdims=True)
        self.deviation = np.sqrt(self.variance + EPSILON)
        self.normalized = self.centered / self.deviation


def mistaken_entries(code: str, axis: int) -> Array:
    moments = Moments(axis)
    variance, centered, count = moments.variance, moments.centered, X.shape[axis]
    entries = {
        "norm.sample_variance": centered / np.sqrt(variance * count / (count - 1) + EPSILON),
        "norm.variance_about_zero": centered / np.sqrt(moments.square + EPSILON),
        "norm.divided_by_variance": centered / (variance + EPSILON),
        "norm.squared_for_root": centered / (variance + EPSILON) ** 2,
        "norm.epsilon_left_out": centered / np.sqrt(variance),
        "norm.epsilon_outside_root": centered / (np.sqrt(variance) + EPSILON),
        "norm.mean_not_subtracted": X / moments.deviation,
        "norm.wrong_axis": Moments(-1 - axis).normalized,
        "norm.over_everything": Moments(None).normalized,
    }
    return np.asarray(entries[code])


ENTRIES = [
    "norm.sample_variance", "norm.variance_about_zero", "norm.divided_by_variance", "norm.squared_for_root",
    "norm.epsilon_left_out", "norm.epsilon_outside_root", "norm.mean_not_subtracted", "norm.wrong_axis",
    "norm.over_everything",
]  # fmt: skip


@pytest.mark.parametrize("code", ENTRIES)
@pytest.mark.parametrize("operation", AXES)
@pytest.mark.parametrize("names", [[], ["inverse_deviation"]], ids=["divided", "multiplied"])
def test_mistaken_entries(code: str, operation: str, names: list[str]) -> None:
    mistaken, axis = norm(code, operation, names), AXES[operation]
    expected = mistaken_entries(code, axis)
    assert mistaken.values["normalized"] == pytest.approx(expected)
    assert mistaken.values["output"] == pytest.approx(expected * GAIN + BIAS)
    assert not np.allclose(expected, Moments(axis).normalized, rtol=0.01)


@pytest.mark.parametrize("code", ["norm.sample_variance", "norm.variance_about_zero"])
def test_mistaken_variances(code: str) -> None:
    moments = Moments(-1)
    variance = norm(code, "layer_norm", ["variance"]).values["variance"]
    expected = moments.square if code.endswith("zero") else moments.variance * 5 / 4
    assert variance == pytest.approx(expected[:, 0])


def test_the_statistics_of_a_square_matrix_over_the_wrong_axis() -> None:
    square = X[:, :4]
    mistaken = compute(
        "norm.wrong_axis", "layer_norm", {"x": square}, ["mean", "variance", "normalized"], epsilon=EPSILON
    )
    moments = Moments(0, square)
    assert mistaken.values["mean"] == pytest.approx(moments.mean[0])
    assert mistaken.values["variance"] == pytest.approx(moments.variance[0])
    assert mistaken.values["normalized"] == pytest.approx(moments.normalized)


SQUARE = (X**2).mean(axis=-1, keepdims=True)
ROOT: dict[str, Array] = {
    "norm.divided_by_variance": SQUARE + EPSILON,
    "norm.squared_for_root": (SQUARE + EPSILON) ** 2,
    "norm.epsilon_left_out": np.sqrt(SQUARE),
    "norm.epsilon_outside_root": np.sqrt(SQUARE) + EPSILON,
    "norm.mean_subtracted": Moments(-1).deviation,
}


@pytest.mark.parametrize("code", ROOT)
def test_mistaken_roots_of_mean_squares(code: str) -> None:
    mistaken = norm(code, "rms_norm", ["rms"])
    assert mistaken.values["rms"] == pytest.approx(ROOT[code][:, 0])
    assert mistaken.values["normalized"] == pytest.approx(X / ROOT[code])
    assert not np.allclose(ROOT[code], np.sqrt(SQUARE + EPSILON), rtol=0.01)


IMAGES = RNG.normal(size=(2, 3, 2, 2))


@pytest.mark.parametrize(
    ("code", "axes"), [("norm.over_batch_alone", 0), ("norm.over_positions_alone", (2, 3))]
)
def test_batch_norm_over_a_part_of_its_axes(code: str, axes: int | tuple[int, ...]) -> None:
    mistaken = compute(code, "batch_norm", {"x": IMAGES}, ["normalized"], epsilon=EPSILON)
    expected = Moments(axes, IMAGES).normalized
    assert mistaken.values["normalized"] == pytest.approx(expected)
    assert not np.allclose(expected, Moments((0, 2, 3), IMAGES).normalized, rtol=0.01)


RUNNING = {"running_mean": RNG.normal(size=5), "running_variance": RNG.uniform(0.5, 2.0, size=5)}
BATCH_MEAN, BATCH_VARIANCE = X.mean(axis=0), X.var(axis=0)
OLD_MEAN, OLD_VARIANCE = RUNNING.values()


@pytest.mark.parametrize(
    ("code", "mean", "variance"),
    [
        (
            "norm.running_variance_biased",
            0.9 * OLD_MEAN + 0.1 * BATCH_MEAN,
            0.9 * OLD_VARIANCE + 0.1 * BATCH_VARIANCE,
        ),
        (
            "norm.momentum_of_the_other",
            0.1 * OLD_MEAN + 0.9 * BATCH_MEAN,
            0.1 * OLD_VARIANCE + 0.9 * BATCH_VARIANCE * 4 / 3,
        ),
        (
            "norm.sample_variance",  # corrected once, not twice
            0.9 * OLD_MEAN + 0.1 * BATCH_MEAN,
            0.9 * OLD_VARIANCE + 0.1 * BATCH_VARIANCE * 4 / 3,
        ),
    ],
)
def test_mistaken_running_statistics(code: str, mean: Array, variance: Array) -> None:
    names = ["new_running_mean", "new_running_variance"]
    mistaken = compute(code, "batch_norm", {"x": X, **RUNNING}, names).values
    assert mistaken["new_running_mean"] == pytest.approx(mean)
    assert mistaken["new_running_variance"] == pytest.approx(variance)


@pytest.mark.parametrize(
    "code",
    ["norm.sample_variance", "norm.wrong_axis", "norm.over_everything", "norm.running_variance_biased"],
)
def test_inference_has_no_statistics_of_its_own(code: str) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "batch_norm", {"x": X, **RUNNING}, ["output"], training=False)


@pytest.mark.parametrize("names", [[], ["inverse_deviation"]], ids=["divided", "multiplied"])
def test_forgotten_paths(names: list[str]) -> None:
    moments = Moments(-1)
    to_normalized = G * GAIN
    direct = to_normalized / moments.deviation
    through_mean = -direct.mean(axis=-1, keepdims=True)
    scaled = to_normalized * moments.centered / moments.deviation**3
    through_variance = -scaled.mean(axis=-1, keepdims=True) * moments.centered
    paths = {
        None: direct + through_mean + through_variance,
        "norm.gradient_statistics_constant": direct,
        "norm.gradient_path_forgotten": direct + through_mean,
        "norm.gradient_mean_path_forgotten": direct + through_variance,
    }
    for code, expected in paths.items():
        mistaken = norm(code, "layer_norm", names)
        assert mistaken.values["output"] == pytest.approx(moments.normalized * GAIN + BIAS)
        assert mistaken.gradients["x"] == pytest.approx(expected)
        assert code is None or not np.allclose(expected, paths[None], rtol=0.01)


def test_the_root_of_the_mean_square_as_a_constant() -> None:
    mistaken = norm("norm.gradient_statistics_constant", "rms_norm")
    assert mistaken.gradients["x"] == pytest.approx(G * GAIN / np.sqrt(SQUARE + EPSILON))


NORMALIZED = Moments(-1).normalized
LAST: dict[str, Array] = {
    "norm.gain_left_out": NORMALIZED + BIAS,
    "norm.bias_left_out": NORMALIZED * GAIN,
    "norm.gain_after_bias": (NORMALIZED + BIAS) * GAIN,
}


@pytest.mark.parametrize("code", LAST)
def test_mistaken_gains_and_biases(code: str) -> None:
    output = norm(code, "layer_norm").values["output"]
    assert output == pytest.approx(LAST[code])
    assert not np.allclose(output, NORMALIZED * GAIN + BIAS, rtol=0.01)


@pytest.mark.parametrize("operation", AXES)
def test_the_gradient_of_the_gain_without_the_entries(operation: str) -> None:
    code = "norm.gradient_gain_without_entries"
    mistaken, right = norm(code, operation), norm(None, operation)
    assert mistaken.gradients["gain"] == pytest.approx(G.sum(axis=0))
    assert right.gradients["gain"] == pytest.approx((G * right.values["normalized"]).sum(axis=0))
    assert mistaken.gradients["x"] == pytest.approx(right.gradients["x"])


def test_groups_of_channels() -> None:
    x = RNG.normal(size=(2, 4, 3))
    mistaken = compute(
        "norm.divided_by_variance", "group_norm", {"x": x}, ["normalized"], groups=2, epsilon=EPSILON
    )
    moments = Moments(-1, x.reshape(2, 2, 6))
    expected = moments.centered / (moments.variance + EPSILON)
    assert mistaken.values["normalized"] == pytest.approx(expected.reshape(2, 4, 3))


def test_the_norm_of_an_encoder_layer() -> None:
    weights = {f"attention.{name}": RNG.normal(size=(5, 5)) for name in ("w_q", "w_k", "w_v", "w_o")}
    inputs = {
        "x": X, "feed_forward.w_1": RNG.normal(size=(5, 5)), "feed_forward.w_2": RNG.normal(size=(5, 5)),
        **weights,
    }  # fmt: skip
    names = ["attention_residual", "attention_norm.output"]
    values = compute("norm.divided_by_variance", "encoder_layer", inputs, names).values
    rows = values["attention_residual"]
    centered = rows - rows.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    assert values["attention_norm.output"] == pytest.approx(centered / (variance + 1e-5))
