"""Mean and variance of dropout: formulas against every mask, in numbers by loops and in symbols by proofs."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.kinds import EXACT
from compute.errors import QuestionErrors
from compute.operations.layers.dropout_moments import OVER_MASKS
from tests.compute.asking import answer, plan, program
from tests.compute.operations.layers.test_dropout import FORMULATIONS, B, W, X, same
from tests.oracles.cases import Array


def loops(x: Array, rate: float, formulation: str, outputs: Any) -> tuple[Array, Array]:
    """Return mean and variance over every mask of a function of the dropped activations."""
    total, squares = 0.0, 0.0
    for bits in itertools.product((0, 1), repeat=x.size):
        likely = math.prod(1 - rate if bit else rate for bit in bits)
        kept = np.array(bits).reshape(x.shape)
        made = outputs(x * kept / (1 - rate) if formulation == "inverted" else x * kept)
        total, squares = total + likely * made, squares + likely * made**2
    return np.asarray(total), np.asarray(squares - np.square(total))


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("rate", [0, "1/3", 0.5, 0.9])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1, 3)])
def test_what_is_expected_is_the_average_over_all_masks(
    formulation: str, rate: Any, shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng([9, len(shape)]).standard_normal(shape)
    inputs = {"x": x} | ({"w": W[: shape[-1]], "b": B} if shape else {})
    names = [name for name in OVER_MASKS if shape or not name.startswith("dense")]
    found = answer("dropout", inputs, {"rate": rate, "formulation": formulation}, select=["*", *names]).values
    worth = float(sympy.sympify(rate))
    mean, variance = loops(x, worth, formulation, lambda one: one)
    for name, expected in (("expected_output", mean), ("output_variance", variance)):
        same(found[name], expected)
    same(found["mean_over_masks"], mean)
    same(found["variance_over_masks"], variance)
    same(found["mask_probabilities"].sum(), 1)
    assert found["all_masks"].shape == found["all_outputs"].shape == (2**x.size, *shape)
    assert len({tuple(one.ravel()) for one in found["all_masks"]}) == 2**x.size
    if shape:
        mean, variance = loops(x, worth, formulation, lambda one: one @ inputs["w"] + B)
        same(found["expected_dense_output"], mean)
        same(found["dense_variance"], variance)
        same(found["dense_mean_over_masks"], mean)
        same(found["dense_variance_over_masks"], variance)
        same(found["adjusted_dense_output"], mean)
        same(found["adjusted_w"], inputs["w"] * (1 if formulation == "inverted" else 1 - worth))
        same(found["weight_factor"], 1 if formulation == "inverted" else 1 - worth)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("entries", [1, 2, 3])
def test_the_same_is_proved_for_all_numbers(formulation: str, entries: int) -> None:
    """Every rate, all activations, all weights: p, x1, x2, ... are free symbols."""
    letters = Symbols()
    inputs = {"x": letters.fresh("x", (entries,)), "w": letters.fresh("w", (entries, 1))}
    if entries < 3:  # where expressions stay short
        inputs["b"] = letters.fresh("b", (1,))
    settings = {"rate": "p", "formulation": formulation}
    found = answer("dropout", inputs, settings, arithmetic=EXACT, select=["*", *OVER_MASKS]).values
    for formula, average in (
        ("expected_output", "mean_over_masks"),
        ("output_variance", "variance_over_masks"),
        ("expected_dense_output", "dense_mean_over_masks"),
        ("dense_variance", "dense_variance_over_masks"),
        ("adjusted_dense_output", "dense_mean_over_masks"),
    ):
        assert found[formula].shape == found[average].shape
        for one, other in zip(found[formula].flat, found[average].flat, strict=True):
            assert one.free_symbols
            assert compare(one, other).verdict == "proved"
            assert sympy.simplify(one - other) == 0
    # As the formulas of the textbooks have it.
    p, x1 = sympy.Symbol("p", real=True), inputs["x"][0]
    kept = 1 - p
    mean, variance = (x1, x1**2 * p / kept) if formulation == "inverted" else (kept * x1, x1**2 * p * kept)
    assert sympy.simplify(found["mean_over_masks"][0] - mean) == 0
    assert sympy.simplify(found["variance_over_masks"][0] - variance) == 0
    factor = 1 if formulation == "inverted" else kept
    assert sympy.simplify(found["adjusted_w"][0, 0] - inputs["w"][0, 0] * factor) == 0


def test_means_of_many_symbols_are_proved_too() -> None:
    inputs = {"x": Symbols().fresh("x", (7,))}
    found = answer("dropout", inputs, {"rate": "p"}, arithmetic=EXACT, select=["mean_over_masks"]).values
    verdicts = [compare(one, x).verdict for one, x in zip(found["mean_over_masks"], inputs["x"], strict=True)]
    assert verdicts == ["proved"] * 7


def test_weights_that_are_divided_by_1_less_p_are_refuted() -> None:
    """Kept activations that are not scaled give less on average, so that weights have to become smaller."""
    p, x1, w1 = (sympy.Symbol(name, real=True) for name in ("p", "x1", "w1"))
    settings = {"rate": "p", "formulation": "unscaled"}
    found = answer("dropout", {"x": [x1], "w": [[w1]]}, settings, arithmetic=EXACT).values
    assert compare(found["expected_dense_output"][0], x1 * w1 * (1 - p)).verdict == "proved"
    assert compare(found["expected_dense_output"][0], x1 * w1 / (1 - p)).verdict == "refuted"


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_promise_of_adjusted_weights_holds(formulation: str) -> None:
    prepared = plan("dropout", {"x": X, "w": W, "b": B}, {"rate": "2/7", "formulation": formulation})
    [promised] = prepared.graph.invariants
    assert promised.value.name == "adjusted_dense_output"
    names = [str(side.name) for side in promised.sides()]
    assert names == ["adjusted_dense_output", "expected_dense_output"]
    found = prepared.answer({"x": X, "w": W, "b": B}, {}, {}).values
    same(found[names[0]], found[names[1]])


@pytest.mark.parametrize("shape", [(13,), (2, 7), (1000, 1000)])
@pytest.mark.parametrize("name", [name for name in OVER_MASKS if not name.startswith("dense")])
def test_too_many_masks_are_refused_where_they_are_asked_for(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("dropout", {"x": np.zeros(shape)}, {}, select=[name])
    [error] = caught.value.errors
    assert error.path == ("x",)
    assert name in error.message
    assert name not in plan("dropout", {"x": np.zeros(shape)}, {}).graph.names
    assert name in plan("dropout", {"x": np.zeros((2, 6))}, {}).graph.names


def test_004_5_weights_behind_dropout_shrink() -> None:
    """The document's answer divides by 1 - p; it is refuted, and the right answer is proved."""
    letters, kept = Symbols(), 1 - sympy.Symbol("p", real=True)
    inputs = {"x": letters.fresh("x", (3,)), "w": letters.fresh("w", (3, 2)), "b": letters.fresh("b", (2,))}
    settings = {"rate": "p", "formulation": "unscaled"}
    found = answer("dropout", inputs, settings, select=("*", "dense_mean_over_masks"), arithmetic=EXACT)
    assert compare(found.values["weight_factor"][()], kept).verdict == "proved"
    average = found.values["dense_mean_over_masks"]
    for weights, verdict in ((inputs["w"] * kept, "proved"), (inputs["w"] / kept, "refuted")):
        for one, other in zip(inputs["x"] @ weights + inputs["b"], average, strict=True):
            assert compare(one, other).verdict == verdict
    lines = (
        "mask = as_numbers(all_masks(shape=3))",
        "likely = product_over(mask * (1 - p) + (1 - mask) * p)",
        "average = project(likely, (x * mask) @ w + b)",
    )
    claims = ("average == project(x, (1 - p) * w) + b", "average == project(x, w / (1 - p)) + b")
    right, divided = program(lines, {**inputs, "p": "p"}, claims=claims).parts["claims"]
    assert (right.verdict, divided.verdict) == ("proved", "refuted")
