"""Forms that people read: as short as textbooks have them, equal to what came, the same every time."""

from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.exact.bounds import PROGRESS
from compute.arithmetic.exact.readable import LONGEST, readable, weight
from compute.arithmetic.expressions import parse

SYMBOLS = Symbols()


@pytest.fixture(autouse=True)
def _new_question() -> None:
    PROGRESS.begin()  # what is looked at for one question is bounded


def number(text: str) -> Any:
    return value(parse(text, 1000), SYMBOLS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(-sqrt(2))/(exp(-sqrt(2)) + exp(sqrt(2)))", "1/(1 + exp(2*sqrt(2)))"),
        ("exp(sqrt(2))/(exp(-sqrt(2)) + exp(sqrt(2)))", "1/(1 + exp(-2*sqrt(2)))"),
        ("3/10/(1 + exp(2*sqrt(2))) + 4/10/(1 + exp(-2*sqrt(2)))",
         "(3 + 4*exp(2*sqrt(2)))/(10 + 10*exp(2*sqrt(2)))"),
        ("exp(1)/(exp(1) + exp(2) + exp(3))", "1/(1 + e + exp(2))"),
        ("exp(z0)/(exp(z0) + exp(z1) + exp(z2))", "exp(z0)/(exp(z0) + exp(z1) + exp(z2))"),
        ("exp(a)/(exp(a) + exp(b))*(1 - exp(a)/(exp(a) + exp(b)))", "exp(a + b)/(exp(a) + exp(b))**2"),
        ("delta_1*x1 + delta_2*x2", "delta_1*x1 + delta_2*x2"),
        ("(a + b)**2 - a**2 - b**2", "2*a*b"),
        ("a*b + a*c", "a*(b + c)"),
        ("sqrt(2)*(1 + sqrt(2))", "2 + sqrt(2)"),
        ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "(exp(2*x) - 1)/(exp(2*x) + 1)"),
        ("w*(exp(z) - y)*exp(z)", "w*(exp(z) - y)*exp(z)"),
        ("(x**2 - 1)/(x - 1)", "x + 1"),
    ],
)  # fmt: skip
def test_forms(text: str, expected: str) -> None:
    assert readable(number(text)) == number(expected)


def test_forms_are_equal_to_what_came() -> None:
    draw = sympy.core.random.rng
    draw.seed(5)
    a, b, c = (SYMBOLS.symbol(name) for name in "abc")
    pieces = [a, b, c, sympy.exp(a), sympy.exp(b - a), sympy.sqrt(2), sympy.Rational(1, 3), sympy.exp(2 * b),
              sympy.tanh(c), sympy.Max(a, b)]  # fmt: skip
    point = {a: sympy.Rational(3, 7), b: sympy.Rational(-5, 4), c: sympy.Rational(2, 9)}
    shorter = 0
    for _ in range(100):
        expression = sympy.S.One
        for _ in range(3):
            one, other = draw.sample(pieces, 2)
            expression = draw.choice(
                [
                    expression + one,
                    expression * one - other,
                    (expression + other) / (1 + one**2),
                    expression**2,
                ]
            )
        found = readable(expression)
        difference = (found - expression).subs(point).evalf(30)
        assert abs(difference) < 1e-20 * max(1, abs(expression.subs(point).evalf(30))), expression
        assert weight(found) <= weight(expression)
        shorter += weight(found) < weight(expression)
        assert readable(found) in (found, readable(readable(found)))
    assert shorter > 5


def test_what_is_long_stays_as_it_is() -> None:
    terms = [sympy.Symbol(f"x{at}") * sympy.Symbol(f"y{at}") for at in range(LONGEST)]
    long = sympy.Add(*terms)
    assert readable(long) is long
