"""Expressions written as text, such as `2*sqrt(2)`, `1/sqrt(d_k)` or `where(x > 0, x, x/10)`.

Text is never executed: Python's parser makes a syntax tree, a short list of node types is accepted, and the
result is folded over an `Algebra`: floats, exact numbers, sizes, LaTeX. Length and depth are bounded before
anything is computed.
"""

import ast
import re
from dataclasses import dataclass
from keyword import iskeyword
from sys import getsizeof
from typing import Protocol, TypeVar

from compute.budgets.bounded_cache import keeping

MAX_LENGTH = 200
MAX_DEPTH = 40
MAX_DIGITS = 40
CACHE_BYTES = 4 * 2**20  # of parsed expressions
NODE_BYTES = 100  # of one number, symbol or function
# The number of operands of each; max and min take two or more.
FUNCTIONS = {
    "sqrt": 1, "exp": 1, "log": 1, "sin": 1, "cos": 1, "tanh": 1, "asin": 1, "acos": 1, "atan": 1,
    "erf": 1, "abs": 1, "sign": 1, "floor": 1,
    "indicator": 1, "max": 2, "min": 2, "where": 3,
}  # fmt: skip
NAMED_NUMBERS = ("pi", "e")
NO_NUMBERS = ("Infinity", "NaN")  # words for whole entries, which cannot be symbols
MAX_NAME = 40  # characters of a free symbol
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])"
_TOKENS = re.compile(rf"(?:\s|{_NUMBER}|[A-Za-z_]\w*|\*\*|[-+*/^(),]|[<>=!]=|[<>])*", re.ASCII)
_RUNS = re.compile(r"[\d.]+", re.ASCII)
_OPERATORS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
}
_COMPARISONS = {
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Eq: "equal",
    ast.NotEq: "unequal",
}
CONDITIONS = frozenset({*_COMPARISONS.values(), "and", "or", "not"})


class ExpressionError(ValueError):
    """Text that is not a constant expression, or an expression without a value. The message says why."""


class TooDeep(ExpressionError):
    """An expression that is nested too deeply."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A number (its text), a symbol (its name) or a function of expressions."""

    head: str
    operands: tuple["Expression", ...] = ()
    text: str = ""

    def symbols(self) -> set[str]:
        """Return the names of all symbols in the expression."""
        names: set[str] = set()
        pending = [self]
        while pending:
            expression = pending.pop()
            if expression.head == "symbol":
                names.add(expression.text)
            pending.extend(expression.operands)
        return names


def check_symbol(name: str) -> None:
    """Raise ExpressionError if a name cannot be that of a free symbol."""
    if name.startswith("_"):
        raise ExpressionError(
            'uses a name that is no symbol, since it begins with "_": an answer defines such names under'
            ' "common", and only there; with "common": false it gives whole text, which can be sent'
        )
    reserved = name in (*FUNCTIONS, *NAMED_NUMBERS, *NO_NUMBERS) or iskeyword(name)
    if reserved or not _SYMBOL.fullmatch(name) or len(name) > MAX_NAME:
        raise ExpressionError(
            f"uses a name that is no symbol: a letter, then letters, digits and _, {MAX_NAME} at most"
        )


T = TypeVar("T")


class Algebra(Protocol[T]):
    """An interpretation of expressions, for `fold`."""

    def number(self, text: str) -> T: ...
    def symbol(self, name: str) -> T: ...
    def apply(self, head: str, operands: list[T]) -> T: ...


def fold(expression: Expression, algebra: Algebra[T]) -> T:
    """Return the value of an expression in an algebra."""
    if not expression.operands:
        is_number = expression.head == "number"
        return algebra.number(expression.text) if is_number else algebra.symbol(expression.text)
    spine = [expression]  # a long sum is nested to the left, as deep as it is long: no recursion there
    while spine[-1].operands:
        spine.append(spine[-1].operands[0])
    value = fold(spine.pop(), algebra)
    for node in reversed(spine):
        value = algebra.apply(node.head, [value, *(fold(operand, algebra) for operand in node.operands[1:])])
    return value


def number_expression(value: float) -> Expression:
    """Return the expression of a JSON number, with its decimal text."""
    return Expression("number", text=repr(value))


HALF = Expression("divide", (number_expression(1), number_expression(2)))


def expression_bytes(result: object, *keys: object) -> int:
    """Estimate the bytes of the expressions and texts among a cached result and its keys."""
    held = 0
    pending = [item for item in (result, *keys) if isinstance(item, Expression)]
    while pending:
        expression = pending.pop()
        held += NODE_BYTES
        pending.extend(expression.operands)
    return held + sum(getsizeof(key) for key in keys if isinstance(key, str))


@keeping("expressions", CACHE_BYTES, expression_bytes)
def parse(
    text: str, longest: int = MAX_LENGTH, digits: int = MAX_DIGITS, deepest: int = MAX_DEPTH
) -> Expression:
    """Parse an expression of numbers, names, + - * / ** (or ^), and a few functions.

    longest, digits, deepest: the limits on characters, digits of a number and nesting.
    Raises ExpressionError, which says what is wrong without repeating the text.
    """
    if len(text) > longest:
        raise ExpressionError(f"is longer than {longest} characters")
    accepted = _TOKENS.match(text)
    if accepted is None or accepted.end() != len(text):
        raise ExpressionError(f"cannot be read from character {accepted.end() + 1 if accepted else 1} on")
    if not text.strip():
        raise ExpressionError("is empty")
    if any(len(run) > digits for run in _RUNS.findall(text)):
        raise ExpressionError(f"holds a number of more than {digits} digits")
    source = text.strip().replace("^", "**")
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        at = getattr(error, "offset", None)
        where = f" near character {at}" if at else ""
        raise ExpressionError(f"is not a well-formed expression{where}") from None
    expression = _convert(tree.body, deepest, source)
    if expression.head in CONDITIONS:
        raise ExpressionError("is a condition and no number; indicator(...) is 1 where it holds, or else 0")
    return expression


def _convert(node: ast.expr, depth: int, source: str) -> Expression:
    """Return the expression of a syntax tree; a chain of binary operators counts as one level."""
    rest: list[tuple[str, ast.expr]] = []
    while isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        rest.append((_OPERATORS[type(node.op)], node.right))
        node = node.left
    left = _convert_node(node, depth, source)
    for head, right in reversed(rest):
        left = Expression(head, (_number_only(left), _number_only(_convert(right, depth - 1, source))))
    return left


def _convert_node(node: ast.expr, depth: int, source: str) -> Expression:
    if depth == 0:
        raise TooDeep("is nested too deeply")
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ExpressionError("holds something that is not a number")
        case ast.Constant(value=int() | float()):
            # The source text keeps every digit.
            return Expression("number", text=source[node.col_offset : node.end_col_offset])
        case ast.Name(id=name):
            return Expression("symbol", text=name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Expression("negative", (_number_only(_convert(operand, depth - 1, source)),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, depth - 1, source)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _call(name, [_convert(one, depth - 1, source) for one in arguments])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            sides = (_number_only(_convert(one, depth - 1, source)) for one in (left, right))
            return Expression(_COMPARISONS[type(op)], tuple(sides))
        case ast.BoolOp(op=ast.And() | ast.Or() as op, values=values):
            head = "and" if isinstance(op, ast.And) else "or"
            return Expression(head, tuple(_condition(_convert(one, depth - 1, source)) for one in values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Expression("not", (_condition(_convert(operand, depth - 1, source)),))
    raise ExpressionError("uses something other than numbers, + - * / ** and " + ", ".join(FUNCTIONS))


def _call(name: str, operands: list[Expression]) -> Expression:
    wanted = FUNCTIONS[name]
    if len(operands) != wanted and not (name in ("max", "min") and len(operands) > wanted):
        raise ExpressionError(f"calls {name}, which takes {wanted}, with {len(operands)}")
    conditional = name in ("indicator", "where")
    for at, operand in enumerate(operands):
        (_condition if conditional and at == 0 else _number_only)(operand)
    return Expression(name, tuple(operands))


def _condition(expression: Expression) -> Expression:
    if expression.head not in CONDITIONS:
        raise ExpressionError("holds a number where a condition is needed, such as x > 0")
    return expression


def _number_only(expression: Expression) -> Expression:
    if expression.head in CONDITIONS:
        raise ExpressionError("holds a condition where a number is needed")
    return expression
