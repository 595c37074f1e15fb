"""Clipping and decay of gradients."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.optimizers.run.gradients import Clipping, add_decay, clip_gradients, global_norm
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
    found = clip_gradients(FLOAT64, GRADIENT, Clipping(value, norm, epsilon))
    settings = {"clip_value": value, "clip_norm": norm, "clip_epsilon": epsilon}
    np.testing.assert_allclose(flat(found), textbook_optimizers.clip(settings, flat(GRADIENT)), rtol=1e-15)
    assert {name: one.shape for name, one in found.items()} == {n: one.shape for n, one in GRADIENT.items()}


def test_the_norm_is_of_all_entries_together() -> None:
    assert global_norm(FLOAT64, GRADIENT) == pytest.approx(math.hypot(*flat(GRADIENT)), rel=1e-15)


def test_a_gradient_of_zeros_is_left_alone() -> None:
    found = clip_gradients(FLOAT64, {"x": np.zeros(3)}, Clipping(None, 1.0, 1e-6))
    np.testing.assert_array_equal(found["x"], np.zeros(3))


def test_a_gradient_of_zeros_is_left_alone_without_epsilon() -> None:
    with np.errstate(all="ignore"):
        found = clip_gradients(FLOAT64, {"x": np.zeros(3)}, Clipping(None, 1.0, 0.0))
    np.testing.assert_array_equal(found["x"], np.zeros(3))


def test_exact_bounds() -> None:
    xp = get_arithmetic(EXACT)
    gradient = {"w": exact_entries([3, -4]), "b": exact_entries(12)}
    assert global_norm(xp, gradient)[()] == 13
    found = clip_gradients(xp, gradient, Clipping(None, sympy.Integer(1), None))
    assert [*found["w"], found["b"][()]] == [sympy.Rational(n, 13) for n in (3, -4, 12)]
    found = clip_gradients(xp, gradient, Clipping(sympy.Integer(3), None, None))
    assert [*found["w"], found["b"][()]] == [3, -3, 3]


def test_decay_is_the_gradient_of_half_the_sum_of_squares() -> None:
    parameters = {name: np.ones_like(one) * 2 for name, one in GRADIENT.items()}
    found = {
        name: add_decay(FLOAT64, one, parameters[name], np.float64(0.25)) for name, one in GRADIENT.items()
    }
    np.testing.assert_allclose(flat(found), np.array(flat(GRADIENT)) + 0.5)


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e307, 1e-320, 1.0])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
def test_norms_of_any_size(size: float, epsilon: float) -> None:
    """Entries in the ratio 3 to 4 have a norm of 5, across tensors too."""
    gradient: dict[str, Any] = {"w": np.array([3 * size, 0.0]), "b": np.float64(4 * size)}
    assert float(global_norm(FLOAT64, gradient)) == pytest.approx(
        5 * size, rel=1e-15 if size > 1e-300 else 1e-2
    )
    bound = size
    found = clip_gradients(FLOAT64, gradient, Clipping(None, bound, epsilon))
    shrunk = bound / (5 * size + epsilon)
    for one, entry in zip(flat(found), (3 * size, 0.0, 4 * size), strict=True):
        assert one == pytest.approx(entry * shrunk, rel=1e-14 if size > 1e-300 else 1e-2)


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_norms_of_any_size_in_float32(size: float) -> None:
    gradient: dict[str, Any] = {"x": np.array([3 * size, 4 * size], np.float32)}
    found = clip_gradients(FLOAT32, gradient, Clipping(None, np.float32(size), None))["x"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.6 * size, 0.8 * size], rtol=3e-7)


def test_gradients_whose_norm_overflows_are_clipped() -> None:
    found = clip_gradients(FLOAT64, {"x": np.array([1.5e308, 1.5e308])}, Clipping(None, 1.0, 0.0))
    np.testing.assert_allclose(found["x"], [0.5**0.5] * 2, rtol=1e-15)


def test_gradients_within_the_bound_keep_their_digits() -> None:
    gradient = {"x": np.array([3e-200, 4e-200])}
    assert clip_gradients(FLOAT64, gradient, Clipping(None, 1.0, 1e-6))["x"] is gradient["x"]
