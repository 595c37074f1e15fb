"""Lengths of vectors of any size, and the losses that use them."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.primitives.lengths import length_over
from tests.compute.asking import answer

SIZES = [1.0, 1e155, 1e200, 1e308, 1e-155, 1e-200, 1e-310]
VECTORS = np.array([[0.3, -0.4, 1.2], [0.0, 0.5, 0.0]])


@pytest.mark.parametrize("size", SIZES)
def test_lengths_of_any_size(size: float) -> None:
    result = length_over.forward(FLOAT64, VECTORS * size, axis=-1, added=None, vanishing=True)
    np.testing.assert_allclose(result, np.array([1.3, 0.5]) * size, rtol=1e-14 if size > 1e-300 else 1e-10)


@pytest.mark.parametrize("size", [1e20, 1e30, 1e-20, 1e-30, 1.0])
def test_lengths_of_any_size_in_float32(size: float) -> None:
    result = length_over.forward(
        FLOAT32, (VECTORS * size).astype(np.float32), axis=-1, added=None, vanishing=True
    )
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, np.array([1.3, 0.5]) * size, rtol=1e-6)


@pytest.mark.parametrize("added", ["1e-8", "4", "1e-300"])
@pytest.mark.parametrize("size", [1e-200, 1e-4, 1.0, 1e200])
def test_a_constant_under_the_root(size: float, added: str) -> None:
    a = VECTORS * size
    result = length_over.forward(FLOAT64, a, axis=-1, added=parse(added), vanishing=True)
    with mpmath.workdps(700):
        expected = [
            float(mpmath.sqrt(sum(mpmath.mpf(float(x)) ** 2 for x in row) + mpmath.mpf(float(added))))
            for row in a
        ]
    np.testing.assert_allclose(result, expected, rtol=1e-15)


def test_large_vectors_do_not_change_the_lengths_of_others() -> None:
    alone = length_over.forward(FLOAT64, VECTORS, axis=-1, added=None, vanishing=True)
    together = length_over.forward(
        FLOAT64, np.vstack([VECTORS, VECTORS * 1e200]), axis=-1, added=None, vanishing=True
    )
    np.testing.assert_array_equal(together[:2], alone)


@np.errstate(over="ignore")
def test_vectors_that_are_not_finite() -> None:
    a = np.array([[math.inf, 1.0], [math.nan, 1.0], [1e200, math.inf], [0.0, 0.0]])
    result = length_over.forward(FLOAT64, a, axis=-1, added=None, vanishing=True)
    np.testing.assert_array_equal(result, [math.inf, math.nan, math.inf, 0])


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_complex_steps_give_directions(size: float) -> None:
    a = np.array([[3.0 + 1j * STEP, 4.0]]) * size
    result = length_over.forward(COMPLEX_STEP, a, axis=-1, added=None, vanishing=True)
    np.testing.assert_allclose(result.imag / STEP / size, [0.6], rtol=1e-14)


@pytest.mark.parametrize("size", SIZES[:-1])
def test_triplets_of_any_size(size: float) -> None:
    """Distances 5 and 10 and margin 6, in units of the size; directions do not depend on it."""
    inputs: dict[str, Any] = {
        "anchor": [[0.0, 0.0]],
        "positive": [[0.3 * size, 0.4 * size]],
        "negative": [[0.6 * size, -0.8 * size]],
    }
    result = answer("triplet", inputs, {"margin": 0.6 * size}, upstream={"output": 1.0})
    assert result.values["output"] == pytest.approx(0.1 * size, rel=1e-13)
    np.testing.assert_allclose(result.gradients["positive"], [[0.6, 0.8]], rtol=1e-14)
    np.testing.assert_allclose(result.gradients["negative"], [[-0.6, 0.8]], rtol=1e-14)


@pytest.mark.parametrize("size", SIZES[:-1])
@pytest.mark.parametrize("epsilon", [0, 1e-12])
def test_cosines_of_a_vector_of_any_size(size: float, epsilon: float) -> None:
    x1, x2 = [[0.3 * size, 0.4 * size]], [[0.8, 0.6]]
    result = answer("cosine", {"x1": x1, "x2": x2}, {"epsilon": epsilon}).values["similarity"]
    with mpmath.workdps(700):
        a, b = ([mpmath.mpf(entry) for entry in row[0]] for row in (x1, x2))
        added = mpmath.mpf(float(epsilon))
        lengths = [mpmath.sqrt(sum(entry**2 for entry in vector) + added) for vector in (a, b)]
        expected = float((a[0] * b[0] + a[1] * b[1]) / (lengths[0] * lengths[1]))
    np.testing.assert_allclose(result, [expected], rtol=1e-14)
