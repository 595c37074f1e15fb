"""Signs and floats of exact constants, including roots of polynomials, and the truth of conditions."""

from functools import cmp_to_key
from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import sign_of
from compute.arithmetic.exact.readable import EFFORT, readable
from compute.arithmetic.exact.zero import shown_zero
from compute.solving.solutions import Condition, Expr, Unsolved

DIGITS = (20, 60)
MAX_PROVED = 1_000  # operations of an expression that is proved to be zero
ZERO_DIGITS = 50  # a constant that vanishes to this many digits is taken as zero
MAX_OPERATIONS = 20_000  # of a constant that is compared
_NUMBERLESS = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)


def simplest_form(expression: Expr) -> Expr:
    """Return the most readable form of an expression.

    Its effort is not counted: answers here are few and short.
    """
    before, EFFORT.spent = EFFORT.spent, 0
    try:
        return readable(expression)
    finally:
        EFFORT.spent = before


def sign(constant: Expr) -> int | None:
    """Return the sign of a constant; None if it is not a real number. Raises Unsolved if it is too long.

    Zero is proved if possible. For roots of polynomials without a closed form, and for results of
    `with_digits`, it is decided from 50 digits.
    """
    if constant.is_Rational:
        return int(sympy.sign(constant))
    if constant in _NUMBERLESS or constant.free_symbols:
        return None
    if size(constant) > MAX_OPERATIONS:
        raise Unsolved(f"a number of more than {MAX_OPERATIONS} operations has to be compared")
    if not constant.has(sympy.CRootOf, sympy.Float):
        if not constant.has(sympy.I) and (found := sign_of(constant, DIGITS)) is not None:
            return found
        if size(constant) < MAX_PROVED and shown_zero(constant) is not None:
            return 0
    return _numeric_sign(constant)


def with_digits(constant: Expr) -> Expr:
    """Evaluate roots of polynomials to enough digits that zero is recognized after a long computation."""
    return constant.evalf(3 * ZERO_DIGITS) if constant.has(sympy.CRootOf) else constant


def _numeric_sign(constant: Expr) -> int | None:
    try:
        value = constant.evalf(ZERO_DIGITS + 10, maxn=4 * ZERO_DIGITS)
    except (TypeError, ValueError, ArithmeticError):
        return None
    re, im = value.as_real_imag()
    if not (re.is_number and im.is_number) or re in _NUMBERLESS or im in _NUMBERLESS:
        return None
    least = sympy.Float(10, ZERO_DIGITS) ** (5 - ZERO_DIGITS)
    if abs(im) > least:
        return None
    return 0 if abs(re) < least else int(sympy.sign(re))


def to_float(constant: Expr) -> float | None:
    """Return a constant as a float; None if it is not a real number."""
    if constant.free_symbols or constant in _NUMBERLESS:
        return None
    try:
        return float(constant.evalf(25))
    except (TypeError, ValueError, OverflowError):
        return None


def truth(condition: Condition) -> bool | None:
    """Return whether a condition on constants holds; None if it is undecided."""
    if condition in (sympy.true, sympy.false):
        return bool(condition)
    if isinstance(condition, Relational):
        difference_sign = sign(condition.lhs - condition.rhs)
        return None if difference_sign is None else bool(condition.func(difference_sign, 0))
    parts = [truth(argument) for argument in condition.args]
    if isinstance(condition, sympy.Not):
        return None if parts[0] is None else not parts[0]
    if isinstance(condition, sympy.And):
        return False if False in parts else None if None in parts else True
    if isinstance(condition, sympy.Or):
        return True if True in parts else None if None in parts else False
    return None


def _compare(a: Expr, b: Expr) -> int:
    return sign(a - b) or 0


def sort_distinct(constants: list[Expr]) -> list[Expr]:
    """Sort real constants and drop duplicates."""
    result: list[Any] = []
    for constant in sorted(constants, key=cmp_to_key(_compare)):
        if not result or sign(constant - result[-1]) != 0:
            result.append(constant)
    return result
