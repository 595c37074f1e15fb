"""Normalizations against loops, ONNX's definitions and central differences."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, arrays, plan
from tests.oracles import textbook_normalizations as textbook
from tests.oracles.cases import Array
from tests.oracles.normalizations import COUNTS, normalization

EPSILON = 1e-5
ALL = [(kind, seed) for kind, count in COUNTS.items() for seed in range(0, count, 2)]


def drawn(*shape: int, seed: int = 0, mean: float = 0.0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape) + mean


def close(found: dict[str, Array], expected: dict[str, Array]) -> None:
    for name, one in expected.items():
        assert found[name].shape == one.shape, name
        np.testing.assert_allclose(found[name], one, rtol=1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize(
    ("shape", "settings", "axes"),
    [
        ((4, 5), {}, (1,)),
        ((3,), {}, (0,)),
        ((2, 3, 4), {"axis": 1}, (1, 2)),
        ((2, 3, 4), {"axis": -3}, (0, 1, 2)),
        ((2, 3, 4), {"axes": 1}, (1,)),
        ((2, 3, 4), {"axes": (2, 0)}, (0, 2)),
        ((2, 3, 4, 2), {"axes": (-1, 1)}, (1, 3)),
        ((3, 1), {}, (1,)),
    ],
)
def test_layer_and_rms_norm_by_loops(
    shape: tuple[int, ...], settings: dict[str, Any], axes: tuple[int, ...], centered: bool
) -> None:
    x = drawn(*shape, mean=2.0)
    inner = tuple(shape[axis] for axis in axes)
    beside = [size if axis in axes else 1 for axis, size in enumerate(shape)]
    gain, bias = drawn(*inner, seed=1), drawn(*inner, seed=2)
    expected = textbook.layer_norm(
        x, axes, gain.reshape(beside), bias.reshape(beside), 0.01, centered=centered
    )
    if not centered:
        square = expected.pop("variance")
        del expected["mean"]
        expected |= {"mean_square": square, "rms": np.sqrt(square + 0.01)}
    name = "layer_norm" if centered else "rms_norm"
    inputs = {"x": x, "gain": gain, "bias": bias}
    prepared = plan(name, inputs, {**settings, "epsilon": 0.01})
    close(prepared.answer(arrays(inputs), {}, {}).values, expected)
    for one, value in prepared.graph.names.items():
        assert len(value.axes) == value.rank, one
    labels = ["feature" if axis in axes else f"axis_{axis}" for axis in range(len(shape))]
    assert list(prepared.graph.names["output"].axes) == labels
    assert prepared.conventions["axes"] == [axis - len(shape) for axis in axes]


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("positions", [(), (4,), (2, 3)])
def test_group_norm_by_loops(groups: int, positions: tuple[int, ...]) -> None:
    x, gain, bias = drawn(2, 6, *positions), drawn(6, seed=1), drawn(6, seed=2)
    found = answer("group_norm", {"x": x, "gain": gain, "bias": bias}, {"groups": groups, "epsilon": 0.1})
    close(found.values, textbook.group_norm(x, groups, gain, bias, 0.1))


@pytest.mark.parametrize("positions", [(4,), (2, 3), (2, 2, 2)])
def test_instance_norm_is_one_group_for_each_channel_and_layer_norm_one_for_all(
    positions: tuple[int, ...],
) -> None:
    x, gain, bias = drawn(3, 4, *positions), drawn(4, seed=1), drawn(4, seed=2)
    inputs = {"x": x, "gain": gain, "bias": bias}
    found = answer("instance_norm", inputs).values
    close(found, textbook.group_norm(x, 4, gain, bias, EPSILON))
    whole = answer("group_norm", {"x": x}, {"groups": 1}).values["normalized"]
    np.testing.assert_allclose(
        whole, answer("layer_norm", {"x": x}, {"axis": 1}).values["normalized"], rtol=1e-12
    )
    last = {name: np.moveaxis(one, 1, -1) if name == "x" else one for name, one in inputs.items()}
    other = answer("instance_norm", last, {"channel_axis": -1}).values
    np.testing.assert_allclose(np.moveaxis(other["output"], -1, 1), found["output"], rtol=1e-12)
    alone = answer("instance_norm", {**inputs, "x": x[0]}, {"channel_axis": 0}).values
    np.testing.assert_allclose(alone["output"], found["output"][0], rtol=1e-12)
    np.testing.assert_allclose(alone["mean"], found["mean"][0], rtol=1e-12)


@pytest.mark.parametrize("training", [0, 1])
@pytest.mark.parametrize("positions", [(), (4,), (2, 3), (2, 2, 2)])
def test_batch_normalization_of_onnx(training: int, positions: tuple[int, ...]) -> None:
    x, (gain, bias, mean) = drawn(3, 4, *positions), (drawn(4, seed=seed) for seed in (1, 2, 3))
    inputs = {"x": x, "gain": gain, "bias": bias, "running_mean": mean, "running_variance": mean**2}
    settings = {
        "momentum": 0.8, "momentum_of": "running", "unbiased_running_variance": False, "epsilon": 0.01,
        "training": bool(training),
    }  # fmt: skip
    found = answer("batch_norm", inputs, settings).values
    theirs = textbook.onnx_batch_normalization(x, gain, bias, mean, mean**2, 0.01, 0.8, training)
    names = ("output", "new_running_mean", "new_running_variance")
    assert ("new_running_mean" in found) == bool(training)
    close(found, dict(zip(names, theirs, strict=False)))


@pytest.mark.parametrize("axis", [-1, 1, -2, 0, 2])
def test_layer_and_rms_normalization_of_onnx(axis: int) -> None:
    """With the optional outputs Mean and InvStdDev, and a scale that broadcasts."""
    x = drawn(2, 3, 4, mean=1.0)
    axes = tuple(range(axis % 3, 3))
    for scale in (drawn(*x.shape[axis % 3 :], seed=1), drawn(4, seed=1), drawn(2, 1, 4, seed=1)):
        for name, centered in (("layer_norm", True), ("rms_norm", False)):
            expected = textbook.layer_norm(x, axes, scale, 0.0, EPSILON, centered=centered)
            select = ["output", *(["mean", "inverse_deviation"] if centered else [])]
            found = answer(name, {"x": x, "gain": scale}, {"axis": axis}, select=select).values
            np.testing.assert_allclose(found["output"], expected["output"], rtol=1e-11, atol=1e-12)
            if centered:
                np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-12)
                inverse = (expected["variance"] + EPSILON) ** -0.5
                np.testing.assert_allclose(found["inverse_deviation"], inverse, rtol=1e-12)


def test_running_statistics_move_as_pytorch_or_as_onnx_says() -> None:
    x, old = drawn(5, 2), np.array([1.0, 2.0])
    inputs = {"x": x, "running_mean": old, "running_variance": old}
    mean, variance = x.mean(axis=0), x.var(axis=0)
    for settings, weight, unbiased in (
        ({}, 0.1, True),
        ({"momentum": 0.3}, 0.3, True),
        ({"momentum": "1/4"}, 0.25, True),
        ({"momentum_of": "running"}, 0.1, True),
        ({"momentum_of": "running", "momentum": 0.3}, 0.7, True),
        ({"momentum": 0, "unbiased_running_variance": False}, 0, False),
        ({"momentum": 1, "unbiased_running_variance": False}, 1, False),
    ):
        found = answer("batch_norm", inputs, settings)
        taken = variance * 5 / 4 if unbiased else variance
        close(
            found.values,
            {
                "new_running_mean": (1 - weight) * old + weight * mean,
                "new_running_variance": (1 - weight) * old + weight * taken,
                "variance": variance,
            },
        )
    assert plan("batch_norm", inputs, {"momentum_of": "running"}).conventions["momentum"] == 0.9
    alone = answer("batch_norm", {"x": x, "running_mean": old}).values
    assert "new_running_mean" in alone and "new_running_variance" not in alone


def test_inference_uses_running_statistics_and_updates_nothing() -> None:
    x, mean, variance = drawn(4, 3, 2), drawn(3, seed=1), drawn(3, seed=2) ** 2
    inputs = {"x": x, "running_mean": mean, "running_variance": variance}
    found = answer("batch_norm", inputs, {"training": False}, upstream={"normalized": np.ones(x.shape)})
    expected = (x - mean[:, None]) / np.sqrt(variance + EPSILON)[:, None]
    close(found.values, {"mean": mean, "variance": variance, "normalized": expected})
    assert not {"new_running_mean", "new_running_variance"} & found.values.keys()
    # Statistics that came from elsewhere are no path from x.
    assert "x" not in found.contributions
    slope = np.broadcast_to((variance + EPSILON)[:, None] ** -0.5, x.shape)
    np.testing.assert_allclose(found.gradients["x"], slope, rtol=1e-12)
    single = {name: one[:1, :, :1] if name == "x" else one for name, one in inputs.items()}
    assert answer("batch_norm", single, {"training": False}).values["normalized"].shape == (1, 3, 1)


@pytest.mark.parametrize("kind_seed", ALL, ids=lambda one: f"{one[0]}-{one[1]}")
def test_gradients_are_central_differences(kind_seed: tuple[int, int]) -> None:
    posed = normalization(*kind_seed)
    rng = np.random.default_rng(kind_seed)
    upstream = {"output": rng.standard_normal(posed.inputs["x"].shape)}
    select = ["output", *posed.inputs]
    asked = plan(posed.operation, posed.inputs, posed.attributes, upstream=upstream, select=select)
    found = asked.answer(posed.inputs, {}, upstream)
    for name in set(posed.inputs) & found.gradients.keys():
        array = posed.inputs[name]
        direction = rng.standard_normal(array.shape)
        step = 1e-5 * (1 if name != "x" else max(1e-3, float(array.std())))
        ends = [
            asked.answer({**posed.inputs, name: array + sign * step * direction}, {}, upstream)
            for sign in (1, -1)
        ]
        slope = ((ends[0].values["output"] - ends[1].values["output"]) * upstream["output"]).sum() / (
            2 * step
        )
        along = float((found.gradients[name] * direction).sum())
        size = float(np.abs(found.gradients[name] * direction).sum())
        assert along == pytest.approx(slope, rel=1e-6, abs=1e-6 * max(1.0, size)), name
