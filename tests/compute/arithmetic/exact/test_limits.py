"""Limits of exact numbers, against numbers far on the way to them, computed with mpmath."""

from typing import Any

import mpmath
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.exact.limits import limit
from compute.arithmetic.expressions import parse

SYMBOLS = Symbols({"p": ["positive"]})
B = SYMBOLS.symbol("b")


def number(text: str) -> Any:
    return value(parse(text, 1000), SYMBOLS)


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("exp(2*b)/(exp(b) + exp(2*b) + 1)", sympy.oo),
        ("exp(b)/(exp(b) + exp(2*b) + 1)", -sympy.oo),
        ("exp(b)/(exp(b) + exp(2*b) + 1)", 0),
        ("b*exp(-b)", sympy.oo),
        ("log(1 + exp(b))/b", sympy.oo),
        ("(exp(b) - 1)/b", 0),
        ("tanh(b)", -sympy.oo),
        ("sin(b)/b", 0),
        ("(b**2 - 1)/(b - 1)", 1),
        ("1/(1 + exp(-p*b))", sympy.oo),
        ("(1 + b)**(1/2)/b**(1/2)", sympy.oo),
    ],
)
def test_limits_are_what_numbers_on_the_way_come_to(text: str, to: Any) -> None:
    found = limit(number(text), B, sympy.sympify(to))
    assert found is not None
    near = {sympy.oo: 10**5, -sympy.oo: -(10**5)}.get(to, to + sympy.Rational(1, 10**5))
    on_the_way = number(text).subs({SYMBOLS.symbol("p"): 2, B: near})
    with mpmath.workdps(60):
        assert abs(mpmath.mpf(str(sympy.N(on_the_way - found, 50)))) < 1e-4


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("exp(a*b)", sympy.oo),  # depends on the sign of a
        ("exp(a*b)/(exp(a*b) + exp(c*b))", sympy.oo),
        ("1/b", 0),  # differs from both sides
        ("sign(b)", 0),
        ("sin(b)", sympy.oo),
    ],
)
def test_limits_that_do_not_exist_or_depend_on_other_symbols_are_not_found(text: str, to: Any) -> None:
    assert limit(number(text), B, sympy.sympify(to)) is None


def test_infinite_limits_and_one_sided_ones() -> None:
    assert limit(number("b**2"), B, sympy.oo) == sympy.oo
    assert limit(number("-exp(b)"), B, sympy.oo) == -sympy.oo
    p: Any = SYMBOLS.symbol("p")
    assert limit(1 / p, p, sympy.S.Zero) == sympy.oo  # from above alone, since it is positive
    assert limit(number("a"), B, sympy.oo) == number("a")


def test_long_numbers_are_left() -> None:
    long = sympy.Add(*(sympy.exp(-B * at) * sympy.Symbol(f"x{at}", real=True) for at in range(1, 200)))
    assert limit(long, B, sympy.oo) is None
