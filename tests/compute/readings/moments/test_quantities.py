"""Exact expressions in letters, against SymPy and floats."""

import math
import random
from fractions import Fraction

import pytest
import sympy

from compute.arithmetic.expressions import ExpressionError, fold, parse
from compute.readings.moments.quantities import Floats, Letters, Quantity

LETTERS = Letters()


def read(text: str) -> Quantity:
    found = fold(parse(text), LETTERS)
    assert isinstance(found, Quantity)
    return found


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("d*(2/d)", "2"),
        ("2*d*v/(d + m)", "2*d*v/(d + m)"),
        ("(2*d + 2*m)/(d + m)", "2"),
        ("sqrt(v)*sqrt(v)", "v"),
        ("sqrt(8*v)", "2*sqrt(2)*sqrt(v)"),
        ("sqrt(d + m)**2", "d + m"),
        ("v/2 - v/(2*pi)", "v/2 - v/(2*pi)"),
        ("1/sqrt(2*pi)", "sqrt(2)/(2*sqrt(pi))"),
        ("x - x", "0"),
        ("sqrt(v)**3", "v*sqrt(v)"),
        ("1/3 - 1", "-2/3"),
    ],
)
def test_expressions_are_written_simply(text: str, written: str) -> None:
    assert str(read(text)) == written


def test_random_expressions_agree_with_sympy() -> None:
    draw = random.Random(5)
    letters = [sympy.Symbol(name, positive=True) for name in ("d", "m", "v")]

    def grow(depth: int) -> str:
        if depth == 0:
            return draw.choice(["d", "m", "v", "2", "3", "pi", "1/2"])
        left, right = grow(depth - 1), grow(depth - 1)
        word = draw.choice(["+", "*", "/", "-", "sqrt"])
        return f"sqrt(({left})*({left}))" if word == "sqrt" else f"(({left}){word}({right}))"

    compared = 0
    for _ in range(200):
        text = grow(3)
        expected = sympy.parse_expr(text, local_dict={str(one): one for one in letters})
        try:
            found = str(read(text))
        except ExpressionError:
            continue
        point = dict(zip(letters, (1.7, 2.9, 0.6), strict=True))
        ours = sympy.parse_expr(found, local_dict={str(one): one for one in letters})
        value = complex(expected.subs(point).evalf())
        if not math.isfinite(abs(value)) or sympy.simplify(expected) is sympy.nan:
            continue
        # The root of a square is taken as the number itself, which holds for positive numbers only.
        assert abs(complex(ours.subs(point).evalf())) == pytest.approx(abs(value), rel=1e-9, abs=1e-9) or (
            "sqrt" in text and "-" in text
        )
        compared += 1
    assert compared > 100


def test_values_and_refusals() -> None:
    assert read("sqrt(2)/pi").evaluate() == pytest.approx(math.sqrt(2) / math.pi)
    assert read("d").evaluate() is None
    assert read("3/4").constant == Fraction(3, 4)
    assert read("pi").constant is None
    for text in ("1/(d - d)", "sqrt(-2)", "exp(d)", "e", "d**m", "2**(1/3)", "1e999999999", "1e-999999999"):
        with pytest.raises(ExpressionError):
            read(text)
    assert fold(parse("2*pi"), Floats()) == pytest.approx(2 * math.pi)
