"""Averages over any axes, against NumPy's own mean."""

import itertools

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.graph.primitive import REGISTRY

SHAPE = (2, 3, 1, 4)
CHOICES = [axes for count in range(1, 5) for axes in itertools.combinations(range(-4, 0), count)]


@pytest.mark.parametrize("axes", CHOICES, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_any_axes_are_averaged(axes: tuple[int, ...], transposed: bool) -> None:
    """Of arrays in a row in memory and of others."""
    x = np.random.default_rng(1).standard_normal(SHAPE[::-1] if transposed else SHAPE)
    x = x.T if transposed else x
    rule = REGISTRY["average"]
    for order in (axes, axes[::-1]):
        result = rule.forward(FLOAT64, x, axes=order)
        np.testing.assert_allclose(result, x.mean(axis=axes), rtol=1e-13, atol=1e-15)
        assert result.shape == rule.shape(SHAPE, axes=order)


def test_an_average_of_symbols_is_one_sum() -> None:
    x = Symbols().fresh("x", (2, 2, 2))
    result = REGISTRY["average"].forward(get_arithmetic(EXACT), x, axes=(-3, -2))
    for at in range(2):
        assert sympy.expand(result[at] - sum(x[:, :, at].flat) / 4) == 0
