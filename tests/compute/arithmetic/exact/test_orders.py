"""Orders that are decided, that are open, and that cannot be decided."""

from typing import Any

import pytest
import sympy

from compute.arithmetic.exact import cases, orders
from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.expressions import parse
from compute.errors import QuestionErrors

SYMBOLS = Symbols({"p": ["positive"], "q": ["negative"], "m": ["nonnegative"], "n": ["nonzero"]})


def number(text: str) -> Any:
    return value(parse(text, 1000), SYMBOLS)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("1/3", "0.3333333333333333", 1),
        ("2", "2", 0),
        ("sqrt(2)", "1.41421356237309504880168872420969807856", 1),
        ("sqrt(2) + sqrt(3)", "sqrt(5 + 2*sqrt(6))", 0),
        ("exp(1)", "e", 0),
        ("pi", "355/113", -1),
        ("p", "0", 1),
        ("p", "q", 1),
        ("q", "0", -1),
        ("exp(a)", "0", 1),
        ("a**2 + 1", "0", 1),
        ("a + 1", "a", 1),
        ("a", "b", None),
        ("m", "0", None),
        ("n", "0", None),
    ],
)
def test_signs(a: str, b: str, expected: int | None) -> None:
    assert orders.sign(number(a), number(b)) == expected
    assert orders.sign(number(b), number(a)) == (None if expected is None else -expected)


def test_infinities_are_beyond_everything_real() -> None:
    a = number("a")
    assert orders.greater(sympy.oo, a) is sympy.true
    assert orders.greater(-sympy.oo, a) is sympy.false
    assert orders.greater_equal(a, -sympy.oo) is sympy.true
    assert orders.equal(sympy.oo, sympy.oo) is sympy.true


def test_what_is_open_is_a_condition() -> None:
    a, b, m = number("a"), number("b"), number("m")
    assert orders.greater(a, b) == sympy.Gt(a, b)
    assert orders.greater_equal(m, sympy.S.Zero) is sympy.true
    assert orders.greater(m, sympy.S.Zero) == sympy.Gt(m, 0)
    assert orders.equal(number("n"), sympy.S.Zero) is sympy.false
    assert orders.equal(a, a) is sympy.true


def test_an_order_is_never_guessed() -> None:
    tower = number("exp(exp(exp(exp(3))))")
    with pytest.raises(QuestionErrors, match="cannot be shown"):
        orders.sign(tower, tower + 1 - sympy.exp(0) + sympy.exp(-sympy.exp(sympy.exp(sympy.exp(3)))))


def test_cases() -> None:
    a, b = number("a"), number("b")
    condition = sympy.Gt(a, b)
    assert cases.piecewise(sympy.true, a, b) == a
    assert cases.piecewise(sympy.false, a, b) == b
    assert cases.piecewise(condition, a, a) == a
    assert cases.piecewise(condition, a, b) == sympy.Max(a, b)
    inner = cases.piecewise(condition, b, sympy.S.Zero)
    assert cases.piecewise(condition, inner + 1, inner + 2) == cases.piecewise(
        condition, b + 1, sympy.Integer(2)
    )
    with_three = cases.largest([a, b, number("c")])
    assert cases.exclusive(list(zip([a, b, number("c")], with_three, strict=True))) == sympy.Max(
        a, b, number("c")
    )
    places = cases.exclusive([(sympy.Integer(at), one) for at, one in enumerate(with_three)])
    for values in ((1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 2, 1), (1, 1, 1), (1, 3, 3)):
        at = dict(zip([a, b, number("c")], values, strict=True))
        assert places.subs(at) == values.index(max(values))
        held = [one.subs(at) for one in with_three]
        assert held.count(sympy.true) == 1
