"""Bounds of constants: certain, narrow, and refused where there are none."""

import random
from typing import Any

import mpmath
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.exact.enclosures import NoEnclosure, enclosure, sign_of
from compute.arithmetic.expressions import parse


def number(text: str) -> Any:
    return value(parse(text, 1000), Symbols())


@pytest.mark.parametrize(
    "text",
    ["1/3", "-7", "pi", "e", "sqrt(2)", "exp(-1)", "log(3)", "sin(1) - cos(2)", "tanh(-3)",
     "erf(1/3)", "erf(-7)",
     "abs(1 - sqrt(2))", "2**(1/3)", "(1 + sqrt(2))**-3", "max(sqrt(2), 3/2) - min(pi, 3)",
     "sign(1 - sqrt(2))", "exp(exp(3))", "1/(1 + exp(2*sqrt(2)))"],
)  # fmt: skip
def test_the_number_lies_between_its_bounds(text: str) -> None:
    constant = number(text)
    for digits in (20, 50):
        low, high = enclosure(constant, digits)
        with mpmath.workdps(digits + 30):
            worth = mpmath.mpf(str(constant.evalf(digits + 20)))
            near = abs(worth) * mpmath.mpf(10) ** -(digits + 15)
            assert low <= worth + near and worth - near <= high, text
            assert high - low <= abs(worth) * mpmath.mpf(10) ** (3 - digits)


def test_bounds_of_random_constants() -> None:
    draw = random.Random(3)
    pieces = [
        number(one)
        for one in ("sqrt(2)", "exp(1/3)", "log(5)", "pi/7", "-3/4", "sin(2)", "tanh(1)", "erf(1/2)")
    ]
    for _ in range(60):
        constant = draw.choice(pieces)
        for _ in range(5):
            other = draw.choice(pieces)
            constant = draw.choice(
                [constant + other, constant * other, constant - other, constant / (2 + other**2)]
            )
        low, high = enclosure(constant, 30)
        with mpmath.workdps(60):
            worth = mpmath.mpf(str(sympy.N(constant, 50)))
            assert low - mpmath.mpf(10) ** -45 <= worth <= high + mpmath.mpf(10) ** -45


@pytest.mark.parametrize(
    "text", ["x", "exp(exp(exp(exp(3))))", "exp(-exp(exp(exp(3))))", "where(x > 0, 1, 2)"]
)
def test_what_has_no_bounds(text: str) -> None:
    with pytest.raises(NoEnclosure):
        enclosure(number(text), 20)
    assert sign_of(number(text), (20,)) is None


def test_signs_are_told_only_where_they_are_certain() -> None:
    close = number("sqrt(2) - 1.41421356237309504880168872420969807857")
    assert sign_of(close, (20,)) is None
    assert sign_of(close, (20, 60)) == -1
    assert sign_of(number("sqrt(2) + sqrt(3)") - sympy.sqrt(5 + 2 * sympy.sqrt(6)), (20, 60, 300)) is None


def test_shared_parts_are_evaluated_once() -> None:
    # Written out it has 2**60 operations.
    found = number("sqrt(2)")
    for _ in range(60):
        found = sympy.Mul(found + sympy.Rational(1, 3), found + sympy.Rational(1, 5), evaluate=False) / 3
    low, high = enclosure(found, 40)
    assert 0 < low <= high
