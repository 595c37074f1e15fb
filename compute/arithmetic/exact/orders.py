"""The order of exact numbers: decided if possible, and never guessed."""

from typing import Any

import sympy

from compute.arithmetic.exact.bounds import PROGRESS, reached, size
from compute.arithmetic.exact.enclosures import sign_of
from compute.arithmetic.exact.zero import shown_zero
from compute.errors import QuestionError, QuestionErrors

DIGITS = (20, 60, 300)
LONGEST = 1_000  # operations of an expression whose assumptions are queried


def is_infinite(a: Any) -> bool:
    """Return whether a number is an infinity. SymPy's own test would evaluate the terms of a long sum."""
    return a is sympy.oo or a is -sympy.oo


def is_zero(a: Any) -> bool:
    """Return whether a number is known to be zero."""
    if a.is_Rational or a.free_symbols:
        return bool(a == 0)
    return sign(a, sympy.S.Zero) == 0


def greater(a: Any, b: Any) -> Any:
    """Return a > b: true, false, or the relation itself if it depends on symbols; NaN is the largest."""
    if a is sympy.nan or b is sympy.nan:
        return sympy.sympify(b is not sympy.nan)
    order = sign(a, b)
    return sympy.Gt(a, b, evaluate=False) if order is None else sympy.sympify(order > 0)


def greater_equal(a: Any, b: Any) -> Any:
    """Return a >= b, as `greater` does."""
    if a is sympy.nan or b is sympy.nan:
        return sympy.sympify(a is sympy.nan)
    order = sign(a, b)
    if order is None:
        not_less = (a - b).is_nonnegative
        return sympy.true if not_less else sympy.Ge(a, b, evaluate=False)
    return sympy.sympify(order >= 0)


def equal(a: Any, b: Any) -> Any:
    """Return a == b, as `greater` does."""
    if a == b:
        return sympy.true
    order = sign(a, b)
    if order is None:
        return sympy.false if sympy.nan in (a, b) or (a - b).is_nonzero else sympy.Eq(a, b, evaluate=False)
    return sympy.sympify(order == 0)


def rank(a: Any, b: Any) -> int:
    """Return the sign of a - b, with NaN as the largest. Raises TypeError if it depends on symbols."""
    if a is sympy.nan or b is sympy.nan:
        return int(a is sympy.nan) - int(b is sympy.nan)
    order = sign(a, b)
    if order is None:
        raise TypeError("the order depends on symbols")
    return order


def sign(a: Any, b: Any) -> int | None:
    """Return the sign of a - b; None if it depends on symbols or if one is NaN.

    Raises QuestionErrors if constants are too close to be told apart.
    """
    if a == b:
        return 0
    if a is sympy.nan or b is sympy.nan:
        return None
    if is_infinite(a) or is_infinite(b):
        high, low = (a is sympy.oo or b is -sympy.oo), (b is sympy.oo or a is -sympy.oo)
        return 1 if high else -1 if low else None
    difference = a - b
    if difference.is_Rational:
        return int(sympy.sign(difference))
    if not difference.free_symbols:
        return _sign_of_constant(difference)
    if size(difference) > LONGEST:
        return None
    if difference.is_positive:
        return 1
    return -1 if difference.is_negative else 0 if difference.is_zero else None


def _sign_of_constant(difference: Any) -> int:
    found = sign_of(difference, DIGITS)
    if found is not None:
        return found
    if shown_zero(difference):
        return 0
    raise QuestionErrors(
        [
            QuestionError(
                (),
                f"it cannot be shown which of two constants is larger, or that they are equal;"
                f" {reached(PROGRESS.names)}",
                "constants that can be ordered",
                f"constants that agree to {DIGITS[-1]} digits",
            )
        ]
    )
