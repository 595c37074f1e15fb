"""Normalizations against loops and ONNX's definitions; the paths of gradients; what is done in one step."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.evaluation import Evaluation
from compute.operations import CATALOGUE
from compute.operations.binding import Tensor, build
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
    labels = ["feature" if axis in axes else "batch" for axis in range(len(shape))]
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


@pytest.mark.parametrize("shape", [(1, 4), (3, 5), (2, 3, 4)])
def test_the_gradient_of_x_comes_by_three_paths(shape: tuple[int, ...]) -> None:
    x, g = drawn(*shape, mean=1.5), drawn(*shape, seed=1)
    gain = drawn(shape[-1], seed=2)
    found = answer("layer_norm", {"x": x, "gain": gain}, upstream={"output": g})
    count = shape[-1]
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    inverse = (variance + EPSILON) ** -0.5
    straight = g * gain * inverse
    to_variance = -0.5 * (g * gain * (x - mean)).sum(axis=-1, keepdims=True) * inverse**3
    by_variance = -2 / count * to_variance * (x - mean).sum(axis=-1, keepdims=True)
    by_normalized = -straight.sum(axis=-1, keepdims=True)
    paths = {
        "mean": np.broadcast_to((by_variance + by_normalized) / count, shape),
        "variance": 2 / count * to_variance * (x - mean),
        "normalized": straight,
    }
    assert list(found.contributions["x"]) == list(paths)
    close(found.contributions["x"], paths)
    np.testing.assert_allclose(sum(found.contributions["x"].values()), found.gradients["x"], rtol=1e-12)
    close(
        found.contributions["mean"],
        {"variance": by_variance[..., 0], "normalized": by_normalized[..., 0]},
    )
    close(found.gradients, {"variance": to_variance[..., 0], "gain": _summed(g * found.values["normalized"])})


def _summed(array: Array) -> Array:
    found: Array = array.sum(axis=tuple(range(array.ndim - 1)))
    return found


@pytest.mark.parametrize(
    ("operation", "settings", "paths"),
    [
        ("layer_norm", {"axes": (0, 2)}, {"mean", "variance", "normalized"}),
        ("batch_norm", {}, {"mean", "variance", "normalized"}),
        ("group_norm", {"groups": 2}, {"mean", "variance", "normalized"}),
        ("instance_norm", {}, {"mean", "variance", "normalized"}),
        ("rms_norm", {}, {"mean_square", "normalized"}),
    ],
)
def test_the_paths_sum_to_the_gradient(operation: str, settings: dict[str, Any], paths: set[str]) -> None:
    x = drawn(3, 4, 5)
    found = answer(operation, {"x": x}, settings, upstream={"normalized": drawn(3, 4, 5, seed=1)})
    parts = found.contributions["x"]
    assert set(parts) == paths
    assert all(np.abs(part).max() > 1e-3 for name, part in parts.items() if name != "mean")
    np.testing.assert_allclose(sum(parts.values()), found.gradients["x"], rtol=1e-12, atol=1e-14)
    if "mean" in paths:
        both = found.contributions["mean"]
        assert set(both) == {"variance", "normalized"}
        np.testing.assert_allclose(sum(both.values()), found.gradients["mean"], rtol=1e-12)


@pytest.mark.parametrize("operation", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize(
    ("shape", "over", "parameters"),
    [
        ((5, 7), 1, ("gain", "bias")),
        ((1, 1), 1, ("gain", "bias")),
        ((4,), 1, ("bias",)),
        ((2, 3, 4), 2, ("gain",)),
        ((2, 3, 4), 3, ()),
        ((3000, 40), 1, ("gain", "bias")),
        ((3, 70000), 1, ("gain", "bias")),
    ],
)
def test_in_one_step_it_is_its_composition(
    operation: str, shape: tuple[int, ...], over: int, parameters: tuple[str, ...]
) -> None:
    inputs = {"x": drawn(*shape, mean=0.5)}
    inputs |= {name: drawn(*shape[-over:], seed=len(name)) for name in parameters}
    upstream = {"output": drawn(*shape, seed=9)}
    settings = {"axis": -over, "epsilon": "1/100"}
    answers = []
    for select in (["output", *inputs], ["normalized", "output", *inputs]):
        asked = plan(operation, inputs, settings, upstream=upstream, select=select)
        steps = [value.primitive.name for value in asked.graph.values if value.primitive]
        assert ("normalized_rows" in steps) == ("normalized" not in select)
        answers.append(asked.answer(arrays(inputs), {}, upstream))
    one, composed = answers
    np.testing.assert_allclose(one.values["output"], composed.values["output"], rtol=1e-11, atol=1e-12)
    assert one.gradients.keys() >= inputs.keys()
    for name in inputs:
        size = np.abs(composed.gradients[name]).max()
        np.testing.assert_allclose(
            one.gradients[name], composed.gradients[name], rtol=1e-11, atol=1e-12 * size, err_msg=name
        )


def test_entries_far_from_zero_keep_their_digits_in_one_step() -> None:
    x = drawn(6, 50, mean=1e6)
    upstream = {"output": drawn(6, 50, seed=1)}
    found = [
        answer("layer_norm", {"x": x}, upstream=upstream, select=select)
        for select in (["output", "x"], ["normalized", "output", "x"])
    ]
    exact = textbook.layer_norm(x, (1,), 1.0, 0.0, EPSILON)["output"]
    for one in found:
        np.testing.assert_allclose(one.values["output"], exact, atol=1e-8)
        np.testing.assert_allclose(one.gradients["x"], found[1].gradients["x"], atol=1e-8)


@pytest.mark.parametrize("name", ["mean", "variance", "normalized", "inverse_deviation"])
def test_what_is_given_seeded_or_differentiated_stands_on_the_way(name: str) -> None:
    inputs = {"x": drawn(3, 4)}
    value = answer("layer_norm", inputs, select=[name, "output"]).values[name]
    changed = answer("layer_norm", inputs, given={name: value * 2}, select=["output"]).values["output"]
    assert not np.allclose(changed, answer("layer_norm", inputs, select=["output"]).values["output"])
    found = answer("layer_norm", inputs, upstream={name: np.ones_like(value)}, select=["output", "x"])
    assert found.gradients["x"].shape == (3, 4)
    jacobian = answer("layer_norm", inputs, jacobian=[("output", name)], select=["output"]).jacobians[0]
    assert jacobian.value.shape == (3, 4, *value.shape)
    assert np.abs(jacobian.value).max() > 0.1


def test_what_is_given_takes_the_place_of_x() -> None:
    gain, bias = drawn(4, seed=1), drawn(4, seed=2)
    normalized = drawn(2, 3, 4)
    for operation in ("layer_norm", "rms_norm"):
        given = {"normalized": normalized}
        found = answer(operation, {"gain": gain, "bias": bias}, given=given)
        np.testing.assert_allclose(found.values["output"], normalized * gain + bias, rtol=1e-14)
    channels = drawn(2, 4, 3)
    for operation, more in (("batch_norm", {}), ("group_norm", {"groups": 2}), ("instance_norm", {})):
        found = answer(operation, {"gain": gain, "bias": bias}, more, given={"normalized": channels})
        expected = channels * gain[:, None] + bias[:, None]
        np.testing.assert_allclose(found.values["output"], expected, rtol=1e-14)


def test_without_gain_and_bias_the_output_is_what_is_normalized() -> None:
    prepared = plan("layer_norm", {"x": drawn(2, 3)})
    assert prepared.graph.aliases() == {"output": "normalized"}
    one = answer("layer_norm", {"x": drawn(2, 3)}, select=["output"]).values["output"]
    other = answer("layer_norm", {"x": drawn(2, 3)}, select=["normalized"]).values["normalized"]
    np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("select", [None, ["output"]])
def test_equal_entries_are_zero_with_epsilon_and_noted_without(select: list[str] | None) -> None:
    x = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    found = answer("layer_norm", {"x": x}, select=select)
    assert not found.notes
    name = "output" if select else "normalized"
    np.testing.assert_allclose(found.values[name][0], 0, atol=1e-15)
    bare = answer("layer_norm", {"x": x}, {"epsilon": 0}, select=select)
    assert np.isnan(bare.values[name][0]).all() and np.isfinite(bare.values[name][1]).all()
    assert [(note.code, note.at) for note in bare.notes] == [("non_finite", name)]


@pytest.mark.parametrize("kind_seed", ALL, ids=lambda one: f"{one[0]}-{one[1]}")
def test_what_is_promised_holds(kind_seed: tuple[int, int]) -> None:
    posed = normalization(*kind_seed)
    tensors = {name: Tensor(one.shape) for name, one in posed.inputs.items()}
    graph = build(CATALOGUE[posed.operation], tensors, posed.attributes)
    inference = posed.attributes.get("training") is False
    assert len(graph.invariants) == (0 if inference else 1 if posed.operation == "rms_norm" else 2)
    for promised in graph.invariants:
        with graph.quiet():
            left, right = promised.sides()
        assert left.shape == right.shape
        evaluation = Evaluation(graph, FLOAT64, [graph.names[name].index for name in posed.inputs])
        evaluation.want([left.index, right.index])
        values = evaluation.run({graph.names[name].index: one for name, one in posed.inputs.items()})
        size = np.abs(values[left.index]).max()
        assert size > 0
        np.testing.assert_allclose(values[left.index], values[right.index], rtol=1e-9, atol=1e-9 * size)


def test_nothing_is_promised_of_statistics_that_are_given() -> None:
    for given in ("mean", "variance"):
        shapes = {"x": Tensor((2, 3))}
        graph = build(CATALOGUE["layer_norm"], shapes, {}, {given: Tensor((2,))})
        assert not graph.invariants


def test_programs_call_them() -> None:
    x, gain = drawn(2, 3, 4), drawn(2, 4, seed=1)
    found = answer(
        "graph", {"x": x, "g": gain}, program=("y = layer_norm(x, g, axes=(0, 2))", "z = sum(y)")
    ).values
    direct = answer("layer_norm", {"x": x, "gain": gain}, {"axes": (0, 2)}).values
    np.testing.assert_allclose(found["y"], direct["output"], rtol=1e-14)
    np.testing.assert_allclose(found["y.variance"], direct["variance"], rtol=1e-14)
    one = answer("graph", {"x": x}, program=("y = rms_norm(x, axes=-2)",)).values["y"]
    np.testing.assert_allclose(one, answer("rms_norm", {"x": x}, {"axes": 1}).values["normalized"])


def test_gradients_pass_norms_in_programs() -> None:
    x = drawn(3, 4)
    found = answer(
        "graph", {"x": x, "w": drawn(4, seed=1)}, program=("y = layer_norm(x, w)", "loss = sum(y ** 2)"),
        upstream={"loss": np.array(1.0)},
    )  # fmt: skip
    normalized = answer("layer_norm", {"x": x}).values["normalized"]
    expected = (2 * normalized**2 * drawn(4, seed=1)).sum(axis=0)
    np.testing.assert_allclose(found.gradients["w"], expected, rtol=1e-11)
