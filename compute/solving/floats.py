"""Compilation of exact expressions to float functions, with shared subexpressions and cases."""

import math
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.solving.solutions import Expr, Unsolved

Step = Callable[[list[Any]], Any]


def compile_floats(expressions: tuple[Expr, ...], symbol: Expr) -> Callable[[float], list[float]]:
    """Return expressions in one symbol as a function of it; NaN if the result is not a real number.

    Raises Unsolved if an expression has no counterpart in floats. SymPy's own code printer rewrites
    conditions first, which takes very long for those of optimizers.
    """
    slots: dict[Expr, int] = {symbol: 0}
    steps: list[Step] = []

    def slot_of(expression: Expr) -> int:
        if expression not in slots:
            operands = [slot_of(part) for pair in expression.args for part in _parts(pair)]
            steps.append(_step(expression, operands))
            slots[expression] = len(steps)
        return slots[expression]

    results = [slot_of(expression) for expression in expressions]

    def function(x: float) -> list[float]:
        values: list[Any] = [x]
        for step in steps:
            values.append(step(values))
        return [float(values[slot]) for slot in results]

    return function


def _parts(operand: Any) -> tuple[Any, ...]:
    """Return an operand, or the value and condition of a case."""
    return (
        tuple(operand.args)
        if isinstance(operand, sympy.functions.elementary.piecewise.ExprCondPair)
        else (operand,)
    )


def _step(expression: Expr, slots: list[int]) -> Step:
    """Return how an expression is computed from the values before it."""
    if not expression.args or (expression.is_number and not expression.has(sympy.Piecewise)):
        constant = (
            bool(expression) if expression in (sympy.true, sympy.false) else float(expression.evalf(20))
        )
        return lambda values: constant
    function = _function(expression)

    def step(values: list[Any]) -> Any:
        try:
            return function(*(values[slot] for slot in slots))
        except (ArithmeticError, ValueError):
            return math.nan

    return step


def _function(expression: Expr) -> Callable[..., Any]:
    if isinstance(expression, Relational):
        return _RELATIONS[expression.rel_op]
    function = next((function for kind, function in _KINDS if isinstance(expression, kind)), None)
    if function is None:
        raise Unsolved("an equation contains a function that is not supported in floats")
    return function


def _power(base: float, exponent: float) -> float:
    power = base**exponent
    return math.nan if isinstance(power, complex) else power


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
