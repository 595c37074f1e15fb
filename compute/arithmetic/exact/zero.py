"""Prove that an exact number is zero for all values of its symbols. Every step is bounded."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.readable import MAX_TERMS, Fraction

MAX_SIGNS = 5  # signs that cases may depend on
MAX_OPERANDS = 5  # of a maximum
SHORT = 500  # operations of an expression up to which roots are rationalized
_CASES = (sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs, sympy.sign)


def shown_zero(number: Any) -> str | None:
    """Return how a number is proved to be zero, in words; None if it is not proved."""
    if cancels(number):
        return "the difference cancels as a quotient of polynomials in symbols and exponentials"
    if number.has(*_CASES):
        return _by_signs(number)
    rewritten = number.rewrite(sympy.exp) if number.has(sympy.tanh, sympy.sin, sympy.cos) else number
    rewritten = sympy.expand_log(_rationalize(rewritten))
    if rewritten != number and cancels(rewritten):
        return "the difference cancels once functions are written as exponentials and roots are rationalized"
    return None


def _rationalize(number: Any) -> Any:
    """Return a short number without roots in denominators."""
    if size(number) >= SHORT:
        return number
    try:
        return sympy.radsimp(sympy.sqrtdenest(number))
    except OverflowError:  # SymPy looks at constants as floats, and an exponential may be too large for them
        return number


def cancels(number: Any) -> bool:
    """Return whether a number is zero as a quotient of polynomials in its symbols and function calls."""
    fraction = Fraction(number, expand_exponents=True)
    if fraction.terms > 50 * MAX_TERMS:
        return False
    numerator, _ = sympy.fraction(sympy.together(fraction.quotient))
    worth = sympy.expand(numerator)
    return bool(worth == 0) or bool(sympy.expand(fraction.back(worth)) == 0)


def _by_signs(number: Any) -> str | None:
    """Prove a number to be zero for each possible combination of the signs that its cases depend on."""
    cases = _maxima_as_cases(number.rewrite(sympy.Piecewise) if number.has(sympy.Abs, sympy.sign) else number)
    if cases is None:
        return None
    differences = sorted({_difference(one)[0] for one in cases.atoms(Relational)}, key=sympy.default_sort_key)
    if len(differences) > MAX_SIGNS:
        return None
    for branch in _branches(cases, differences):
        if branch.has(*_CASES) or not (branch == 0 or cancels(branch)):
            return None
    signs = "the sign" if len(differences) == 1 else f"the {len(differences)} signs"
    return f"the difference cancels in every case of {signs} that it depends on"


def _branches(cases: Any, differences: list[Any]) -> Iterator[Any]:
    """Yield an expression without cases for each possible combination of signs."""
    for signs in product((1, 0, -1), repeat=len(differences)):
        chosen = dict(zip(differences, signs, strict=True))
        equal = _solve([one for one, sign in chosen.items() if sign == 0])
        contradicted = (
            (worth := one.xreplace(equal)).is_Rational and sympy.sign(worth) != sign
            for one, sign in chosen.items()
        )
        if not any(contradicted):
            yield _branch(cases, chosen).xreplace(equal)


def _solve(zeros: list[Any]) -> dict[Any, Any]:
    """Return a symbol with its value for each difference that is zero and easily solved."""
    found: dict[Any, Any] = {}
    for zero in zeros:
        rest = zero.xreplace(found)
        for symbol in sorted(rest.free_symbols, key=lambda one: one.name):
            factor = rest.coeff(symbol)
            worth = -(rest - factor * symbol) / factor if factor.is_Rational and factor else None
            if worth is not None and not sympy.expand(worth).has(symbol):
                worth = sympy.expand(worth)
                found = {one: other.xreplace({symbol: worth}) for one, other in found.items()} | {
                    symbol: worth
                }
                break
    return found


def _maxima_as_cases(expression: Any) -> Any:
    """Return an expression with maxima and minima as cases; None if they have too many operands."""
    found = expression
    for one in sorted(expression.atoms(sympy.Max, sympy.Min), key=size):
        if len(one.args) > MAX_OPERANDS:
            return None
        sign = sympy.Ge if one.func is sympy.Max else sympy.Le
        *first, last = sorted(one.args, key=sympy.default_sort_key)
        pairs = [
            (part, sympy.And(*(sign(part, other, evaluate=False) for other in one.args if other != part)))
            for part in first
        ]
        found = found.xreplace({one: sympy.Piecewise(*pairs, (last, True), evaluate=False)})
    return found


def _difference(relation: Any) -> tuple[Any, int]:
    """Return the difference of a relation's sides up to a positive factor, and -1 if it is negated."""
    _, difference = sympy.expand(relation.lhs - relation.rhs).as_content_primitive()
    turned = difference.could_extract_minus_sign()
    return (sympy.expand(-difference), -1) if turned else (difference, 1)


def _branch(expression: Any, signs: dict[Any, int]) -> Any:
    """Return the expression for differences of these signs."""

    def truth(condition: Any) -> Any:
        if isinstance(condition, Relational):
            difference, direction = _difference(condition)
            return condition.func(signs[difference] * direction, 0)
        return condition.func(*map(truth, condition.args)) if condition.args else condition

    def walk(one: Any) -> Any:
        if isinstance(one, sympy.Piecewise):
            held = (value for value, condition in one.args if truth(condition) == sympy.true)
            return walk(next(held, sympy.nan))
        return one.func(*map(walk, one.args)) if one.args else one

    return walk(expression)
