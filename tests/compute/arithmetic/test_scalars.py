"""Single numbers give what arrays without axes do."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.scalars import Scalars

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e308, -1e308, 800.0, math.inf, -math.inf, math.nan]
SCALARS: Any = Scalars()


def agree(one: Any, other: Any) -> None:
    assert np.shape(other) == () and hasattr(other, "shape"), f"{type(other)} is no array"
    if not (math.isnan(one) and math.isnan(other)):
        assert float(other) == pytest.approx(float(one), rel=1e-15, abs=0)


@pytest.mark.parametrize("a", SPECIAL)
@pytest.mark.parametrize(
    "name", ["negative", "absolute", "sign", "sqrt", "exp", "log", "sin", "tanh", "sigmoid"]
)
def test_functions_of_one_number(name: str, a: float) -> None:
    with np.errstate(all="ignore"):
        agree(getattr(FLOAT64, name)(np.array(a)), getattr(SCALARS, name)(np.float64(a)))


@pytest.mark.parametrize("a", SPECIAL)
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "maximum", "greater", "greater_equal", "equal"]
)
def test_functions_of_two_numbers(name: str, a: float) -> None:
    with np.errstate(all="ignore"):
        for b in SPECIAL:
            one, other = np.array(a), np.array(b)
            agree(getattr(FLOAT64, name)(one, other), getattr(SCALARS, name)(np.float64(a), np.float64(b)))


def test_cases() -> None:
    one, other = np.float64(3), np.float64(4)
    assert SCALARS.where(np.bool_(True), one, other) == 3 and SCALARS.where(np.bool_(False), one, other) == 4
    agree(np.array(-math.inf), SCALARS.where(np.bool_(False), one, -math.inf))


def test_constants() -> None:
    for text in ("1/3", "2", "sqrt(2)", "1/3"):
        assert SCALARS.constant(parse(text), {}) == FLOAT64.constant(parse(text), {})
    assert SCALARS.constant(parse("n + 1"), {"n": 4}) == 5


def test_shapes_with_axes_are_left_to_arrays() -> None:
    assert SCALARS.zeros((2,)).shape == (2,) and SCALARS.zeros(()) == 0
    assert SCALARS.one_hot((3,), 1).tolist() == [0, 1, 0] and SCALARS.one_hot((), 0) == 1
