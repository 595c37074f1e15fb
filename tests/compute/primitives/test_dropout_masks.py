"""Masks that a seed draws: those that were recorded, and those of NumPy's default generator."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.kinds import EXACT
from tests.compute.asking import answer

# Masks of NumPy 2.4's default_rng(seed).random(shape) >= rate, entry by entry: 1 is kept.
DRAWN = {
    (0, (12,), 0.5): "100011111110",
    (1, (12,), 0.5): "110100101011",
    (3, (2, 3), "1/3"): "001101",
    (7, (2, 2, 2), 0.25): "11101101",
    (2**31 - 1, (3, 5), "2/3"): "010000011100000",
    (2023, (), 0.9): "0",
}


@pytest.mark.parametrize("drawn", DRAWN, ids=str)
@pytest.mark.parametrize("arithmetic", ["float64", "float32", EXACT])
def test_a_seed_draws_the_mask_that_was_recorded(drawn: Any, arithmetic: str) -> None:
    seed, shape, rate = drawn
    inputs = {"x": np.ones(shape)}
    result = answer("dropout", inputs, {"rate": rate, "seed": seed}, arithmetic=arithmetic, select=["mask"])
    mask = result.values["mask"]
    assert mask.dtype == np.bool_
    assert mask.shape == shape
    assert "".join(str(int(entry)) for entry in mask.flat) == DRAWN[drawn]


@pytest.mark.parametrize("rate", [0, 1e-9, 0.3, "1/3", "sqrt(2)/2", 0.9999999, 1 - 2**-53])
def test_masks_are_those_of_numpys_default_generator(rate: Any) -> None:
    least = float(sympy.sympify(rate))
    for seed in range(5):
        result = answer("dropout", {"x": np.ones((40, 5, 5))}, {"rate": rate, "seed": seed}, select=["mask"])
        expected = np.random.default_rng(seed).random((40, 5, 5)) >= least
        np.testing.assert_array_equal(result.values["mask"], expected)
