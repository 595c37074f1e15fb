"""Scales of axes."""

import numpy as np
import pytest

from service.pages.pictures.scales import Scale, fit_scale


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-0.3, 0.31, [-0.2, 0, 0.2]),
        (3, 3.5, [3, 3.1, 3.2, 3.3, 3.4, 3.5]),
        (0, 123_456, [0, 50_000, 100_000]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert Scale(low, high, 0, 1).ticks() == pytest.approx(expected)


def test_ticks_of_a_logarithmic_axis() -> None:
    assert Scale(0.9, 150, 0, 1, True).ticks() == pytest.approx([1, 2, 5, 10, 20, 50, 100])
    assert Scale(1e-30, 1, 0, 1, True).ticks() == pytest.approx(10.0 ** np.arange(-30, 1, 5))


def test_numbers_are_placed_in_proportion() -> None:
    np.testing.assert_allclose(Scale(0, 4, 100, 0).place(np.array([0.0, 1.0, 4.0])), [100, 75, 0])
    np.testing.assert_allclose(Scale(1, 100, 0, 10, True).place(np.array([1.0, 10.0, 100.0])), [0, 5, 10])


@pytest.mark.parametrize(
    "numbers",
    [[0, 0], [5], [1e-300, 2e-300], [1e308, -1e308, 1.0], [np.nan, np.inf], [1, 1 + 1e-15], [-7, -7], []],
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_numbers_have_a_scale(numbers: list[float], is_log: bool) -> None:
    array = np.array(numbers, dtype=float)
    if is_log:
        array = array[array > 0]
    scale = fit_scale(array, 0, 100, is_log=is_log, margin=0.06)
    ticks = scale.ticks()
    assert np.isfinite(ticks).all()
    assert len(ticks) < 12
    shown = array[np.abs(array) < 1e150]
    assert ((scale.place(shown) >= 0) & (scale.place(shown) <= 100)).all()
