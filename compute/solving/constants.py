"""Signs and floats of exact constants, roots of polynomials among them, and the truth of conditions."""

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
PROVED = 1_000  # operations of what is proved to be zero
ZERO = 50  # digits after which what is not told from zero is taken as zero
LONGEST = 20_000  # operations of what is looked at
_NUMBERLESS = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)


def plainest(expression: Expr) -> Expr:
    """The form that people read, whatever was read before: answers here are few and short."""
    before, EFFORT.spent = EFFORT.spent, 0
    try:
        return readable(expression)
    finally:
        EFFORT.spent = before


def sign(constant: Expr) -> int | None:
    """The sign of a constant; None where it is no real number. Raises Unsolved where it is too long.

    Zero is proved where it can be; of roots of polynomials without a closed form, and of what `in_digits`
    made of them, it is taken from 50 digits.
    """
    if constant.is_Rational:
        return int(sympy.sign(constant))
    if constant in _NUMBERLESS or constant.free_symbols:
        return None
    if size(constant) > LONGEST:
        raise Unsolved(f"a number of more than {LONGEST} operations has to be compared")
    if not constant.has(sympy.CRootOf, sympy.Float):
        if not constant.has(sympy.I) and (found := sign_of(constant, DIGITS)) is not None:
            return found
        if size(constant) < PROVED and shown_zero(constant) is not None:
            return 0
    return _numeric_sign(constant)


def in_digits(constant: Expr) -> Expr:
    """A constant in so many digits that zero can be told after a long computation with it."""
    return constant.evalf(3 * ZERO) if constant.has(sympy.CRootOf) else constant


def _numeric_sign(constant: Expr) -> int | None:
    try:
        found = constant.evalf(ZERO + 10, maxn=4 * ZERO)
    except (TypeError, ValueError, ArithmeticError):
        return None
    re, im = found.as_real_imag()
    if not (re.is_number and im.is_number) or re in _NUMBERLESS or im in _NUMBERLESS:
        return None
    least = sympy.Float(10, ZERO) ** (5 - ZERO)
    if abs(im) > least:
        return None
    return 0 if abs(re) < least else int(sympy.sign(re))


def approximate(constant: Expr) -> float | None:
    """A constant as a float, roots of polynomials too; None where it is no real number."""
    if constant.free_symbols or constant in _NUMBERLESS:
        return None
    try:
        return float(constant.evalf(25))
    except (TypeError, ValueError, OverflowError):
        return None


def truth(condition: Condition) -> bool | None:
    """Whether a condition on constants holds; None where that cannot be told, or symbols leave it open."""
    if condition in (sympy.true, sympy.false):
        return bool(condition)
    if isinstance(condition, Relational):
        found = sign(condition.lhs - condition.rhs)
        return None if found is None else bool(condition.func(found, 0))
    parts = [truth(one) for one in condition.args]
    if isinstance(condition, sympy.Not):
        return None if parts[0] is None else not parts[0]
    if isinstance(condition, sympy.And):
        return False if False in parts else None if None in parts else True
    if isinstance(condition, sympy.Or):
        return True if True in parts else None if None in parts else False
    return None


def _compared(a: Expr, b: Expr) -> int:
    return sign(a - b) or 0


def ordered(constants: list[Expr]) -> list[Expr]:
    """Different real constants in order."""
    found: list[Any] = []
    for one in sorted(constants, key=cmp_to_key(_compared)):
        if not found or sign(one - found[-1]) != 0:
            found.append(one)
    return found
