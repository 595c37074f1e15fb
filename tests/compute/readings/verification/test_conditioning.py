"""What rounding leaves certain."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from compute.readings.verification.evidence import Condition, round_for_display, round_up
from tests.compute.asking import answer


def conditions(line: str, x: Any, arithmetic: str = "float64", **inputs: Any) -> dict[str, Condition]:
    asked: Any = {"program": tuple(line.split("; ")), "arithmetic": arithmetic, "verify": True}
    found = answer("graph", {"x": x, **inputs}, **asked).parts["evidence"]
    assert found is not None
    return {one.value: one for one in found.conditions}


@pytest.mark.parametrize(
    ("line", "x"),
    [
        ("y = tanh(x) * 3 + 1", [0.3, 2.0]),
        ("y = softmax(x)", [1.0, 5.0, -3.0]),
        ("y = 2 * sin(x / 2)**2", [1e-6]),
        ("y = x - 1", [5.0]),
        ("y = sum(x)", [1.0, 2.0, 4.0]),
        ("y = expm1(x)", [1e-9]),
        ("y = relu(x)", [-1.0, 0.0]),
    ],
)
def test_nothing_is_said_where_all_is_well(line: str, x: Any) -> None:
    assert conditions(line, x) == {}


def test_one_less_cosine() -> None:
    found = conditions("c = cos(x); y = 1 - c", [1e-3])
    assert list(found) == ["y"]
    assert found["y"].magnification == pytest.approx(2e6, rel=0.5)
    assert found["y"].digits == 9


def test_a_softmax_of_huge_logits() -> None:
    one = conditions("y = softmax(x)", [1e8, 1e8 + 1])["y"]
    assert one.magnification >= 1e7
    assert one.digits <= 8
    assert conditions("y = softmax(x)", [1e8, 0.0]) == {}  # as good as one-hot, which nothing moves


def test_the_variance_of_nearly_equal_large_numbers() -> None:
    x = [1e8 + 1, 1e8 + 2, 1e8 + 4]
    found = conditions("m = mean(x); v = mean((x - m)**2); w = mean(x**2) - m**2", x)
    assert "m" not in found
    assert found["w"].digits < found["v"].digits < 9


@pytest.mark.parametrize(
    ("distance", "arithmetic"), [(1e-6, "float64"), (1e-9, "float64"), (1e-4, "float32")]
)
def test_the_digits_that_are_certain_are_right(distance: float, arithmetic: str) -> None:
    """Of 1/3 - x for an x close to it: held against fractions."""
    kind = np.float32 if arithmetic == "float32" else np.float64
    x = kind(1 / 3 + distance)
    one = conditions("y = a - x", [float(x)], arithmetic, a=[float(kind(1 / 3))])["y"]
    true = Fraction(1, 3) - (Fraction(1, 3) + Fraction(distance))
    found = Fraction(float(kind(1 / 3) - x))
    assert abs(found - true) / abs(true) <= Fraction(10) ** -one.digits
    assert abs(found - true) / abs(true) >= Fraction(10) ** -(one.digits + 4)


def test_a_single_entry_that_cancels_is_named() -> None:
    one = conditions("y = x * w - 0.3", [1.0, 3.0], w=[5.0, 0.1])["y"]
    assert (one.at, one.entry_digits) == ([1], 0)
    assert one.digits >= 15


def test_it_is_the_same_every_time() -> None:
    first, second = (conditions("y = 1 - cos(x)", [1e-3, 2e-3]) for _ in range(2))
    assert first == second


def test_numbers_at_the_end_of_the_range() -> None:
    found = conditions("y = x * w - x * w * 1.0000000000000002", [1e300, 1e-300], w=[1e7, 1.0])
    assert all(
        np.isfinite(one.magnification) and np.isfinite(one.entry_magnification) for one in found.values()
    )
    assert conditions("y = x * w", [1e308, 1.0], w=[10.0, 3.0]) == {}


@pytest.mark.parametrize(("x", "digits"), [(1e9, 6), (1e12, 3), (1e16, 0), (1e100, 0)])
def test_what_a_small_change_turns_into_anything_has_no_digits(x: float, digits: int) -> None:
    """The sine of so many radians, of which rounding leaves about 1e-16 * x uncertain."""
    one = conditions("y = sin(x)", [x, 1.0])["y"]
    assert abs(one.digits - digits) <= 1 and one.digits <= max(0, 16 - math.log10(x))


def test_places_are_not_moved() -> None:
    found = answer("max_unpool2d", {"x": [[1.0]], "winners": [[3.0]]}, {}, verify=True).parts["evidence"]
    assert found is not None and found.conditions == []


def test_where_inputs_cannot_be_moved_the_steps_are() -> None:
    """The complement of a probability near 1, and a target that is 0 or 1."""
    asked: Any = {"verify": True, "select": ["log_complements"]}
    inputs = {"probabilities": [1 - 1e-9, 0.5], "target": [0, 1]}
    found = answer("binary_cross_entropy", inputs, {}, **asked).parts["evidence"]
    assert found is not None
    [one] = found.conditions
    assert one.value == "log_complements"


def test_numbers_are_shown_by_bounds() -> None:
    assert [round_up(one) for one in (0.0, 2e-16, 0.0123, 1.0, 9.5, 950.0)] == [0, 2e-16, 0.02, 1, 10, 1000]
    assert round_up(3e-13, 1e-9) == 1e-9
    assert np.isnan(round_up(np.nan))
    assert [round_up(one) for one in (5e-324, 3e-308, 1.7e308)] == [1e-307, 1e-307, 1.7976931348623157e308]
    assert round_for_display(1.23456789012, 100.0) == 1.234568
    assert round_for_display(-1e-17, 1.0) == 0
    assert str(round_for_display(-1e-17, 1.0)) == "0.0"
