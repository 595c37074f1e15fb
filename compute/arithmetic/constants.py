"""Evaluate constant expressions to floats or sizes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compute.arithmetic.expressions import NAMED_NUMBERS, Expression, ExpressionError, fold
from compute.dimensions import Polynomial, ShapeError, Size, divide

MAX_EXPONENT = 1_000  # of a dimension name in a size


@dataclass(frozen=True, slots=True)
class FloatConstants:
    """Folds expressions into Python floats; names are dimension sizes, `pi` and `e`."""

    sizes: Mapping[str, Size]

    def number(self, text: str) -> float:
        if not math.isfinite(value := float(text)):
            raise ExpressionError("holds a number too large for float64")
        return value

    def symbol(self, name: str) -> float:
        size = self.sizes.get(name)
        if isinstance(size, int):
            return float(size)
        if name in NAMED_NUMBERS:
            return math.pi if name == "pi" else math.e
        known = sorted({*NAMED_NUMBERS, *self.sizes})
        raise ExpressionError(f"uses a name other than {', '.join(known)}; others need exact arithmetic")

    def apply(self, head: str, operands: list[float]) -> float:
        try:
            return float(_FLOAT_FUNCTIONS[head](*operands))
        except OverflowError:
            raise ExpressionError("is too large for float64") from None
        except (ValueError, ZeroDivisionError):
            raise ExpressionError(
                "has no value: it divides by zero, or takes a root or logarithm it cannot"
            ) from None


_FLOAT_FUNCTIONS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": math.pow,
    "negative": lambda a: -a,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "erf": math.erf,
    "floor": math.floor,
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "max": max,
    "min": min,
    "indicator": float,
    "where": lambda condition, a, b: a if condition else b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": lambda a, b: a == b,
    "unequal": lambda a, b: a != b,
    "and": lambda *conditions: all(conditions),
    "or": lambda *conditions: any(conditions),
    "not": lambda condition: not condition,
}


class Sizes:
    """Folds expressions into sizes, such as `4*d` or `d/2`; every name is a dimension."""

    def number(self, text: str) -> Size:
        if not text.isdecimal():
            raise ExpressionError("holds a number that is no whole number")
        return int(text)

    def symbol(self, name: str) -> Size:
        return Polynomial.symbol(name)

    def apply(self, head: str, operands: list[Size]) -> Size:
        match head, operands:
            case "add", [a, b]:
                return _check_size(a + b)
            case "subtract", [a, b]:
                return _check_size(a - b)
            case "multiply", [a, b]:
                return _check_size(a * b)
            case "divide", [a, b]:
                try:
                    return _check_size(divide(a, b))
                except ShapeError as error:
                    raise ExpressionError(f"is no size: {error}") from None
            case "power", [a, int(exponent)] if 0 <= exponent <= 8:
                power: Size = 1
                for _ in range(exponent):
                    power = _check_size(power * a)
                return power
        raise ExpressionError("is no size: only + - * / and powers up to 8 can be used")


def _check_size(size: Size) -> Size:
    terms = Polynomial.of(size).terms
    digits = any(max(abs(one.numerator), one.denominator) > 10**15 for one in terms.values())
    if len(terms) > 32 or digits:
        raise ExpressionError("is a size of more than 32 terms or 15 digits")
    if any(abs(power) > MAX_EXPONENT for monomial in terms for _, power in monomial):
        raise ExpressionError(f"is a size with an exponent of more than {MAX_EXPONENT}")
    return size


def evaluate(expression: Expression, sizes: Mapping[str, Size] | None = None) -> float:
    """Return the float value of an expression. Raises ExpressionError if it has none or is not finite."""
    value = fold(expression, FloatConstants(sizes or {}))
    if not math.isfinite(value):
        raise ExpressionError("is too large for float64")
    return value
