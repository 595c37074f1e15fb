"""Norms of windows, for entries of any size, held against mpmath."""

from typing import Any

import mpmath
import numpy as np
import pytest

from tests.compute.asking import answer


def norm(entries: list[float], p: float) -> tuple[Any, list[Any]]:
    """The norm of some numbers, and its derivatives."""
    numbers = [mpmath.mpf(one) for one in entries]
    found = sum(abs(one) ** p for one in numbers) ** (1 / mpmath.mpf(p))
    slopes = [mpmath.sign(one) * (abs(one) / found) ** (mpmath.mpf(p) - 1) for one in numbers]
    return found, slopes


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize(
    ("entries", "p"),
    [
        ([20, 10], 300), ([20, -20], 2000), ([1e-200, 1e-200], 2), ([-3e200, 4e200], 2), ([3e-30, 4e-30], 2),
        ([1e-300, 1e300], 3), ([1e25, 1e-25], 2), ([2, 3, 4], 1), ([2, 3, 4], 1.5), ([-0.5, 0.25], 40),
        ([1e-310, 1e-310], 1), ([3, -4], 2),
    ],
)  # fmt: skip
def test_norms_neither_overflow_nor_underflow(entries: list[float], p: float, arithmetic: str) -> None:
    if arithmetic == "float32" and (np.max(np.abs(entries)) > 1e38 or np.min(np.abs(entries)) < 1e-37):
        pytest.skip("beyond float32")
    found = answer("lp_pool1d", {"x": entries}, {"size": len(entries), "p": p}, arithmetic=arithmetic,
                   upstream={"output": [1.0]}, jacobian=[("output", "x")])  # fmt: skip
    with mpmath.workdps(400):
        expected, slopes = norm(entries, p)
        digits = 1e-14 if arithmetic == "float64" else 1e-5
        np.testing.assert_allclose(found.values["output"], [float(expected)], rtol=digits)
        smallest = float(np.finfo(arithmetic).tiny)
        np.testing.assert_allclose(
            found.gradients["x"], [float(one) for one in slopes], rtol=p * digits, atol=smallest
        )
        np.testing.assert_allclose(
            found.parts["jacobians"][0].value,
            [[float(one) for one in slopes]],
            rtol=p * digits,
            atol=smallest,
        )
    assert not found.notes


def test_windows_of_very_different_sizes_stand_side_by_side() -> None:
    x = np.array([[3e-200, 4e-200, 3.0, 4.0, 3e200, 4e200, 0.0, 0.0]])
    found = answer("lp_pool1d", {"x": x}, {"size": 2}, upstream={"output": [[1.0, 1.0, 1.0, 1.0]]})
    np.testing.assert_allclose(found.values["output"], [[5e-200, 5, 5e200, 0]], rtol=4e-16)
    np.testing.assert_allclose(found.gradients["x"], [[0.6, 0.8] * 3 + [0, 0]], rtol=4e-16)


def test_an_infinite_entry_makes_an_infinite_norm() -> None:
    found = answer("lp_pool1d", {"x": [np.inf, 1.0, -np.inf, np.inf, np.nan, 1.0]}, {"size": 2})
    np.testing.assert_array_equal(found.values["output"], [np.inf, np.inf, np.nan])


def test_zeros_of_borders_pass_nothing_to_any_norm() -> None:
    for p in (0.5, 1, 2, 7):
        found = answer("lp_pool2d", {"x": [[2.0, 0.0], [0.0, -3.0]]}, {"size": 2, "p": p, "padding": 1},
                       upstream={"output": np.ones((2, 2))})  # fmt: skip
        assert np.isfinite(found.gradients["x"]).all()
        np.testing.assert_allclose(np.diag(found.gradients["x"]), [1, -1], rtol=4e-15)
        assert found.gradients["x"][0, 1] == 0
