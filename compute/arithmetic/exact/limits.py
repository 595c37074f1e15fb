"""Limits of exact numbers as a symbol goes to a constant or to infinity, checked by numbers near it."""

import random
from collections.abc import Iterator
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import NoEnclosure, enclosure
from compute.arithmetic.exact.orders import is_infinite

LONGEST = 500  # operations of a number whose limit is looked for
DIGITS = 60
CHECKS = 3  # points for the other symbols
STEPS = (10**2, 10**4)  # how far a symbol goes to infinity; at 1 over these from a constant
TINY = sympy.Rational(1, 10**30)
# SymPy raises any of these where a sign is unknown: the limit was not found.
SYMPY_FAILURES = (
    NotImplementedError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError,
)  # fmt: skip


def limit(number: Any, symbol: Any, to: Any) -> Any | None:
    """Return the limit of a number; None if it was not found, does not exist, or depends on other symbols."""
    if symbol not in number.free_symbols:
        return number
    if size(number) > LONGEST:
        return None
    sides = (
        ["-"] if to is sympy.oo else ["+"] if to is -sympy.oo or (to == 0 and symbol.is_nonnegative) else "+-"
    )
    found = {_one_sided(number, symbol, to, side) for side in sides}
    worth = found.pop()
    if found or worth is None or not all(_is_near(number, symbol, to, side, worth) for side in sides):
        return None
    return worth


def _one_sided(number: Any, symbol: Any, to: Any, side: str) -> Any | None:
    try:
        worth = sympy.limit(number, symbol, to, side)
    except SYMPY_FAILURES:
        return None
    if worth.has(symbol, sympy.Limit, sympy.AccumBounds, sympy.zoo, sympy.nan, sympy.I):
        return None
    return worth if worth.is_extended_real else None


def _is_near(number: Any, symbol: Any, to: Any, side: str, worth: Any) -> bool:
    """Return whether the number comes nearer to its limit as the symbol does, at numbers for the others."""
    for point in _points(number, symbol):
        try:
            at = [number.xreplace({**point, symbol: one}) for one in _approach(to, side)]
            if is_infinite(worth):
                sizes = [enclosure(one if worth is sympy.oo else -one, DIGITS) for one in at]
                if sizes[1][0] < sizes[0][1] and sizes[1][1] < STEPS[0]:
                    return False
            else:
                (_, far), (near, _) = (enclosure(abs(one - worth.xreplace(point)), DIGITS) for one in at)
                if near > far and near > TINY:
                    return False
        except (NoEnclosure, TypeError, ValueError):
            continue  # too large for its digits, or undefined there
    return True


def _points(number: Any, symbol: Any) -> Iterator[dict[Any, Any]]:
    draw = random.Random(11)  # noqa: S311 - points of a check, and no secret
    others = sorted(number.free_symbols - {symbol}, key=lambda one: one.name)
    for _ in range(CHECKS if others else 1):
        point = {}
        for one in others:
            worth = (
                sympy.Integer(draw.randint(1, 3)) if one.is_integer else sympy.Rational(draw.randint(1, 9), 5)
            )
            is_below = one.is_nonpositive or (one.is_nonnegative is None and draw.random() < 0.5)
            point[one] = -worth if is_below else worth
        yield point


def _approach(to: Any, side: str) -> list[Any]:
    """Return two numbers on the way to a limit."""
    if is_infinite(to):
        return [step if to is sympy.oo else -step for step in map(sympy.Integer, STEPS)]
    return [to + sympy.Rational(1 if side == "+" else -1, step) for step in STEPS]
