"""What is done to gradients before a rule sees them."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.kinds import EXACT, arithmetic
from compute.optimizers.gradients import Clipping, clipped, decayed, norm_of
from tests.compute.asking import exact_entries
from tests.oracles import textbook_optimizers
from tests.test_oracles_optimizers import flat

RNG = np.random.default_rng(5)
GRADIENT: dict[str, Any] = {
    "w": RNG.standard_normal((3, 2)),
    "b": np.float64(-1.5),
    "v": RNG.standard_normal(4),
}


@pytest.mark.parametrize("value", [None, 0.5, 100.0])
@pytest.mark.parametrize("norm", [None, 0.75, 100.0])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 0.3])
def test_bounds_in_their_order(value: float | None, norm: float | None, epsilon: float) -> None:
    found = clipped(FLOAT64, GRADIENT, Clipping(value, norm, epsilon))
    said = {"clip_value": value, "clip_norm": norm, "clip_epsilon": epsilon}
    np.testing.assert_allclose(flat(found), textbook_optimizers.clipped(said, flat(GRADIENT)), rtol=1e-15)
    assert {name: one.shape for name, one in found.items()} == {n: one.shape for n, one in GRADIENT.items()}


def test_the_norm_is_of_all_entries_together() -> None:
    assert norm_of(FLOAT64, GRADIENT) == pytest.approx(math.hypot(*flat(GRADIENT)), rel=1e-15)


def test_a_gradient_of_zeros_is_left_alone() -> None:
    found = clipped(FLOAT64, {"x": np.zeros(3)}, Clipping(None, 1.0, 1e-6))
    np.testing.assert_array_equal(found["x"], np.zeros(3))


def test_a_gradient_of_zeros_is_left_alone_without_epsilon() -> None:
    with np.errstate(all="ignore"):
        found = clipped(FLOAT64, {"x": np.zeros(3)}, Clipping(None, 1.0, 0.0))
    np.testing.assert_array_equal(found["x"], np.zeros(3))


def test_exact_bounds() -> None:
    xp = arithmetic(EXACT)
    gradient = {"w": exact_entries([3, -4]), "b": exact_entries(12)}
    assert norm_of(xp, gradient)[()] == 13
    found = clipped(xp, gradient, Clipping(None, sympy.Integer(1), None))
    assert [*found["w"], found["b"][()]] == [sympy.Rational(n, 13) for n in (3, -4, 12)]
    found = clipped(xp, gradient, Clipping(sympy.Integer(3), None, None))
    assert [*found["w"], found["b"][()]] == [3, -3, 3]


def test_decay_is_the_gradient_of_half_the_sum_of_squares() -> None:
    parameters = {name: np.ones_like(one) * 2 for name, one in GRADIENT.items()}
    found = decayed(FLOAT64, GRADIENT, parameters, np.float64(0.25))
    np.testing.assert_allclose(flat(found), np.array(flat(GRADIENT)) + 0.5)
