"""Numbers that depend on conditions: what they are made of, and the plainest form of them.

Cases hold in turn, each where none before it does. Cases whose last condition is said exclude one another,
and one of them always holds: so are places of maxima.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sympy

from compute.arithmetic.exact import orders
from compute.arithmetic.exact.bounds import beyond

Cases = list[tuple[Any, Any]]


def piecewise(condition: Any, a: Any, b: Any) -> Any:
    """The first number where a condition holds, and the second elsewhere."""
    if condition.has(sympy.nan):
        return sympy.nan
    if condition is sympy.true or a == b:
        return a
    if condition is sympy.false:
        return b
    if isinstance(condition, sympy.Gt | sympy.Ge) and condition.args == (a, b):
        return sympy.Max(a, b)
    a, b = _known(a, condition, sympy.true), _known(b, condition, sympy.false)
    in_turn = isinstance(b, sympy.Piecewise) and b.args[-1][1] == sympy.true
    rest = b.args if in_turn else [(b, True)]
    try:
        return sympy.Piecewise((a, condition), *rest, evaluate=False)
    except ValueError:  # it looks into conditions, and may find what has no value there
        raise beyond("has cases that cannot be told apart", "fewer cases") from None


def indicator(condition: Any) -> Any:
    """1 where a condition holds, and 0 elsewhere."""
    return piecewise(condition, sympy.S.One, sympy.S.Zero)


def exclusive(cases: Cases) -> Any:
    """The number of the one case that holds, where cases exclude one another: a maximum if they make one."""
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
    """What a number may be, with conditions that exclude one another."""
    if not isinstance(number, sympy.Piecewise):
        return [(number, sympy.true)]
    if number.args[-1][1] != sympy.true:
        return [tuple(one) for one in number.args]
    passed: list[Any] = []
    found = []
    for value, condition in number.args:
        found.append((value, sympy.And(condition, *map(sympy.Not, passed))))
        passed.append(condition)
    return found


def mapped(number: Any, change: Callable[[Any], Any]) -> Any:
    """A number with cases, each of them changed; NaN where one of them becomes NaN."""
    changed = [(change(value), condition) for value, condition in number.args]
    if any(value is sympy.nan for value, _ in changed):
        return sympy.nan
    return sympy.Piecewise(*changed, evaluate=False)


def real(number: Any) -> Any:
    """A number, or NaN where a part of it is none, such as a quotient by zero in one of its cases."""
    return sympy.nan if number.has(sympy.zoo, sympy.I, sympy.nan) else number


def largest(numbers: Sequence[Any]) -> list[Any]:
    """For each number the condition on which it is the largest, and the first of equals."""
    found = []
    for place, one in enumerate(numbers):
        before = (orders.greater(one, other) for other in numbers[:place])
        behind = (orders.greater_equal(one, other) for other in numbers[place + 1 :])
        found.append(sympy.And(*before, *behind))
    return found


def _is_maximum(cases: Cases) -> bool:
    """Whether each case holds where its number is larger than all others."""
    numbers = {value for value, _ in cases}
    for value, condition in cases:
        relations = sympy.And.make_args(condition)
        if not all(isinstance(one, sympy.Gt | sympy.Ge) and one.lhs == value for one in relations):
            return False
        if {one.rhs for one in relations} != numbers - {value}:
            return False
    return True


def _known(found: Any, condition: Any, truth: Any) -> Any:
    """A number where a condition is known to hold, or not to: its cases that ask again are settled."""
    cases = found.atoms(sympy.Piecewise) if found.has(sympy.Piecewise) else ()
    settled = {one: _settled(one, truth) for one in cases if one.args[0][1] == condition}
    return found.xreplace(settled) if settled else found


def _settled(cases: Any, truth: Any) -> Any:
    """What cases are worth once the truth of their first condition is known."""
    (first, _), *rest = cases.args
    if truth is sympy.true:
        return first
    return rest[0][0] if len(rest) == 1 else sympy.Piecewise(*rest, evaluate=False)
