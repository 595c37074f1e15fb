"""Norms of windows, for entries of any size, against mpmath."""

from typing import Any

import mpmath
import numpy as np
import pytest

from tests.compute.asking import answer


def norm(entries: list[float], p: float) -> tuple[Any, list[Any]]:
    """Return the norm of some numbers, and its derivatives."""
    numbers = [mpmath.mpf(entry) for entry in entries]
    length = sum(abs(number) ** p for number in numbers) ** (1 / mpmath.mpf(p))
    slopes = [mpmath.sign(number) * (abs(number) / length) ** (mpmath.mpf(p) - 1) for number in numbers]
    return length, slopes


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
    result = answer("lp_pool1d", {"x": entries}, {"size": len(entries), "p": p}, arithmetic=arithmetic,
                   upstream={"output": [1.0]}, jacobian=[("output", "x")])  # fmt: skip
    with mpmath.workdps(400):
        expected, slopes = norm(entries, p)
        digits = 1e-14 if arithmetic == "float64" else 1e-5
        np.testing.assert_allclose(result.values["output"], [float(expected)], rtol=digits)
        smallest = float(np.finfo(arithmetic).tiny)
        np.testing.assert_allclose(
            result.gradients["x"], [float(slope) for slope in slopes], rtol=p * digits, atol=smallest
        )
        np.testing.assert_allclose(
            result.parts["jacobians"][0].value,
            [[float(slope) for slope in slopes]],
            rtol=p * digits,
            atol=smallest,
        )
    assert not result.notes


def test_windows_of_very_different_magnitudes_together() -> None:
    x = np.array([[3e-200, 4e-200, 3.0, 4.0, 3e200, 4e200, 0.0, 0.0]])
    result = answer("lp_pool1d", {"x": x}, {"size": 2}, upstream={"output": [[1.0, 1.0, 1.0, 1.0]]})
    np.testing.assert_allclose(result.values["output"], [[5e-200, 5, 5e200, 0]], rtol=4e-16)
    np.testing.assert_allclose(result.gradients["x"], [[0.6, 0.8] * 3 + [0, 0]], rtol=4e-16)


def test_an_infinite_entry_makes_an_infinite_norm() -> None:
    result = answer("lp_pool1d", {"x": [np.inf, 1.0, -np.inf, np.inf, np.nan, 1.0]}, {"size": 2})
    np.testing.assert_array_equal(result.values["output"], [np.inf, np.inf, np.nan])


def test_padding_passes_no_gradient_in_any_norm() -> None:
    for p in (0.5, 1, 2, 7):
        result = answer("lp_pool2d", {"x": [[2.0, 0.0], [0.0, -3.0]]}, {"size": 2, "p": p, "padding": 1},
                       upstream={"output": np.ones((2, 2))})  # fmt: skip
        assert np.isfinite(result.gradients["x"]).all()
        np.testing.assert_allclose(np.diag(result.gradients["x"]), [1, -1], rtol=4e-15)
        assert result.gradients["x"][0, 1] == 0
