"""What repeats gets a name, and means what it meant."""

import random
from typing import Any

import mpmath
import sympy

from compute.arithmetic.exact.enclosures import enclosure
from compute.arithmetic.exact.sharing import WORTH_NAMING, named


def test_names_stand_for_what_repeats() -> None:
    a, b, s1 = (sympy.Symbol(name, real=True) for name in ("a", "b", "s1"))
    long = sympy.exp(a * b + 3 * a + sympy.sqrt(b))
    common, shorter = named([long + a, long * b + s1, a + b], ["s1"])
    [(symbol, part)] = common
    assert symbol.name == "_s2"  # a symbol s1 is written as _s1 would be
    assert part == long
    assert shorter == {long + a: symbol + a, long * b + s1: symbol * b + s1, a + b: a + b}


def test_names_put_back_give_what_was_there() -> None:
    draw = random.Random(2)
    pool: list[Any] = [sympy.Symbol(name, real=True) for name in "abc"]
    for _ in range(24):
        one, other = draw.sample(pool, 2)
        pool.append(draw.choice([one + other, one * other, sympy.exp(one - other), 1 / (1 + one**2)]))
    roots = pool[-8:]
    common, shorter = named(roots)
    assert common
    meaning: dict[Any, Any] = {}
    for symbol, part in common:
        assert not part.free_symbols - {*pool[:3], *meaning}
        meaning[symbol] = part.xreplace(meaning)
    point = dict(
        zip(pool[:3], (sympy.Rational(1, 3), sympy.Rational(-2, 7), sympy.Rational(5, 4)), strict=True)
    )
    for root in roots:
        low, high = enclosure(shorter[root].xreplace(meaning).xreplace(point), 40)
        expected, _ = enclosure(root.xreplace(point), 40)
        with mpmath.workdps(50):
            assert low - mpmath.mpf("1e-20") <= expected <= high + mpmath.mpf("1e-20")


def test_short_parts_stay_where_they_are() -> None:
    a = sympy.Symbol("a", real=True)
    short = sympy.exp(a) + 1
    common, shorter = named([short * a, short / a])
    assert common == []
    assert WORTH_NAMING > 4
    assert all(one == other for one, other in shorter.items())
