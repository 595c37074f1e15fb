"""Exact expressions evaluated in floats, every part once, whatever cases they hold."""

import math
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.solving.solutions import Expr, Unsolved

Step = Callable[[list[Any]], Any]


def evaluated(expressions: tuple[Expr, ...], symbol: Expr) -> Callable[[float], list[float]]:
    """Expressions in one symbol as a function of it; NaN where there is no real number.

    Raises Unsolved where an expression holds what has no counterpart in floats. SymPy's own printing to code
    rewrites conditions first, which takes very long for those of optimizers.
    """
    places: dict[Expr, int] = {symbol: 0}
    steps: list[Step] = []

    def place(one: Expr) -> int:
        if one not in places:
            operands = [place(part) for pair in one.args for part in _parts(pair)]
            steps.append(_step(one, operands))
            places[one] = len(steps)
        return places[one]

    results = [place(one) for one in expressions]

    def function(x: float) -> list[float]:
        values: list[Any] = [x]
        for step in steps:
            values.append(step(values))
        return [float(values[at]) for at in results]

    return function


def _parts(one: Any) -> tuple[Any, ...]:
    """An operand, or the value and the condition of a case."""
    return tuple(one.args) if isinstance(one, sympy.functions.elementary.piecewise.ExprCondPair) else (one,)


def _step(one: Expr, at: list[int]) -> Step:
    """How a part is computed from the values before it."""
    if not one.args or (one.is_number and not one.has(sympy.Piecewise)):
        worth = bool(one) if one in (sympy.true, sympy.false) else float(one.evalf(20))
        return lambda values: worth
    function = _function(one)

    def step(values: list[Any]) -> Any:
        try:
            return function(*(values[place] for place in at))
        except (ArithmeticError, ValueError):
            return math.nan

    return step


def _function(one: Expr) -> Callable[..., Any]:
    if isinstance(one, Relational):
        return _RELATIONS[one.rel_op]
    found = next((made for kind, made in _KINDS if isinstance(one, kind)), None)
    if found is None:
        raise Unsolved("an equation holds a function that is not evaluated in floats")
    return found


def _power(base: float, exponent: float) -> float:
    found = base**exponent
    return math.nan if isinstance(found, complex) else found


def _sign(x: float) -> float:
    return math.copysign(1.0, x) if x else x


def _piecewise(*parts: Any) -> float:
    for value, condition in zip(parts[::2], parts[1::2], strict=True):
        if condition:
            return float(value)
    return math.nan


_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_KINDS: tuple[tuple[Any, Callable[..., Any]], ...] = (
    (sympy.Add, lambda *parts: math.fsum(parts)),
    (sympy.Mul, lambda *parts: math.prod(parts)),
    (sympy.exp, math.exp),
    (sympy.Pow, _power),
    (sympy.log, math.log),
    (sympy.tanh, math.tanh),
    (sympy.sin, math.sin),
    (sympy.cos, math.cos),
    (sympy.Abs, abs),
    (sympy.sign, _sign),
    (sympy.Max, max),
    (sympy.Min, min),
    (sympy.Piecewise, _piecewise),
    (sympy.And, lambda *parts: all(parts)),
    (sympy.Or, lambda *parts: any(parts)),
    (sympy.Not, lambda part: not part),
    (sympy.ITE, lambda condition, held, failed: held if condition else failed),
)
