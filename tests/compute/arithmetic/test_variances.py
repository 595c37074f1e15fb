"""Variances of rows in every kind of number, and of rows far from zero to the last digits."""

import numpy as np
import pytest

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.exact.namespace import Exact
from compute.arithmetic.floating import FLOAT32, FLOAT64
from tests.compute.asking import exact_entries


@pytest.mark.parametrize("mean", [0.0, 1.0, 9.0, 11.0, 1e3, 1e6])
def test_squares_less_the_squared_mean_are_taken_only_where_no_digits_hide(mean: float) -> None:
    rows = np.random.default_rng(1).standard_normal((5, 400)) + mean
    means = rows.mean(axis=-1, keepdims=True)
    expected = ((rows - means) ** 2).mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(FLOAT64.variances(rows, means), expected, rtol=1e-12)
    if mean > 1e3:  # of which float32 has no digits left
        return
    small = rows.astype(np.float32)
    found = FLOAT32.variances(small, small.mean(axis=-1, keepdims=True))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, small.astype(float).var(axis=-1, keepdims=True), rtol=2e-3)


def test_equal_entries_have_none() -> None:
    rows = np.full((2, 3), 0.1)
    assert FLOAT64.variances(rows, rows.mean(axis=-1, keepdims=True)).max() < 1e-30


def test_exact_numbers_and_complex_steps() -> None:
    rows = exact_entries([["1", "2", "4"]])
    assert Exact().variances(rows, exact_entries([["7/3"]]))[0, 0] == exact_entries("14/9")
    x = np.array([[1.0, 2.0, 4.0]]) + 1j * STEP * np.array([[0.0, 0.0, 1.0]])
    found = COMPLEX_STEP.variances(x, x.mean(axis=-1, keepdims=True))
    assert found.imag[0, 0] / STEP == pytest.approx(2 / 3 * (4 - 7 / 3))
