"""Equality of floating-point numbers: what passes for rounding, and what does not."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT32, FLOAT64

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
KINDS = pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32], ids=lambda one: one.name)


@KINDS
@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_what_passes_for_rounding(arithmetic: Any, shape: tuple[int, ...], size: float) -> None:
    tolerance = TOLERANCE[arithmetic.name]
    one = np.full(shape, size, dtype=np.float64)
    for factor, is_equal in ((0.9, True), (1.1, False)):
        other = one * (1 + factor * tolerance)
        for left, right in ((one, other), (other, one), (-one, -other)):
            found = arithmetic.equality(left, right)
            assert found.holds is is_equal
            assert found.largest_difference == pytest.approx(size * factor * tolerance, rel=1e-6)


@KINDS
def test_a_large_entry_does_not_make_what_is_beside_it_equal(arithmetic: Any) -> None:
    matrix = np.array([[1e12, 1e12, 1], [1e12, 1e12, 1], [1, 1, 1]])
    other = matrix.copy()
    other[2, 2] = 1 + 10 * TOLERANCE[arithmetic.name]
    assert not arithmetic.close(matrix, other)
    other[2, 2] = 1
    other[0, 0] *= 1 + TOLERANCE[arithmetic.name] / 2
    assert arithmetic.close(matrix, other)


@KINDS
def test_rounding_goes_by_the_row_or_the_column_whichever_is_smaller(arithmetic: Any) -> None:
    tolerance = TOLERANCE[arithmetic.name]
    for matrix in (np.array([[1, 1e12], [1, 1e12]]), np.array([[1.0, 1], [1e12, 1e12]])):
        for factor, is_equal in ((0.9, True), (1.1, False)):
            other = matrix.copy()
            other[0, 0] += factor * tolerance
            assert arithmetic.close(matrix, other) is is_equal


def test_rounding_of_a_row_goes_by_its_entries_but_for_what_is_tiny_in_it() -> None:
    row = np.array([1e6, 10, 1e-3, 0])
    # A millionth of the largest counts as 1e6 * 1e-6 = 1 where an entry is smaller than that.
    for at, size in enumerate((1e6, 10, 1, 1)):
        for factor, is_equal in ((0.9, True), (1.1, False)):
            other = row.copy()
            other[at] += factor * 1e-9 * size
            assert FLOAT64.close(row, other) is is_equal, at


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_equals_itself_alone(bad: float) -> None:
    one = np.array([[1.0, bad], [2, 3]])
    assert FLOAT64.equality(one, one.copy()).holds
    for instead in (1.0, 1e308, np.nan, np.inf, -np.inf):
        other = one.copy()
        other[0, 1] = instead
        same = instead == bad or (np.isnan(instead) and np.isnan(bad))
        assert FLOAT64.equality(one, other).holds is bool(same)


@pytest.mark.parametrize("axis", [-1, -2])
def test_the_logarithm_of_a_total_counts_what_is_beside_the_largest(axis: int) -> None:
    logits = np.array([[0.0, -40.0, -50.0], [0.0, 0.0, -1.0], [-np.inf, -np.inf, -np.inf]])
    parts = np.exp(logits) if axis == -1 else np.exp(logits).T
    found = FLOAT64.log_total(parts, FLOAT64.sum(parts, axis), axis)
    expected = [np.exp(-40) + np.exp(-50), np.log(2 + np.exp(-1)), 0]
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-15)
    np.testing.assert_array_equal(np.exp(logits) if axis == -1 else np.exp(logits).T, parts)


@pytest.mark.parametrize("axis", [-1, -2])
def test_rows_are_balanced_at_a_heavy_weight_alone(axis: int) -> None:
    a = np.array([[1.0, 2, 3], [1, 2, 3], [1, 2, 3]])
    weights = np.array([[0.05, 0.9, 0.05], [0.5, 0.25, 0.25], [1, 1, 1]])  # the last do not sum to 1
    if axis == -2:
        a, weights = a.T.copy(), weights.T.copy()
    found = FLOAT64.balanced(a, weights, axis)
    expected = np.array([[1, -4, 3], [1, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(found, expected if axis == -1 else expected.T)
