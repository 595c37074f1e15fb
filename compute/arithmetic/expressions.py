"""Constant expressions written as text, such as `2*sqrt(2)` or `1/sqrt(d_k)`.

Text is never executed: Python's own parser gives a syntax tree, of which a short list of node kinds
is accepted, and the result is folded over an `Algebra`: floats, sizes, LaTeX. Exact numbers are one
more algebra. Length and depth are bounded before anything is computed.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from compute.dimensions import Polynomial, ShapeError, Size, divide

MAX_LENGTH = 200
MAX_DEPTH = 40
MAX_DIGITS = 40
FUNCTIONS = ("sqrt", "exp", "log", "sin", "cos", "tanh", "abs")
NAMED_NUMBERS = ("pi", "e")

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])"
_TOKENS = re.compile(rf"(?:\s|{_NUMBER}|[A-Za-z_]\w*|\*\*|[-+*/^(),])*", re.ASCII)
_OPERATORS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
}


class ExpressionError(ValueError):
    """Text that is no constant expression, or one without a value; the message says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A number (its text), a symbol (its name) or a function of expressions."""

    head: str
    operands: tuple["Expression", ...] = ()
    text: str = ""

    def symbols(self) -> set[str]:
        if self.head == "symbol":
            return {self.text}
        return set().union(*(operand.symbols() for operand in self.operands))


T = TypeVar("T")


class Algebra(Protocol[T]):
    """What an expression can be folded into."""

    def number(self, text: str) -> T: ...
    def symbol(self, name: str) -> T: ...
    def apply(self, head: str, operands: list[T]) -> T: ...


def fold(expression: Expression, algebra: Algebra[T]) -> T:
    """The value of an expression in an algebra."""
    if expression.head == "number":
        return algebra.number(expression.text)
    if expression.head == "symbol":
        return algebra.symbol(expression.text)
    return algebra.apply(expression.head, [fold(one, algebra) for one in expression.operands])


def number(value: float) -> Expression:
    """The expression of a JSON number, keeping its decimal text."""
    return Expression("number", text=repr(value))


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Read a constant expression: numbers, names, + - * / ** (or ^), and a few functions.

    Raises ExpressionError, which says what is wrong without repeating the text.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is longer than {MAX_LENGTH} characters")
    accepted = _TOKENS.match(text)
    if accepted is None or accepted.end() != len(text):
        raise ExpressionError(f"cannot be read from character {accepted.end() + 1 if accepted else 1} on")
    if not text.strip():
        raise ExpressionError("is empty")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        at = getattr(error, "offset", None)
        where = f" near character {at}" if at else ""
        raise ExpressionError(f"is not a well-formed expression{where}") from None
    return _convert(tree.body, MAX_DEPTH)


def _convert(node: ast.expr, depth: int) -> Expression:
    if depth == 0:
        raise ExpressionError(f"is nested more than {MAX_DEPTH} deep")
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ExpressionError("holds something that is not a number")
        case ast.Constant(value=int() | float() as value):
            text = repr(value)
            if len(text) > MAX_DIGITS:
                raise ExpressionError(f"holds a number of more than {MAX_DIGITS} digits")
            if not math.isfinite(value):
                raise ExpressionError("holds a number too large for float64")
            return Expression("number", text=text)
        case ast.Name(id=name):
            return Expression("symbol", text=name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Expression("negative", (_convert(operand, depth - 1),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, depth - 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            operands = (_convert(left, depth - 1), _convert(right, depth - 1))
            return Expression(_OPERATORS[type(op)], operands)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return Expression(name, (_convert(argument, depth - 1),))
    raise ExpressionError("uses something other than numbers, + - * / ** and " + ", ".join(FUNCTIONS))


@dataclass(frozen=True, slots=True)
class Floats:
    """Expressions as Python floats; names are dimension sizes, `pi` and `e`."""

    sizes: Mapping[str, Size]

    def number(self, text: str) -> float:
        return float(text)

    def symbol(self, name: str) -> float:
        size = self.sizes.get(name)
        if isinstance(size, int):
            return float(size)
        if name in NAMED_NUMBERS:
            return math.pi if name == "pi" else math.e
        known = sorted({*NAMED_NUMBERS, *self.sizes})
        raise ExpressionError("uses a name other than " + ", ".join(known))

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
    "abs": abs,
}


class Sizes:
    """Expressions as sizes, such as `4*d` or `d/2`; every name is a dimension."""

    def number(self, text: str) -> Size:
        if not text.isdecimal():
            raise ExpressionError("holds a number that is no whole number")
        return int(text)

    def symbol(self, name: str) -> Size:
        return Polynomial.symbol(name)

    def apply(self, head: str, operands: list[Size]) -> Size:
        match head, operands:
            case "add", [a, b]:
                return _bounded(a + b)
            case "subtract", [a, b]:
                return _bounded(a - b)
            case "multiply", [a, b]:
                return _bounded(a * b)
            case "divide", [a, b]:
                try:
                    return divide(a, b)
                except ShapeError as error:
                    raise ExpressionError(f"is no size: {error}") from None
            case "power", [a, int(exponent)] if 0 <= exponent <= 8:
                power: Size = 1
                for _ in range(exponent):
                    power = _bounded(power * a)
                return power
        raise ExpressionError("is no size: only + - * / and powers up to 8 can be used")


def _bounded(size: Size) -> Size:
    terms = Polynomial.of(size).terms
    if len(terms) > 32 or any(abs(number) > 10**15 for number in terms.values()):
        raise ExpressionError("is a size of more than 32 terms or 15 digits")
    return size


def evaluate(expression: Expression, sizes: Mapping[str, Size] | None = None) -> float:
    """The float value of an expression; raises ExpressionError where it has none or is not finite."""
    value = fold(expression, Floats(sizes or {}))
    if not math.isfinite(value):
        raise ExpressionError("is too large for float64")
    return value
