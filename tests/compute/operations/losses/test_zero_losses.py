"""Losses of perfect predictions: 0, and never -0, with every step in between."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.scalars import Scalars
from compute.operations import CATALOGUE
from tests.compute.asking import answer
from tests.compute.optimizers.asking import steps_of

FAR = [[1000.0, 0, 0], [0, 1000, 0]]
PERFECT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("cross_entropy", {"logits": FAR, "target": [0, 1]}, {}),
    ("cross_entropy", {"logits": FAR, "target": [0, 1], "class_weights": [0, 1, 2]}, {}),
    ("cross_entropy", {"logits": FAR, "target": [0, -7]}, {"ignore_index": -7}),
    ("cross_entropy", {"logits": FAR, "target": [[1, 0, 0], [0, 1, 0]]}, {}),
    ("nll", {"log_probabilities": [[0.0, -1000]], "target": [0]}, {}),
    ("nll", {"log_probabilities": [[0.0, -1000]], "target": [0], "class_weights": [2, 0]}, {}),
    ("binary_cross_entropy", {"probabilities": [1.0, 0], "target": [1, 0]}, {}),
    ("binary_cross_entropy", {"probabilities": [1.0, 0], "target": [1, 0], "weights": [0.5]}, {}),
    ("binary_cross_entropy", {"logits": [1000.0, -1000], "target": [1, 0]}, {}),
    ("binary_cross_entropy", {"logits": [1000.0, -1000], "target": [1, 0], "positive_weight": [2.0]}, {}),
    ("kl_divergence", {"prediction": [0.5, 0.5], "target": [0.5, 0.5]}, {}),
    ("kl_divergence", {"prediction": [1.0, 0], "target": [1.0, 0]}, {"reduction": "batchmean"}),
    ("mse", {"prediction": [0.0, 2], "target": [0, 2]}, {}),
    ("mae", {"prediction": [0.0, 2], "target": [0, 2]}, {}),
    ("huber", {"prediction": [0.0, 2], "target": [0, 2]}, {}),
    ("smooth_l1", {"prediction": [0.0, 2], "target": [0, 2]}, {}),
    ("gaussian_nll", {"prediction": [0.0, 2], "target": [0, 2], "variance": [1.0]}, {}),
    ("poisson_nll", {"prediction": [0.0], "target": [0]}, {"prediction_is_log": False}),
    ("hinge", {"scores": [1.0, -2], "target": [1, -1]}, {}),
    ("hinge", {"scores": [1.0, -2], "target": [1, -1]}, {"squared": True}),
    ("hinge_embedding", {"distances": [0.0, 1], "target": [1, -1]}, {}),
    ("multi_margin", {"scores": [[1.0, 0, -3]], "target": [0]}, {}),
    ("cosine", {"x1": [[1.0, 0]], "x2": [[2.0, 0]]}, {}),
    ("cosine", {"x1": [[1.0, 0], [1, 0]], "x2": [[2.0, 0], [0, -1]], "target": [1, -1]}, {}),
    ("triplet", {"anchor": [[0.0, 0]], "positive": [[0.0, 0]], "negative": [[3.0, 0]]}, {}),
]


@pytest.mark.parametrize("numbers", ["float64", "float32"])
@pytest.mark.parametrize("select", [None, ["output"]])
@pytest.mark.parametrize(("operation", "inputs", "settings"), PERFECT, ids=lambda one: str(one)[:40])
def test_the_loss_of_a_perfect_prediction(
    operation: str, inputs: dict[str, Any], settings: dict[str, Any], select: list[str] | None, numbers: str
) -> None:
    found = answer(operation, inputs, settings, select=select, arithmetic=numbers).values
    assert found["output"] == 0
    for name, one in found.items():
        assert not negative_zeros(one), name


def negative_zeros(one: Any) -> bool:
    numbers = np.asarray(one, dtype=np.float64)
    return bool((np.signbit(numbers) & (numbers == 0)).any())


def test_every_loss_is_here() -> None:
    assert {name for name, *_ in PERFECT} == {
        name for name, one in CATALOGUE.items() if "reduction" in one.attributes
    }


@pytest.mark.parametrize("xp", [FLOAT64, FLOAT32, Scalars()])
def test_the_opposite_of_zero_is_zero(xp: Any) -> None:
    for zero in (0.0, -0.0):
        assert math.copysign(1, xp.negative(xp.dtype.type(zero))) == 1
    assert xp.negative(xp.dtype.type(-1.5)) == 1.5
    assert xp.negative(xp.dtype.type(math.inf)) == -math.inf
    assert np.asarray(xp.negative(xp.dtype.type(2))).dtype == xp.dtype


def test_negations_in_programs_and_their_gradients() -> None:
    found = answer("graph", {"x": [0.0, 1]}, program=("y = -x",), upstream={"y": [0.0, 1]})
    assert not negative_zeros(found.values["y"])
    assert not negative_zeros(found.gradients["x"])


def test_a_gradient_of_zero_moves_parameters_by_zero() -> None:
    for start in (1.0, [1.0, 2.0]):
        zeros = np.zeros(np.shape(start)).tolist()
        for name in ("gradient_descent", "momentum", "adam", "lion"):
            *_, last = steps_of({"name": name}, {"x": start}, gradients=[{"x": zeros}])
            assert last.record is not None and not negative_zeros(last.record.update["x"])


def test_what_was_sent_as_negative_zero_keeps_its_sign() -> None:
    found = answer("graph", {"x": [-0.0]}, program=("y = identity(x)",))
    assert negative_zeros(found.values["y"])
