"""Evaluate expressions to exact numbers and symbols."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact import orders
from compute.arithmetic.exact.bounds import MAX_DIGITS, check_power, size
from compute.arithmetic.exact.cases import indicator, mapped, piecewise
from compute.arithmetic.exact.factoring import forget_factors
from compute.arithmetic.expressions import Expression, ExpressionError, check_symbol, fold
from compute.arithmetic.namespace import Array
from compute.dimensions import Size

MAX_EXPRESSION = 20_000  # operations in one entry of a request
MAX_EXPONENT = 400  # power of ten in a decimal

forget_factors()


class Symbols:
    """The free symbols of one question. All are real; `assumptions` lists further assumptions by name."""

    def __init__(self, assumptions: Mapping[str, Sequence[str]] | None = None) -> None:
        self.assumptions = assumptions or {}

    def symbol(self, name: str) -> Any:
        """Return the symbol of this name.

        Raises ExpressionError if a symbol cannot have this name, or if its assumptions are contradictory.
        """
        check_symbol(name)
        assumed = dict.fromkeys(self.assumptions.get(name, ()), True)
        try:
            return sympy.Symbol(name, real=True, **assumed)
        except sympy.core.facts.InconsistentAssumptions:
            raise ExpressionError("uses a symbol of which no number can be what is assumed") from None

    def fresh(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a symbol for each entry of a shape: x1, x2, ... for a vector, x1_1, ... for a matrix."""
        symbols: Array = np.empty(shape, dtype=object)
        for at in np.ndindex(shape):
            symbols[at] = self.symbol(name + "_".join(str(index + 1) for index in at))
        return symbols


class Exacts:
    """Folds expressions into exact numbers; names are dimension sizes, `pi`, `e`, and free symbols."""

    def __init__(self, symbols: Symbols, sizes: Mapping[str, Size]) -> None:
        self.symbols, self.sizes = symbols, sizes

    def number(self, text: str) -> Any:
        return rational(text)

    def symbol(self, name: str) -> Any:
        worth = self.sizes.get(name)
        if isinstance(worth, int):
            return sympy.Integer(worth)
        if name in ("pi", "e"):
            return sympy.pi if name == "pi" else sympy.E
        return self.symbols.symbol(name)

    def apply(self, head: str, operands: list[Any]) -> Any:
        if head == "power":
            check_power(*operands)
        result = real(_FUNCTIONS[head](*operands))
        if result is sympy.nan or result.is_infinite:
            raise ExpressionError("has no value: it divides by zero, or takes a root or logarithm it cannot")
        if size(result) > MAX_EXPRESSION:
            raise ExpressionError(f"has more than {MAX_EXPRESSION} operations")
        return result


def symbols_in(arrays: Iterable[Array]) -> set[str]:
    """Return the names of the free symbols in the entries of arrays."""
    entries = (entry for array in arrays if array.dtype == object for entry in array.flat)
    return {str(symbol) for entry in entries for symbol in entry.free_symbols}


def rational(text: str) -> Any:
    """Return the fraction that a decimal means: 0.1 is 1/10. Raises ExpressionError for too many digits."""
    # Lengths are checked first: Python refuses to parse an integer of more than 4,300 digits.
    digits, _, exponent = text.lower().partition("e")
    if max(len(digits), len(exponent)) > MAX_DIGITS:
        raise ExpressionError(f"holds a number of more than {MAX_DIGITS} digits")
    power = exponent.lstrip("+-0")
    is_infinite = digits.endswith("inf")  # a JSON number beyond float64, in a setting
    if is_infinite or len(power) > len(str(MAX_EXPONENT)) or int(power or 0) > MAX_EXPONENT:
        raise ExpressionError(f"holds a number of more than {MAX_EXPONENT} digits")
    return sympy.Rational(text)


def value(expression: Expression, symbols: Symbols, sizes: Mapping[str, Size] | None = None) -> Any:
    """Return the exact number of an expression. Raises ExpressionError if it has none."""
    return fold(expression, Exacts(symbols, sizes or {}))


def real(result: Any) -> Any:
    """Return a result, or NaN if it is not a real number."""
    if result is sympy.zoo:
        return sympy.nan
    return sympy.nan if result.is_Boolean is False and result.is_extended_real is False else result


def add(*terms: Any) -> Any:
    """Return the sum. SymPy would not absorb terms that it does not know to be finite into infinity."""
    infinite = {one for one in terms if orders.is_infinite(one)}
    if infinite:
        return sympy.nan if sympy.nan in terms or len(infinite) > 1 else infinite.pop()
    return terms[0] + terms[1] if len(terms) == 2 else sympy.Add(*terms)


def sqrt(a: Any) -> Any:
    if isinstance(a, sympy.Piecewise):
        return mapped(a, sqrt)
    return sympy.nan if orders.sign(a, sympy.S.Zero) == -1 else sympy.sqrt(a)


def log(a: Any) -> Any:
    if isinstance(a, sympy.Piecewise):
        return mapped(a, log)
    sign = orders.sign(a, sympy.S.Zero)
    if sign == 0:
        return -sympy.oo
    return sympy.nan if sign == -1 else sympy.log(a)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: sympy.nan if b.is_zero else a / b,
    "power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "sqrt": sqrt,
    "exp": sympy.exp,
    "log": log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tanh": sympy.tanh,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "erf": sympy.erf,
    "floor": sympy.floor,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "max": sympy.Max,
    "min": sympy.Min,
    "indicator": indicator,
    "where": piecewise,
    "greater": orders.greater,
    "greater_equal": orders.greater_equal,
    "less": lambda a, b: orders.greater(b, a),
    "less_equal": lambda a, b: orders.greater_equal(b, a),
    "equal": orders.equal,
    "unequal": lambda a, b: sympy.Not(orders.equal(a, b)),
    "and": sympy.And,
    "or": sympy.Or,
    "not": sympy.Not,
}
