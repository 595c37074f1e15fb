"""Which of two exact numbers is larger: decided where it can be, and never guessed."""

from typing import Any

import sympy

from compute.arithmetic.exact.bounds import PROGRESS, reached, size
from compute.arithmetic.exact.zero import shown_zero
from compute.errors import QuestionError, QuestionErrors

DIGITS = (15, 60, 300)
LARGEST_EXPONENT = 1e7


def is_infinite(a: Any) -> bool:
    """Whether a number is infinity itself; SymPy would evaluate the parts of a long sum again and again."""
    return a is sympy.oo or a is -sympy.oo


def greater(a: Any, b: Any) -> Any:
    """A > b: true, false, or the relation of the two where symbols leave it open; NaN stands above all."""
    if a is sympy.nan or b is sympy.nan:
        return sympy.sympify(b is not sympy.nan)
    found = sign(a, b)
    return sympy.Gt(a, b, evaluate=False) if found is None else sympy.sympify(found > 0)


def greater_equal(a: Any, b: Any) -> Any:
    """A >= b, likewise."""
    if a is sympy.nan or b is sympy.nan:
        return sympy.sympify(a is sympy.nan)
    found = sign(a, b)
    if found is None:
        not_less = (a - b).is_nonnegative
        return sympy.true if not_less else sympy.Ge(a, b, evaluate=False)
    return sympy.sympify(found >= 0)


def equal(a: Any, b: Any) -> Any:
    """A = b, likewise."""
    if a == b:
        return sympy.true
    found = sign(a, b)
    if found is None:
        return sympy.false if sympy.nan in (a, b) or (a - b).is_nonzero else sympy.Eq(a, b, evaluate=False)
    return sympy.sympify(found == 0)


def sign(a: Any, b: Any) -> int | None:
    """The sign of a - b; None where symbols leave it open, or where a number is none.

    Raises QuestionErrors where constants are too close to be told apart.
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
    if difference.is_positive:
        return 1
    return -1 if difference.is_negative else 0 if difference.is_zero else None


def can_be_evaluated(constant: Any) -> bool:
    """Whether digits of a constant can be found: no exponential in it is too large to be written down."""
    exponentials = sorted(constant.atoms(sympy.exp), key=size)  # inner ones first
    return all(abs(one.args[0].evalf(15)) < LARGEST_EXPONENT for one in exponentials)


def _sign_of_constant(difference: Any) -> int:
    for digits in DIGITS if can_be_evaluated(difference) else ():
        worth = difference.evalf(digits)
        if worth.is_Float and worth._prec > 1 and worth != 0:
            return 1 if worth > 0 else -1
    if shown_zero(difference):
        return 0
    raise QuestionErrors(
        [
            QuestionError(
                (),
                f"it cannot be shown which of two constants is larger, or that they are equal;"
                f" {reached(PROGRESS.names)}",
                "constants that can be ordered",
                "others",
            )
        ]
    )
