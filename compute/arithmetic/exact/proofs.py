"""Prove or refute that two exact numbers are equal, or leave it undecided. Every step is bounded."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import NoEnclosure, enclosure
from compute.arithmetic.exact.orders import is_infinite
from compute.arithmetic.exact.zero import shown_zero
from compute.arithmetic.namespace import Equality

RANKS = {"proved": 0, "undecided": 1, "refuted": 2}
POINTS = 30
DIGITS = 50
LONGEST = 20_000  # operations of a difference; longer ones are undecided


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on an equation.

    verdict: `proved`, `refuted` or `undecided`.
    how: the method, in words.
    point: if refuted, numbers for the symbols at which the sides differ.
    """

    verdict: str
    how: str
    point: dict[str, str] | None = None


def compare(left: Any, right: Any) -> Verdict:
    """Return whether two exact numbers are equal for all values of their symbols."""
    if left == right:
        return Verdict("proved", "both sides are the same expression")
    if any(one is sympy.nan or is_infinite(one) for one in (left, right)):
        return Verdict("refuted", "one side is not finite and the other differs", {})
    difference = left - right
    if size(difference) > LONGEST:
        return Verdict("undecided", f"the difference has more than {LONGEST} operations")
    if (how := shown_zero(difference)) is not None:
        return Verdict("proved", how)
    agreed, domain = 0, [*_domain(left), *_domain(right)]
    for point in _points(difference):
        try:
            if any(enclosure(one.xreplace(point), DIGITS)[1] < 0 for one in domain):
                continue  # a root or a logarithm has no value there
            low, high = enclosure(difference.xreplace(point), DIGITS)
        except (NoEnclosure, TypeError, ValueError):  # undefined at this point, where SymPy may fail too
            continue
        if low > 0 or high < 0:
            shown = {str(symbol): str(number) for symbol, number in point.items()}
            return Verdict("refuted", "the sides differ at a point", shown)
        agreed += 1
    if not agreed:
        return Verdict("undecided", "no point was found at which the sides could be evaluated")
    return Verdict("undecided", f"the sides agree to {DIGITS} digits at {agreed} points, which is no proof")


def _domain(number: Any) -> list[Any]:
    """Return the expressions that must not be negative for a number to be defined."""
    roots = [one.base for one in number.atoms(sympy.Pow) if not one.exp.is_Integer and one.base.free_symbols]
    return roots + [one.args[0] for one in number.atoms(sympy.log) if one.free_symbols]


def _points(difference: Any) -> Iterator[dict[Any, Any]]:
    """Yield fractions for the symbols that satisfy their assumptions, always the same."""
    symbols = sorted(difference.free_symbols, key=lambda symbol: symbol.name)
    draw = random.Random(7)  # noqa: S311 - points of a test, and no secret
    for _ in range(POINTS if symbols else 1):
        yield {symbol: _number(draw, symbol) for symbol in symbols}


def _number(draw: random.Random, symbol: Any) -> Any:
    below = 1 if symbol.is_integer else draw.choice((3, 5, 7))
    above = draw.randint(1, 4 * below)
    while above % below == 0 and below > 1:
        above = draw.randint(1, 4 * below)
    sign = -1 if symbol.is_nonpositive or (not symbol.is_nonnegative and draw.random() < 0.5) else 1
    return sympy.Rational(sign * above, below)


def compare_all(left: Any, right: Any) -> Equality:
    """Return whether all entries of two arrays of the same shape are equal, by the worst verdict."""
    verdicts = [compare(*pair) for pair in zip(left.flat, right.flat, strict=True)]
    at = max(range(len(verdicts)), key=lambda at: (RANKS[verdicts[at].verdict], len(verdicts[at].how)))
    worst = verdicts[at]
    place = [int(index) for index in np.unravel_index(at, left.shape)] if left.ndim else []
    where = f" at {place}" if place and worst.verdict != "proved" else ""
    holds = {"proved": True, "refuted": False}.get(worst.verdict)
    return Equality(holds, _largest_difference(left, right), worst.verdict, worst.how + where, worst.point)


def _largest_difference(left: Any, right: Any) -> float | None:
    """Return the largest difference; None if there are free symbols."""
    try:
        bounds = [enclosure(one - other, DIGITS) for one, other in zip(left.flat, right.flat, strict=True)]
    except NoEnclosure:
        return None
    return max(float(max(abs(low), abs(high))) if low * high > 0 else 0.0 for low, high in bounds)
