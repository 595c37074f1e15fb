"""Prove or refute that two exact numbers are in a relation, or leave it undecided. Every step is bounded."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import rational
from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import NoEnclosure, enclosure
from compute.arithmetic.exact.inequalities import shown_order
from compute.arithmetic.exact.orders import is_infinite
from compute.arithmetic.exact.zero import shown_zero
from compute.arithmetic.namespace import EQUAL, Equality, Relation

RANKS = {"proved": 0, "undecided": 1, "refuted": 2}
POINTS = 30
NEAR, FAR = 10, 10  # points with every symbol between 0 and 1, and with large ones
DIGITS = 50
LONGEST = 20_000  # operations of a difference; longer ones are undecided
ORDERS = {"<": -1, "<=": -1, ">": 1, ">=": 1}
"""For each inequality, the factor by which the difference of its sides is not negative."""
FAILS = {
    "==": lambda low, high: low > 0 or high < 0,
    "!=": lambda low, high: low == high == 0,
    "<": lambda low, high: low >= 0,
    "<=": lambda low, high: low > 0,
    ">": lambda low, high: high <= 0,
    ">=": lambda low, high: high < 0,
}
"""For each sign, whether a difference between these bounds certainly does not have it to 0."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on a relation.

    verdict: `proved`, `refuted` or `undecided`.
    how: the method, in words.
    point: if refuted, numbers for the symbols at which it does not hold.
    """

    verdict: str
    how: str
    point: dict[str, str] | None = None


def compare(left: Any, right: Any, relation: Relation = EQUAL) -> Verdict:
    """Return whether two exact numbers are in a relation for all values of their symbols."""
    sign = relation.sign
    if sympy.nan in (left, right):
        if sign == "!=":
            return Verdict("proved", "NaN equals nothing, not even itself")
        return Verdict("proved" if left == right and sign == "==" else "refuted", "a side is not finite", {})
    if left == right:
        holds = sign in ("==", "<=", ">=")
        verdict = "proved" if holds else "refuted"
        return Verdict(verdict, "both sides are the same expression", None if holds else {})
    if any(is_infinite(one) for one in (left, right)):
        return _compare_infinite(left, right, sign)
    difference = left - right
    if size(difference) > LONGEST:
        return Verdict("undecided", f"the difference has more than {LONGEST} operations")
    if relation.tolerance is not None:
        return _compare_within(
            difference, sign, rational(relation.tolerance), [*_domain(left), *_domain(right)]
        )
    return _decide(difference, sign, [*_domain(left), *_domain(right)])


def _compare_infinite(left: Any, right: Any, sign: str) -> Verdict:
    """Return the verdict on two numbers that differ, and of which one is infinite."""
    if sign in ("==", "!="):
        return Verdict(
            "refuted" if sign == "==" else "proved", "one side is not finite and the other differs", {}
        )
    is_larger = left is sympy.oo or right is -sympy.oo
    holds = is_larger == (ORDERS[sign] > 0)
    return Verdict("proved" if holds else "refuted", "one side is infinite", None if holds else {})


def _compare_within(difference: Any, sign: str, tolerance: Any, domain: list[Any]) -> Verdict:
    """Return the verdict on a relation that may be missed by a tolerance."""
    if sign in ORDERS:
        return _decide(difference + ORDERS[sign] * tolerance, sign, domain)
    if sign == "==":
        parts = [_decide(difference - tolerance, "<=", domain), _decide(difference + tolerance, ">=", domain)]
        return max(parts, key=lambda part: RANKS[part.verdict])
    return _decide(difference**2, ">", domain, tolerance**2)


def _decide(difference: Any, sign: str, domain: list[Any], bound: Any = sympy.S.Zero) -> Verdict:
    """Return whether a difference is in a relation to a bound for all values of its symbols.

    domain: what must not be negative for the sides to be defined.
    """
    difference -= bound
    how = _show(difference, sign)
    if how is not None:
        return Verdict("proved", how)
    agreed = 0
    for point in _points(difference):
        try:
            if any(enclosure(one.xreplace(point), DIGITS)[1] < 0 for one in domain):
                continue  # a root or a logarithm has no value there
            low, high = enclosure(difference.xreplace(point), DIGITS)
        except (NoEnclosure, TypeError, ValueError):  # undefined at this point, where SymPy may fail too
            continue
        if FAILS[sign](low, high):
            shown = {str(symbol): str(number) for symbol, number in point.items()}
            how = "the sides differ at a point" if sign == "==" else "it does not hold at a point"
            return Verdict("refuted", how, shown)
        agreed += 1
    if not agreed:
        return Verdict("undecided", "no point was found at which the sides could be evaluated")
    held = f"the sides agree to {DIGITS} digits" if sign == "==" else "it holds"
    return Verdict("undecided", f"{held} at {agreed} points, which is no proof")


def _show(difference: Any, sign: str) -> str | None:
    """Return how the relation of a difference to 0 is proved, in words; None if it is not proved."""
    if sign == "==":
        return shown_zero(difference)
    if sign == "!=":
        return shown_order(difference, strict=True) or shown_order(-difference, strict=True)
    strict = sign in ("<", ">")
    return shown_order(ORDERS[sign] * difference, strict=strict) or (
        None if strict or not difference.free_symbols else shown_zero(difference)
    )


def _domain(number: Any) -> list[Any]:
    """Return the expressions that must not be negative for a number to be defined."""
    roots = [one.base for one in number.atoms(sympy.Pow) if not one.exp.is_Integer and one.base.free_symbols]
    return roots + [one.args[0] for one in number.atoms(sympy.log) if one.free_symbols]


def _points(difference: Any) -> Iterator[dict[Any, Any]]:
    """Yield numbers for the symbols that satisfy their assumptions, always the same.

    The first are between 0 and 1, which are admissible for probabilities, norms and rates too. The last make
    symbols 0 or equal, and large.
    """
    symbols = sorted(difference.free_symbols, key=lambda symbol: symbol.name)
    draw = random.Random(7)  # noqa: S311 - points of a test, and no secret
    if not symbols:
        yield {}
        return
    for _ in range(NEAR):
        yield {symbol: _number_near(draw, symbol) for symbol in symbols}
    for _ in range(POINTS):
        yield {symbol: _number(draw, symbol) for symbol in symbols}
    for special in (sympy.S.Zero, sympy.S.Half, sympy.S.One, sympy.S.NegativeOne):
        if all(_is_admissible(symbol, special) for symbol in symbols):
            yield dict.fromkeys(symbols, special)
    for zero in symbols[:FAR]:
        if _is_admissible(zero, sympy.S.Zero):
            yield {symbol: sympy.S.Zero if symbol is zero else _number(draw, symbol) for symbol in symbols}
    for _ in range(FAR):
        yield {symbol: _number(draw, symbol) * 10 ** draw.randint(0, 3) for symbol in symbols}


def _is_admissible(symbol: Any, number: Any) -> bool:
    """Return whether the assumptions about a symbol allow a number."""
    return all(
        getattr(number, f"is_{assumption}") is not (not holds)
        for assumption, holds in symbol.assumptions0.items()
    )


def _number_near(draw: random.Random, symbol: Any) -> Any:
    """Return a fraction between 0 and 1, or its negative; of an integer 1, or its negative."""
    below = draw.choice((3, 5, 7, 11))
    number = sympy.S.One if symbol.is_integer else sympy.Rational(draw.randint(1, below - 1), below)
    return -number if symbol.is_nonpositive else number


def _number(draw: random.Random, symbol: Any) -> Any:
    below = 1 if symbol.is_integer else draw.choice((3, 5, 7))
    above = draw.randint(1, 4 * below)
    while above % below == 0 and below > 1:
        above = draw.randint(1, 4 * below)
    sign = -1 if symbol.is_nonpositive or (not symbol.is_nonnegative and draw.random() < 0.5) else 1
    return sympy.Rational(sign * above, below)


def compare_all(left: Any, right: Any, relation: Relation = EQUAL) -> Equality:
    """Return whether all entries of two arrays of the same shape are in a relation, by the worst verdict."""
    verdicts = [compare(*pair, relation) for pair in zip(left.flat, right.flat, strict=True)]
    at = max(range(len(verdicts)), key=lambda at: (RANKS[verdicts[at].verdict], len(verdicts[at].how)))
    worst = verdicts[at]
    holds = {"proved": True, "refuted": False}.get(worst.verdict)
    largest, largest_at = _largest_difference(left, right, relation.sign)
    if largest is not None and holds is not None and (holds or verdicts[largest_at].verdict == "refuted"):
        at = largest_at
    place = [int(index) for index in np.unravel_index(at, left.shape)] if left.ndim else []
    where = f" at {place}" if place and worst.verdict != "proved" else ""
    shown = place if place and (worst.verdict != "proved" or largest) else None
    return Equality(holds, largest, worst.verdict, verdicts[at].how + where, verdicts[at].point, shown)


def _largest_difference(left: Any, right: Any, sign: str) -> tuple[float | None, int]:
    """Return the largest difference, or the largest amount by which an inequality is missed, and its place.

    None if there are free symbols.
    """
    try:
        bounds = [enclosure(one - other, DIGITS) for one, other in zip(left.flat, right.flat, strict=True)]
    except NoEnclosure:
        return None, 0
    missed = [_missed(low, high, sign) for low, high in bounds]
    largest = max(missed)
    return largest, missed.index(largest)


def _missed(low: Any, high: Any, sign: str) -> float:
    """Return the amount by which a difference between these bounds misses a sign."""
    if low * high <= 0:
        return 0.0
    if sign in ("==", "!="):
        return float(max(abs(low), abs(high)))
    return max(0.0, float(-ORDERS[sign] * (high if high > 0 else low)))
