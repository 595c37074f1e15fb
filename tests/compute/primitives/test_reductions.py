"""Indices of the largest entries."""

import math

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.kinds import EXACT
from compute.primitives.reductions import largest_weight
from tests.compute.asking import answer

NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    ("x", "place"),
    [
        ([0, 0], 0),
        ([0, 0, 1], 2),
        ([-2, -1, -1], 1),
        ([-1, 0, 0], 1),
        ([-INFINITY, -INFINITY], 0),
        ([-INFINITY, -1e30], 1),
        ([3, NAN, 5], 1),
        ([INFINITY, NAN, NAN], 1),
        ([-0.0, 0.0], 0),
        ([7], 0),
    ],
)
def test_the_first_of_the_largest_entries(x: list[float], place: int) -> None:
    """The index is never -1, which means nothing to attend to, and only in attention."""
    for numbers in ("float64", "float32"):
        result = answer("graph", {"x": x}, program=("y = argmax(x)",), arithmetic=numbers)
        assert result.values["y"] == place
    if all(map(math.isfinite, x)):
        exact = [int(entry) for entry in x]
        result = answer("graph", {"x": exact}, program=("y = argmax(x)",), arithmetic=EXACT)
        assert result.values["y"][()] == place


def test_along_an_axis_of_zeros() -> None:
    x = np.array([[0.0, 0, 0], [0, 2, -1]])
    result = answer("graph", {"x": x}, program=("a = argmax(x, axis=-1)", "b = argmax(x, axis=0)"))
    np.testing.assert_array_equal(result.values["a"], [0, 1])
    np.testing.assert_array_equal(result.values["b"], [0, 1, 0])


@pytest.mark.parametrize("numbers", ["float64", "float32", EXACT])
def test_attention_to_nothing_has_no_largest_weight(numbers: str) -> None:
    inputs = {"query": [[1, 2], [0, 1], [1, 1]], "key": [[1, 0], [0, 1], [1, 1]], "value": [[1], [2], [3]]}
    mask = np.ones((3, 3), dtype=bool)
    mask[1] = False
    result = answer("attention", {**inputs, "mask": mask}, select=["argmax"], arithmetic=numbers)
    assert [int(index) for index in result.values["argmax"]] == [2, -1, 2]


def test_along_a_band_indices_are_those_of_keys() -> None:
    """In a band that reaches one key before each query, the first entry of the first query is key -1."""
    weights = np.array([[0, 0.25, 0.75], [1, 0, 0], [0, 0, 0]])
    result = largest_weight.forward(FLOAT64, weights, axis=-1, left=1)
    np.testing.assert_array_equal(result, [1, 0, -1])
