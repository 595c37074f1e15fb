"""Numbers with cases, and their simplest forms.

Usually each case applies if no case before it does. If even the last case has a condition other than true,
the conditions exclude one another and one of them always holds, as for the index of a maximum.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from compute.arithmetic.exact import orders
from compute.arithmetic.exact.bounds import beyond

Cases = list[tuple[Any, Any]]


def piecewise(condition: Any, a: Any, b: Any) -> Any:
    """Return a number that is `a` if a condition holds, and `b` otherwise."""
    if condition.has(sympy.nan):
        return sympy.nan
    if condition is sympy.true or a == b:
        return a
    if condition is sympy.false:
        return b
    if isinstance(condition, sympy.Gt | sympy.Ge) and condition.args == (a, b):
        return sympy.Max(a, b)
    a, b = _assume(a, condition, sympy.true), _assume(b, condition, sympy.false)
    in_turn = isinstance(b, sympy.Piecewise) and b.args[-1][1] == sympy.true
    rest = b.args if in_turn else [(b, True)]
    try:
        return sympy.Piecewise((a, condition), *rest, evaluate=False)
    except ValueError:  # SymPy analyses conditions, and may fail on one without a value
        raise beyond("has cases that cannot be told apart", "fewer cases") from None


def indicator(condition: Any) -> Any:
    """Return a number that is 1 if a condition holds, and 0 otherwise."""
    return piecewise(condition, sympy.S.One, sympy.S.Zero)


def exclusive(cases: Cases) -> Any:
    """Return the number with these mutually exclusive cases; a maximum if they make one."""
    possible = [(value, condition) for value, condition in cases if condition is not sympy.false]
    if len({value for value, _ in possible}) == 1:
        return possible[0][0]
    for value, condition in possible:
        if condition is sympy.true:
            return value
    if _is_maximum(possible):
        return sympy.Max(*(value for value, _ in possible))
    return sympy.Piecewise(*possible, evaluate=False)


def apart(number: Any) -> Cases:
    """Return the cases of a number with mutually exclusive conditions."""
    if not isinstance(number, sympy.Piecewise):
        return [(number, sympy.true)]
    if number.args[-1][1] != sympy.true:
        return [tuple(case) for case in number.args]
    passed: list[Any] = []
    cases = []
    for value, condition in number.args:
        cases.append((value, sympy.And(condition, *map(sympy.Not, passed))))
        passed.append(condition)
    return cases


def mapped(number: Any, change: Callable[[Any], Any]) -> Any:
    """Return a number with a function applied to each of its cases; NaN if one of them becomes NaN."""
    changed = [(change(value), condition) for value, condition in number.args]
    if any(value is sympy.nan for value, _ in changed):
        return sympy.nan
    return sympy.Piecewise(*changed, evaluate=False)


def real(number: Any) -> Any:
    """Return a number, or NaN if a part of it is not real, such as a quotient by zero in one of its cases."""
    return sympy.nan if number.has(sympy.zoo, sympy.I, sympy.nan) else number


def largest(numbers: Sequence[Any]) -> list[Any]:
    """Return, for each number, the condition that it is the first largest."""
    conditions = []
    for place, number in enumerate(numbers):
        before = (orders.greater(number, other) for other in numbers[:place])
        behind = (orders.greater_equal(number, other) for other in numbers[place + 1 :])
        conditions.append(sympy.And(*before, *behind))
    return conditions


def _is_maximum(cases: Cases) -> bool:
    """Return whether each case holds if its number is larger than all others."""
    numbers = {value for value, _ in cases}
    for value, condition in cases:
        relations = sympy.And.make_args(condition)
        if not all(isinstance(one, sympy.Gt | sympy.Ge) and one.lhs == value for one in relations):
            return False
        if {one.rhs for one in relations} != numbers - {value}:
            return False
    return True


def _assume(number: Any, condition: Any, truth: Any) -> Any:
    """Return a number simplified under the assumption that a condition is true or false."""
    cases = number.atoms(sympy.Piecewise) if number.has(sympy.Piecewise) else ()
    resolved = {case: _resolve(case, truth) for case in cases if case.args[0][1] == condition}
    return number.xreplace(resolved) if resolved else number


def _resolve(cases: Any, truth: Any) -> Any:
    """Return a piecewise with the truth of its first condition known."""
    (first, _), *rest = cases.args
    if truth is sympy.true:
        return first
    return rest[0][0] if len(rest) == 1 else sympy.Piecewise(*rest, evaluate=False)
