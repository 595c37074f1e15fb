"""Inequalities of exact numbers: those proved hold at random numbers, those refuted fail at their point."""

import random
from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.exact.proofs import compare
from compute.arithmetic.expressions import parse
from compute.arithmetic.namespace import Relation

SYMBOLS = Symbols({"p": ["positive"], "q": ["nonnegative"], "n": ["integer"], "m": ["negative"]})
HOLDS: dict[str, Any] = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "!=": sympy.Ne}


def number(text: str) -> Any:
    return value(parse(text, 1000), SYMBOLS)


PROVED = [
    ("x**2", ">=", "0"),
    ("x**2 + 1", ">", "0"),
    ("1/(1 + exp(-x))", "<", "1"),
    ("exp(a)/(exp(a) + exp(b) + exp(c))", "<", "1"),
    ("exp(x)/(1 + exp(x))**2", "<=", "1/4"),
    ("tanh(x)", "<", "1"),
    ("tanh(x)", ">", "-1"),
    ("log(1 + exp(x))", ">", "x"),
    ("log(exp(a) + exp(b))", ">=", "max(a, b)"),
    ("-log(exp(a)/(exp(a) + exp(b)))", ">", "0"),
    ("max(0, x)", ">=", "x"),
    ("max(a, b)", ">=", "(a + b)/2"),
    ("abs(a + b)", "<=", "abs(a) + abs(b)"),
    ("where(x > 0, x, x/10)", "<=", "max(0, x)"),
    ("a**2 + b**2 + c**2", ">=", "a*b + b*c + c*a"),
    ("(a*c + b*d)**2", "<=", "(a**2 + b**2)*(c**2 + d**2)"),
    ("x**4 - 2*x**2 + 2", ">", "0"),
    ("p + 1/p", ">=", "2"),
    ("sqrt(p*q)", "<=", "(p + q)/2"),
    ("p*(1 - p)", "<=", "1/4"),
    ("exp(a)*exp(b)/(exp(a) + exp(b) + exp(c))**2", "<=", "1/4"),
    ("a**2 + b**2 + 1", ">", "a*b + a"),
    ("m**3", "<", "0"),
    ("x**2", "!=", "-1"),
    ("a", "!=", "a + 1"),
    ("sqrt(2)", "<", "3/2"),
    ("x", "<=", "x"),
]


@pytest.mark.parametrize(("left", "sign", "right"), PROVED)
def test_what_is_proved_holds_at_random_numbers(left: str, sign: str, right: str) -> None:
    found = compare(number(left), number(right), Relation(sign))
    assert (found.verdict, found.point) == ("proved", None), found
    draw, sides = random.Random(3), (number(left), number(right))
    symbols = sides[0].free_symbols | sides[1].free_symbols
    for _ in range(40):
        point = {one: sympy.Rational(draw.randint(1, 40), 10) for one in symbols}
        point = {
            one: -worth if one.is_negative or (one.is_nonnegative is None and draw.random() < 0.5) else worth
            for one, worth in point.items()
        }
        assert HOLDS[sign](*(sympy.N(side.subs(point), 30) for side in sides)), point


@pytest.mark.parametrize(
    ("left", "sign", "right"),
    [
        ("x**2", ">", "0"),
        ("x**3", ">=", "0"),
        ("exp(x)/(1 + exp(x))**2", "<", "1/4"),
        ("p*(1 - p)", "<", "1/4"),
        ("p*(1 - p)", "<=", "1/5"),
        ("q", ">", "0"),
        ("a", "!=", "b"),
        ("x**2", "<=", "100"),
        ("(x - 1)**2*(x + 2)", ">=", "0"),
        ("a*b", "<=", "a**2"),
        ("max(a, b)", ">", "a"),
        ("pi", "<=", "3"),
        ("m", ">=", "-1/2"),
        ("n", "<", "1"),
    ],
)
def test_what_is_refuted_fails_at_an_admissible_point(left: str, sign: str, right: str) -> None:
    found = compare(number(left), number(right), Relation(sign))
    assert found.verdict == "refuted"
    assert found.point is not None
    point = {SYMBOLS.symbol(name): sympy.Rational(worth) for name, worth in found.point.items()}
    assert not HOLDS[sign](*(sympy.N(number(side).subs(point), 30) for side in (left, right)))
    for one, worth in point.items():
        assert one.is_positive is not True or worth > 0
        assert one.is_nonnegative is not True or worth >= 0
        assert one.is_negative is not True or worth < 0
        assert one.is_integer is not True or worth.is_Integer


def test_points_are_between_0_and_1_where_one_refutes() -> None:
    # Symbols may be probabilities, rates or norms.
    for left, sign, right in (("p*(1 - p)", "<=", "1/5"), ("a + b", "==", "1"), ("sqrt(a)", "<=", "a")):
        found = compare(number(left), number(right), Relation(sign))
        assert found.point is not None
        assert all(0 < sympy.Rational(worth) < 1 for worth in found.point.values())


@pytest.mark.parametrize(
    ("left", "sign", "right", "tolerance", "verdict"),
    [
        ("1/(1 + exp(-2))", "==", "0.88", "0.005", "proved"),  # 0.8807970779...
        ("1/(1 + exp(-2))", "==", "0.88", "0.0005", "refuted"),
        ("1/(1 + exp(-2))", "!=", "0.88", "0.0005", "proved"),
        ("0.735", "==", "0.73", "0.005", "proved"),
        ("0.7350001", "==", "0.73", "0.005", "refuted"),
        ("tanh(x)", "==", "0", "1", "proved"),
        ("tanh(x)", "==", "0", "0.5", "refuted"),
        ("x**2", ">=", "0.1", "0.1", "proved"),
        ("x**2", ">", "0.1", "0.1", "refuted"),  # at 0
        ("x**2", "<=", "0", "0.1", "refuted"),
    ],
)
def test_tolerances_are_exact(left: str, sign: str, right: str, tolerance: str, verdict: str) -> None:
    assert compare(number(left), number(right), Relation(sign, tolerance)).verdict == verdict


@pytest.mark.parametrize(
    ("left", "sign", "right"),
    [("exp(x)", ">=", "1 + x"), ("n**2", ">=", "n"), ("cos(x)", "<=", "1"), ("log(p)", "<=", "p - 1")],
)
def test_what_the_rules_do_not_reach_is_left_open(left: str, sign: str, right: str) -> None:
    found = compare(number(left), number(right), Relation(sign))
    assert found.verdict == "undecided"
    assert "no proof" in found.how


def test_infinities_and_nan() -> None:
    for sign, verdict in (("<", "proved"), (">=", "refuted"), ("!=", "proved"), ("==", "refuted")):
        assert compare(sympy.S.One, sympy.oo, Relation(sign)).verdict == verdict
    for sign, verdict in (("<", "refuted"), ("!=", "proved"), ("==", "refuted")):
        assert compare(sympy.nan, sympy.S.One, Relation(sign)).verdict == verdict


def _expression(draw: random.Random, depth: int) -> str:
    if depth == 0:
        return draw.choice(["a", "b", "p", "q", "m", "1", "2", "1/2"])
    one, other = (_expression(draw, draw.randrange(depth)) for _ in range(2))
    forms = [
        f"({one} + {other})", f"({one} - {other})", f"({one})*({other})", f"({one})/(1 + ({other})**2)",
        f"exp({one})", f"({one})**2", f"max({one}, {other})", f"abs({one})", f"sqrt(p*({one})**2)",
        f"log(1 + exp({one}))", f"tanh({one})",
    ]  # fmt: skip
    return draw.choice(forms)


def test_no_random_relation_is_proved_that_fails_somewhere() -> None:
    draw, proved = random.Random(11), 0
    for _ in range(120):
        one, other = (number(_expression(draw, draw.randint(0, 2))) for _ in range(2))
        sides = (one, other)
        sign = draw.choice([*HOLDS])
        if compare(one, other, Relation(sign)).verdict != "proved":
            continue
        proved += 1
        for _ in range(15):
            point = {}
            for symbol in one.free_symbols | other.free_symbols:
                worth = sympy.Rational(draw.randint(1, 12), draw.choice([1, 3, 10]))
                is_below = symbol.is_negative or (symbol.is_nonnegative is None and draw.random() < 0.5)
                point[symbol] = -worth if is_below else worth
            left, right = (sympy.N(side.subs(point), 40) for side in sides)
            if abs(left - right) < 1e-30:  # equal up to rounding
                assert sign in ("<=", ">="), (sides, point)
            else:
                assert HOLDS[sign](left, right), (sides, sign, point)
    assert proved > 10
