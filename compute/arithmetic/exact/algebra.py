"""Expressions as exact numbers: what constants, entries and symbols stand for."""

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

MAX_EXPRESSION = 20_000  # operations in one entry that comes
MAX_EXPONENT = 400  # of ten, in one decimal

forget_factors()


class Symbols:
    """The free symbols of one question. All are real; more is assumed only where it is said."""

    def __init__(self, assumptions: Mapping[str, Sequence[str]] | None = None) -> None:
        self.assumptions = assumptions or {}

    def symbol(self, name: str) -> Any:
        """Raises ExpressionError where a name cannot be a symbol's, or assumptions contradict each other."""
        check_symbol(name)
        said = dict.fromkeys(self.assumptions.get(name, ()), True)
        try:
            return sympy.Symbol(name, real=True, **said)
        except sympy.core.facts.InconsistentAssumptions:
            raise ExpressionError("uses a symbol of which no number can be what is assumed") from None

    def fresh(self, name: str, shape: tuple[int, ...]) -> Array:
        """A symbol for each entry of a shape: x1, x2, ... of a vector, x1_1, x1_2, ... of a matrix."""
        found: Array = np.empty(shape, dtype=object)
        for at in np.ndindex(shape):
            found[at] = self.symbol(name + "_".join(str(one + 1) for one in at))
        return found


class Exacts:
    """Expressions folded into exact numbers; names are dimension sizes, `pi`, `e`, and free symbols."""

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
        found = real(_FUNCTIONS[head](*operands))
        if found is sympy.nan or found.is_infinite:
            raise ExpressionError("has no value: it divides by zero, or takes a root or logarithm it cannot")
        if size(found) > MAX_EXPRESSION:
            raise ExpressionError(f"has more than {MAX_EXPRESSION} operations")
        return found


def symbols_in(arrays: Iterable[Array]) -> set[str]:
    """The names of the free symbols in the entries of arrays."""
    entries = (entry for array in arrays if array.dtype == object for entry in array.flat)
    return {str(one) for entry in entries for one in entry.free_symbols}


def rational(text: str) -> Any:
    """The fraction that a decimal stands for: 0.1 is 1/10. Raises ExpressionError for too many digits."""
    # Lengths come first: Python refuses to read an integer of more than 4,300 digits.
    digits, _, exponent = text.lower().partition("e")
    if max(len(digits), len(exponent)) > MAX_DIGITS:
        raise ExpressionError(f"holds a number of more than {MAX_DIGITS} digits")
    power = exponent.lstrip("+-0")
    is_infinite = digits.endswith("inf")  # a number of JSON beyond float64, in a setting
    if is_infinite or len(power) > len(str(MAX_EXPONENT)) or int(power or 0) > MAX_EXPONENT:
        raise ExpressionError(f"holds a number of more than {MAX_EXPONENT} digits")
    return sympy.Rational(text)


def value(expression: Expression, symbols: Symbols, sizes: Mapping[str, Size] | None = None) -> Any:
    """The exact number of an expression. Raises ExpressionError where it has none."""
    return fold(expression, Exacts(symbols, sizes or {}))


def real(found: Any) -> Any:
    """A result, or NaN where it is no real number."""
    if found is sympy.zoo:
        return sympy.nan
    return sympy.nan if found.is_Boolean is False and found.is_extended_real is False else found


def add(*terms: Any) -> Any:
    """The sum; SymPy would leave infinity beside what it does not know to be finite, such as log(x)."""
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
    "erf": sympy.erf,
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
