"""Dropout: against PyTorch's recorded answers, loops over all masks, and the definition of ONNX."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.kinds import EXACT
from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations.layers.dropout_moments import OVER_MASKS
from compute.question.plan import describe_cost
from tests import oracles
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array
from tests.oracles.dropout import COUNT, case, loss_weights

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("dropout.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
FORMULATIONS = ("inverted", "unscaled")
X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
W = np.array([[1.0, -1.0], [0.5, 2.0], [-3.0, 0.75]])
B = np.array([0.5, -0.25])


def same(found: Any, expected: Any) -> None:
    """Equal to 1e-11 of the largest entry."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-11 * max(1.0, np.abs(expected).max())


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in case(seed).inputs.values()) for seed in range(COUNT)]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    kinds = [(len(one.inputs), one.attributes.get("training", True)) for one in map(case, range(COUNT))]
    assert set(kinds) == set(itertools.product((1, 2, 3), (True, False)))
    trained = [one for one in map(case, range(COUNT)) if one.attributes.get("training", True)]
    assert len(trained) >= 50


@pytest.mark.parametrize("seed", range(COUNT))
def test_output_and_all_gradients_are_those_of_pytorch(seed: int) -> None:
    """With the mask that PyTorch drew, as booleans and as numbers."""
    posed, start = case(seed), sum(case(one).inputs["x"].size for one in range(seed))
    x = posed.inputs["x"]
    mask = RECORDED["masks"][start : start + x.size].reshape(x.shape)
    training = posed.attributes.get("training", True)
    expected = RECORDED["numbers"][ENDS[seed] - RECORDED["lengths"][seed] : ENDS[seed]]
    for sent in (mask, mask.astype(np.float64)):
        inputs = {**posed.inputs, "mask": sent} if training else posed.inputs
        found = answer("dropout", inputs, posed.attributes, upstream={"output": loss_weights(x.shape)})
        parts = [found.values["output"], found.gradients["x"]]
        if "w" in inputs:
            upstream = {"dense_output": loss_weights(found.values["dense_output"].shape)}
            dense = answer("dropout", inputs, posed.attributes, upstream=upstream)
            parts += [dense.values["dense_output"], *(dense.gradients[one] for one in "xwb" if one in inputs)]
            assert "mask" not in dense.gradients
        same(np.concatenate([np.ravel(part) for part in parts]), expected)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.75])
def test_dropout_as_onnx_defines_it(ratio: float, training: bool) -> None:
    """scale * data * mask, where scale = 1 / (1 - ratio); out of training data, and a mask of true."""
    data = np.random.default_rng(8).standard_normal((3, 4, 5))
    settings = {"rate": ratio, "training": training} | ({"seed": 5} if training else {})
    found = answer("dropout", {"x": data}, settings, select=["mask", "output"]).values
    mask = np.random.default_rng(5).uniform(0, 1, data.shape) >= ratio if training else np.ones(data.shape)
    np.testing.assert_array_equal(found["mask"], mask.astype(bool))
    same(found["output"], 1 / (1 - ratio) * data * mask if training else data)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_gradients_of_everything_are_central_differences(formulation: str) -> None:
    inputs, settings = {"x": X, "w": W, "b": B}, {"rate": "1/4", "seed": 6, "formulation": formulation}
    everything = [
        "output", "expected_output", "output_variance", "dense_output", "expected_dense_output",
        "dense_variance", "adjusted_dense_output", "mask_probabilities", "mean_over_masks",
        "variance_over_masks", "dense_mean_over_masks", "dense_variance_over_masks",
    ]  # fmt: skip
    rng = np.random.default_rng(11)
    values = answer("dropout", inputs, settings, select=everything).values
    for name in everything:
        upstream = rng.standard_normal(values[name].shape)
        found = answer("dropout", inputs, settings, upstream={name: upstream}, select=[*inputs, name])
        reached = [one for one in inputs if one in found.gradients]
        assert reached or name == "mask_probabilities"
        for one in reached:
            direction = rng.standard_normal(inputs[one].shape)
            ends = [
                answer("dropout", inputs | {one: inputs[one] + step * direction}, settings, select=[name])
                for step in (1e-6, -1e-6)
            ]
            slope = ((ends[0].values[name] - ends[1].values[name]) * upstream).sum() / 2e-6
            assert (found.gradients[one] * direction).sum() == pytest.approx(slope, rel=1e-7, abs=1e-7)


def test_gradients_say_which_way_they_came() -> None:
    upstream = {"dense_output": np.ones((2, 2)), "adjusted_dense_output": np.ones((2, 2))}
    found = answer("dropout", {"x": X, "w": W}, {"seed": 1, "formulation": "unscaled"}, upstream=upstream)
    assert set(found.contributions["x"]) == {"output", "adjusted_dense_output"}
    assert set(found.contributions["w"]) == {"dense_output", "adjusted_w"}
    same(found.contributions["x"]["output"], found.values["mask"] * W.sum(axis=1))
    same(found.gradients["weight_factor"], (X.sum(axis=0) @ W).sum())


def test_a_symbolic_rate_in_the_gradient() -> None:
    letters = Symbols()
    x, g = letters.fresh("x", (2,)), letters.fresh("g", (2,))
    found = answer("dropout", {"x": x, "mask": np.array([True, False])}, {"rate": "p"},
                   upstream={"output": g}, arithmetic=EXACT)  # fmt: skip
    p = sympy.Symbol("p", real=True)
    assert compare(found.values["output"][0], x[0] / (1 - p)).verdict == "proved"
    assert compare(found.gradients["x"][0], g[0] / (1 - p)).verdict == "proved"
    assert found.values["output"][1] == found.gradients["x"][1] == 0


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_where_training_is_off_the_output_is_the_input(formulation: str) -> None:
    settings = {"rate": 0.75, "training": False, "formulation": formulation}
    found = answer("dropout", {"x": X, "w": W}, settings, upstream={"dense_output": np.ones((2, 2))})
    np.testing.assert_array_equal(found.values["output"], X)
    assert found.values["mask"].all()
    same(found.values["dense_output"], X @ W)
    same(found.values["adjusted_dense_output"], X @ W * (1 if formulation == "inverted" else 0.25))
    same(found.gradients["x"], np.ones((2, 2)) @ W.T)


def test_without_mask_and_seed_only_what_is_expected_is_known() -> None:
    prepared = plan("dropout", {"x": X, "w": W}, {})
    assert prepared.unknown == ["mask", "output", "dense_output"]
    assert "no_mask" in prepared.conventions
    assert set(prepared.returned) == {
        "expected_output", "output_variance", "weight_factor", "expected_dense_output", "dense_variance",
        "adjusted_w", "adjusted_dense_output",
    }  # fmt: skip
    assert "no_mask" not in plan("dropout", {"x": X}, {"seed": 0}).conventions


def test_a_given_output_takes_the_place_of_activations() -> None:
    output = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]])
    found = answer("dropout", {"w": W}, given={"output": output}, upstream={"dense_output": np.eye(2)})
    same(found.values["dense_output"], output @ W)
    same(found.gradients["output"], np.eye(2) @ W.T)
    same(found.gradients["w"], output.T @ np.eye(2))
    assert "mask" not in found.values  # how many entries it has nothing says
    prepared = plan("dropout", {}, {"seed": 4}, given={"output": output})
    assert "mask" in prepared.unknown
    prepared = plan("dropout", {}, {"training": False}, given={"output": output})
    assert "mask" in prepared.unknown
    with pytest.raises(QuestionErrors) as caught:
        plan("dropout", {}, {}, given={"output": output}, select=["all_masks"])
    assert caught.value.errors[0].path == ("x",)


def test_a_mask_says_the_shape_of_activations_that_are_missing() -> None:
    mask = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    dense = np.zeros((2, 2))
    prepared = plan("dropout", {"mask": mask, "w": W}, {}, given={"dense_output": dense})
    assert prepared.graph.names["x"].shape == prepared.graph.names["output"].shape == (2, 3)
    with pytest.raises(QuestionErrors):
        plan("dropout", {"mask": mask}, {}, given={"output": np.zeros((3, 3))})


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_the_kind_of_number_goes_all_the_way(arithmetic: str) -> None:
    names = ["*", *OVER_MASKS]
    found = answer("dropout", {"x": X, "w": W, "b": B}, {"seed": 2, "rate": 0.3}, arithmetic=arithmetic,
                   upstream={"dense_output": np.ones((2, 2))}, select=names)  # fmt: skip
    for array in (*found.values.values(), *found.gradients.values()):
        assert array.dtype in (np.dtype(arithmetic), np.dtype(bool))
    whole = answer("dropout", {"x": X, "w": W, "b": B}, {"seed": 2, "rate": 0.3}, select=names).values
    for name, array in found.values.items():
        np.testing.assert_allclose(array, whole[name], rtol=2e-5, atol=1e-5)


def test_a_rate_next_to_1_is_no_division_by_zero_in_float32() -> None:
    found = answer("dropout", {"x": [1.0], "mask": [1.0]}, {"rate": "1 - 1/10**9"}, arithmetic="float32")
    assert found.values["output"] == pytest.approx(1e9, rel=1e-6)
    assert not found.notes


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_dropped_touches_nothing(bad: float) -> None:
    """PyTorch multiplies by 0 and gets NaN."""
    inputs = {"x": [bad, 3.0], "mask": [0.0, 1.0], "w": [[1.0], [2.0]]}
    found = answer("dropout", inputs, {}, upstream={"dense_output": [1.0]})
    np.testing.assert_array_equal(found.values["output"], [0, 6])
    np.testing.assert_array_equal(found.gradients["x"], [0, 4])
    np.testing.assert_array_equal(found.gradients["w"], [[0], [6]])
    assert [note.at for note in found.notes] == ["x"]


def test_cost_in_letters() -> None:
    n, d, out = (Polynomial.symbol(name) for name in ("n", "d", "d_out"))
    shapes = {"x": Tensor((n, d)), "w": Tensor((d, out)), "b": Tensor((out,))}
    for settings in ({"seed": 1}, {}, {"training": False}, {"rate": "1/d", "formulation": "unscaled"}):
        total, steps, _ = describe_cost("dropout", shapes, settings)
        assert str(total.multiply_adds) == "4*d*d_out*n"
        assert str(total.parameters) == "d*d_out + d_out"
        assert {step.name for step in steps} >= {"output", "dense_output", "adjusted_dense_output"}
        assert not {step.name for step in steps} & set(OVER_MASKS)
    alone, _, _ = describe_cost("dropout", {"x": Tensor((n, d))}, {"seed": 1})
    assert (alone.multiply_adds, str(alone.elementwise)) == (0, "5*d*n")
    masked, steps, _ = describe_cost("dropout", {"mask": Tensor((n, d))}, {})
    assert str(masked.elementwise) == "4*d*n"


@pytest.mark.parametrize(
    ("inputs", "settings", "path"),
    [
        ({"x": X}, {"rate": 1, "seed": 0}, "rate"),
        ({"x": X}, {"rate": 1, "formulation": "unscaled"}, "rate"),
        ({"x": X}, {"rate": 1.5}, "rate"),
        ({"x": X}, {"rate": -0.5}, "rate"),
        ({"x": X}, {"rate": "p"}, "rate"),
        ({"x": X}, {"rate": "d"}, "rate"),
        ({"x": X}, {"rate": "1 - 1/10**20"}, "rate"),
        ({"x": X, "mask": X > 0}, {"seed": 0}, "seed"),
        ({"x": X, "mask": X > 0}, {"training": False}, "mask"),
        ({"x": X}, {"training": False, "seed": 0}, "seed"),
        ({"x": X, "mask": X[0] > 0}, {}, "mask"),
        ({"x": X, "mask": X.T > 0}, {}, "mask"),
        ({"x": X, "mask": X}, {}, "mask"),
        ({"x": X, "b": B}, {"seed": 0}, "b"),
        ({"x": 1.0, "w": W}, {"seed": 0}, "x"),
        ({"x": X, "w": W.T}, {"seed": 0}, "w"),
        ({"x": X, "w": W, "b": X[0]}, {"seed": 0}, "b"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    inputs: dict[str, Any], settings: dict[str, Any], path: str
) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("dropout", inputs, settings)
    assert [error.path for error in caught.value.errors] == [(path,)]


def test_a_seed_draws_nothing_at_a_symbolic_rate() -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("dropout", {"x": X}, {"rate": "p", "seed": 1}, arithmetic=EXACT)
    assert caught.value.errors[0].path == ("seed",)
    assert "symbol" in caught.value.errors[0].message


@pytest.mark.parametrize("mask", [X > 0, (X > 0).astype(float)])
def test_nothing_is_differentiated_by_a_mask(mask: Array) -> None:
    for asked in ({"upstream": {"mask": np.ones(X.shape)}}, {"jacobian": [("output", "mask")]}):
        with pytest.raises(QuestionErrors):
            answer("dropout", {"x": X, "mask": mask}, {}, **asked)
    found = answer("dropout", {"x": X, "mask": mask}, {}, upstream={"output": np.ones(X.shape)})
    assert set(found.gradients) == {"x", "output"}


PROGRAM = ("h = dropout(x, rate=0.5, seed=3)", "y = sum(h * h)")


def test_in_a_program() -> None:
    found = answer("graph", {"x": X}, program=PROGRAM, upstream={"y": 1.0})
    alone = answer("dropout", {"x": X}, {"rate": 0.5, "seed": 3}).values
    np.testing.assert_array_equal(found.values["h.mask"], alone["mask"])
    np.testing.assert_array_equal(found.values["h"], alone["output"])
    same(found.gradients["x"], 2 * X * alone["mask"] * 4)
    inside = answer("graph", {"x": X}, program=("y = sum(dropout(x, rate='1/2', seed=3) ** 2)",)).values["y"]
    same(inside, found.values["y"])


def test_a_mask_in_a_program_is_sent_or_given() -> None:
    mask = np.array([[True, False, True], [False, True, True]])
    lines = ("h = dropout(x, m, rate='1/3')", "y = sum(as_numbers(m) * h)")
    for sent in (mask, mask.astype(float)):
        found = answer("graph", {"x": X, "m": sent}, program=lines, upstream={"y": 1.0})
        same(found.values["h"], X * mask * 1.5)
        same(found.gradients["x"], mask * 1.5)
        assert "m" not in found.gradients
        lines_ = ("h = dropout(x, rate='1/3')", "y = sum(h)")
        given = answer("graph", {"x": X}, program=lines_, given={"h.mask": sent}, upstream={"y": 1.0})
        same(given.values["y"], (X * mask * 1.5).sum())
    unknown = plan("graph", {"x": X}, program=("h = dropout(x)", "y = sum(h)"))
    assert unknown.unknown == ["h.mask", "h", "y"]
