"""Slopes from differences, of functions whose slopes are known."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compute.readings.verification.differences import EVALUATIONS, MEASURED, Slopes, find_slopes

Function = Callable[[float], float]


def found(function: Function, at: float, *, scale: float = 1.0, closer: float = 0.0) -> Slopes:
    here = function(at)
    size = abs(here) if math.isfinite(here) else 0.0

    def moved(step: float) -> Any:
        return np.array([function(at + step) - here])

    with np.errstate(all="ignore"):
        return find_slopes(moved, scale, closer, np.array([size]), 1.0, 1e-6)


def square_root(x: float) -> float:
    return float(np.sqrt(x))


def logarithm(x: float) -> float:
    return float(np.log(x))


SMOOTH: dict[str, tuple[Function, float, float]] = {
    "line": (lambda x: 3 * x - 1, 0.7, 3),
    "still": (lambda x: 4, 0.7, 0),
    "quartic": (lambda x: x**4 - x, 1.3, 4 * 1.3**3 - 1),
    "sine": (math.sin, 1.1, math.cos(1.1)),
    "fast sine": (lambda x: math.sin(40 * x), 0.1, 40 * math.cos(4)),
    "exponential": (math.exp, -0.3, math.exp(-0.3)),
    "root": (square_root, 0.09, 0.5 / 0.3),
    "quotient": (lambda x: 1 / x, 0.2, -25),
    "steep": (lambda x: math.tanh(100 * x), 0.001, 100 / math.cosh(0.1) ** 2),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions(name: str) -> None:
    function, at, slope = SMOOTH[name]
    one = found(function, at)
    assert abs(one.numeric[0] - slope) <= 1e-9 * max(1, abs(slope))
    assert one.error[0] <= 2e-9 * max(1, abs(slope))
    assert one.kink[0] > 1e-4  # large steps may see one where a function bends sharply
    assert np.isnan(one.bend[0])


KINKS: dict[str, tuple[Function, float]] = {
    "absolute": (abs, 2),
    "rectifier": (lambda x: max(x, 0), 1),
    "leaky": (lambda x: x if x > 0 else 0.1 * x, 0.9),
    "on a slope": (lambda x: 7 * x + max(math.sin(x), 2 * x), 1),
    "minimum": (lambda x: min(x, 0), -1),
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("at", [0.0, 1e-12, -1e-10])
def test_at_a_kink_and_beside_it_there_is_no_slope(name: str, at: float) -> None:
    function, bend = KINKS[name]
    one = found(function, at)
    assert np.isinf(one.error[0])
    assert one.bend[0] == pytest.approx(bend, rel=0.02)
    assert one.kink[0] < 1e-6
    assert math.isfinite(one.numeric[0])


@pytest.mark.parametrize("at", [0.2, -0.01, 3e-4, -2e-5, 1e-6])
def test_away_from_a_kink_the_step_becomes_small_enough(at: float) -> None:
    one = found(lambda x: math.exp(x) if x > 0 else 5 * x, at)
    assert one.numeric[0] == pytest.approx(math.exp(at) if at > 0 else 5, rel=1e-8)
    assert one.step[0] < abs(at)


def test_a_slope_without_a_second_one_is_found_and_its_error_owned() -> None:
    one = found(lambda x: max(x, 0) ** 2, 0)
    assert abs(one.numeric[0]) <= one.error[0] <= 1e-6
    assert np.isnan(one.bend[0])


def test_a_jump_is_no_slope() -> None:
    one = found(lambda x: float(x > 0), 0)
    assert np.isinf(one.error[0])


def test_what_is_not_finite_beside_a_point_has_no_slope() -> None:
    one = found(square_root, 0)
    assert np.isinf(one.error[0])
    assert np.isnan(one.numeric[0])


def test_a_tiny_entry_is_moved_by_parts_of_itself() -> None:
    assert np.isinf(found(logarithm, 1e-12).error[0])
    one = found(logarithm, 1e-12, closer=1e-12)
    assert one.numeric[0] == pytest.approx(1e12, rel=1e-6)


def test_rounding_shows_in_the_error() -> None:
    one = found(lambda x: 1e12 + x, 0.3, scale=0.3)
    assert abs(one.numeric[0] - 1) <= one.error[0]
    assert one.error[0] >= 1e-3


def test_of_several_outputs_each_has_its_own_verdict() -> None:
    def moved(step: float) -> Any:
        return np.array([math.sin(step), abs(step), 0.0, math.nan])

    one = find_slopes(moved, 1.0, 0.0, np.zeros(4), 1.0, 1e-6)
    assert list(np.isfinite(one.error)) == [True, False, True, False]
    assert one.numeric[0] == pytest.approx(1, rel=1e-9)
    assert one.numeric[2] == 0


@pytest.mark.parametrize("at", [1e9, 1e12, 1e20, 1e100])
def test_what_varies_faster_than_any_step_has_no_slope(at: float) -> None:
    def moved(step: float) -> Any:
        return np.array([math.sin(at + step) - math.sin(at), step / at])

    size = np.array([abs(math.sin(at)), 1.0])
    one = find_slopes(moved, at, at, size, 1.0, 1e-6, np.array([math.cos(at), 5.0]))
    assert list(np.isfinite(one.error)) == [False, True]  # the other has a slope, though it is not 5
    assert np.isnan(one.bend[0])


def test_no_slope_takes_more_than_is_said() -> None:
    asked, measured = [], []

    def moved(step: float) -> Any:
        asked.append(step)
        return np.array([abs(step)])

    def rounded(step: float) -> Any:
        measured.append(step)
        return np.array([abs(step) * (1 + 1e-16)])

    find_slopes(moved, 1.0, 1e-9, np.zeros(1), 1.0, 1e-6, np.ones(1), rounded)
    assert (len(asked), len(measured)) == (EVALUATIONS, MEASURED)


def test_rounding_is_measured_only_where_slopes_are_doubted() -> None:
    def rounded(step: float) -> Any:
        raise AssertionError

    one = find_slopes(
        lambda step: np.array([3 * step]), 1.0, 0.0, np.ones(1), 3.0, 1e-6, np.full(1, 3.0), rounded
    )
    assert one.numeric[0] == pytest.approx(3)


def test_what_looks_like_a_slope_or_a_kink_and_is_rounding() -> None:
    """Outputs that are a million times more uncertain than they are large."""
    draw = np.random.default_rng(6)

    def moved(step: float) -> Any:
        return np.array([step + 1e-10 * draw.standard_normal(), 0.0])

    def rounded(step: float) -> Any:
        return np.array([step + 2e-10 * draw.choice((-1, 1)), 1e-6])

    found = find_slopes(moved, 1e-6, 0.0, np.full(2, 1e-16), 1.0, 1e-6, np.array([1.0, 1.0]), rounded)
    assert np.isnan(found.bend).all()
    assert (np.abs(found.numeric - 1) <= 5 * found.error).all()


def test_a_bend_that_changes_from_step_to_step_is_no_kink() -> None:
    """It is narrower than the smallest step by little."""
    found = find_slopes(
        lambda step: np.array([math.sqrt(step**2 + 1e-16) - 1e-8 + step]), 1.0, 0.0, np.ones(1), 1.0, 1e-6,
        np.ones(1), lambda step: np.array([math.sqrt(step**2 + 1e-16) - 1e-8 + step]),
    )  # fmt: skip
    assert np.isnan(found.bend[0])
    assert abs(found.numeric[0] - 1) <= 5 * found.error[0]
