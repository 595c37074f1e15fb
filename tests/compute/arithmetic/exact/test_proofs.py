"""Equalities that hold, that do not, and that are left open; each with how it was found."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.exact.proofs import compare, compare_all
from compute.arithmetic.expressions import parse

SYMBOLS = Symbols({"p": ["positive"], "n": ["integer"]})


def number(text: str) -> Any:
    return value(parse(text, 1000), SYMBOLS)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("exp(z1)/(exp(z0) + exp(z1))", "1/(1 + exp(z0 - z1))"),
        ("(a + b)**2 - 2*a*b", "a**2 + b**2"),
        ("1/(1 + sqrt(2))", "sqrt(2) - 1"),
        ("sqrt(2) + sqrt(3)", "sqrt(5 + 2*sqrt(6))"),
        ("sin(x)**2 + cos(x)**2", "1"),
        ("sin(a + b)", "sin(a)*cos(b) + cos(a)*sin(b)"),
        ("tanh(x)", "2/(1 + exp(-2*x)) - 1"),
        ("tanh(x)", "(exp(x) - exp(-x))/(exp(x) + exp(-x))"),
        ("max(a, b)", "a*indicator(a >= b) + b*indicator(b > a)"),
        ("max(a, b) + min(a, b)", "a + b"),
        ("max(a, max(b, c))", "max(a, b, c)"),
        ("abs(x)", "max(x, -x)"),
        ("abs(x)", "x*sign(x)"),
        ("where(x > 0, x, x/10)", "x*(1 + 9*indicator(x > 0))/10"),
        ("indicator(a > b and b > c)", "indicator(a > b)*indicator(b > c)"),
        ("indicator(not a > b)", "indicator(b >= a)"),
        ("log(2*p)", "log(p) + log(2)"),
        ("exp(a*(b + c))", "exp(a*b)*exp(a*c)"),
        ("exp(x/2)**2", "exp(x)"),
        ("sqrt(p**2)", "p"),
        ("0.1", "1/10"),
        ("where(a == b, a, b)", "b"),
        ("log(exp(a) + exp(b))", "a + log(1 + exp(b - a))"),
        ("log(exp(a)/(exp(a) + exp(b)))", "-log(1 + exp(b - a))"),
        ("x/sqrt(x**2 + y**2)", "2*x/sqrt(4*x**2 + 4*y**2)"),
        ("sqrt(k**2*(x**2 + 1))", "abs(k)*sqrt(x**2 + 1)"),
        ("k*x/sqrt(k**2*(x**2 + y**2))", "sign(k)*x/sqrt(x**2 + y**2)"),
        ("sqrt(a**2 - 2*a*b + b**2)", "abs(a - b)"),
        ("abs(x)/x", "sign(x)"),
    ],
)
def test_what_holds_is_proved(left: str, right: str) -> None:
    found = compare(number(left), number(right))
    assert (found.verdict, found.point) == ("proved", None), found
    assert found.how


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x**2", "x"),
        ("abs(x)", "x"),
        ("max(a, b)", "a"),
        ("indicator(a > b)", "1 - indicator(b > a + 1)"),
        ("sqrt(2)", "1.41421356237309504880168872420969807857"),
        ("exp(a + b)", "exp(a) + exp(b)"),
        ("n", "n + 10**-30"),
    ],
)
def test_what_does_not_hold_is_refuted_at_a_point(left: str, right: str) -> None:
    found = compare(number(left), number(right))
    assert found.verdict == "refuted"
    assert found.point is not None
    at = {SYMBOLS.symbol(name): sympy.Rational(worth) for name, worth in found.point.items()}
    difference = (number(left) - number(right)).subs(at)
    assert difference.evalf(40, maxn=1000) != 0
    assert all(worth.is_integer for one, worth in at.items() if one.name == "n")


def test_what_cannot_be_shown_is_left_open() -> None:
    # Equal wherever it is defined, which the bounded rules do not see.
    found = compare(number("log(2 + log(exp(a) + exp(b)))"), number("log(2 + a + log(1 + exp(b - a)))"))
    assert found.verdict == "undecided"
    assert "no proof" in found.how
    big = sympy.Add(*(sympy.Symbol(f"x{at}", real=True) ** at for at in range(1, 9000)))
    assert compare(big, sympy.S.Zero).verdict == "undecided"


def test_infinities_and_nan() -> None:
    assert compare(sympy.oo, sympy.oo).verdict == "proved"
    assert compare(sympy.oo, sympy.S.One).verdict == "refuted"
    assert compare(sympy.nan, sympy.S.One).verdict == "refuted"


def test_an_array_is_as_equal_as_its_worst_entry() -> None:
    a, b = number("a"), number("b")
    left = np.array([[a, b], [a + b, a * b]], dtype=object)
    assert compare_all(left, left).holds is True
    found = compare_all(left, np.array([[a, b], [a + b, a]], dtype=object))
    assert found.holds is False
    assert found.how is not None
    assert "[1, 1]" in found.how
    numbers = np.array([number("1/3"), number("1")], dtype=object)
    assert compare_all(numbers, numbers * 2).largest_difference == 1
    assert found.largest_difference is None


def test_points_are_the_same_every_time() -> None:
    one, other = (compare(number("x*y"), number("x + y")).point for _ in range(2))
    assert one == other
