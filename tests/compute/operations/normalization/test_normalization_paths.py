"""Contributions of gradients through normalizations, given values, promises, and programs."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.readings.evaluation import Evaluation
from tests.compute.asking import answer, plan
from tests.compute.operations.normalization.test_normalization import ALL, EPSILON, close, drawn
from tests.oracles.cases import Array
from tests.oracles.normalizations import normalization


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


@pytest.mark.parametrize("name", ["mean", "variance", "normalized", "inverse_deviation"])
def test_what_is_given_seeded_or_differentiated_stands_on_the_way(name: str) -> None:
    inputs = {"x": drawn(3, 4)}
    value = answer("layer_norm", inputs, select=[name, "output"]).values[name]
    changed = answer("layer_norm", inputs, given={name: value * 2}, select=["output"]).values["output"]
    assert not np.allclose(changed, answer("layer_norm", inputs, select=["output"]).values["output"])
    found = answer("layer_norm", inputs, upstream={name: np.ones_like(value)}, select=["output", "x"])
    assert found.gradients["x"].shape == (3, 4)
    jacobian = answer("layer_norm", inputs, jacobian=[("output", name)], select=["output"]).parts[
        "jacobians"
    ][0]
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
        with graph.without_names():
            left, right = promised.sides()
        assert left.shape == right.shape
        evaluation = Evaluation(graph, FLOAT64, [graph.names[name].index for name in posed.inputs])
        evaluation.request([left.index, right.index])
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
