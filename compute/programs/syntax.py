"""The syntax tree of expressions in programs, converted from Python's tree by a whitelist of node types."""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from compute.budgets.planning import spend
from compute.errors import QuestionError, place_in_program
from compute.programs.descriptions import describe_piece
from compute.programs.functions import find_function

MAX_DEPTH = 100
MAX_NODES = 20_000
NODE = 0.25  # units for reading and building one node, in addition to its values
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
NAMED_NUMBERS = ("pi",)
INFINITY = "inf"
ALLOWED = (
    "numbers, names, + - * / // % @ **, comparisons, & | ~, calls, [indices], lists, .T, .mT, .shape, .ndim"
    " and .size"
)
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Pow: "power",
    ast.Mod: "remainder",
    ast.FloorDiv: "floor_divide",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
BINARY = frozenset((*OPERATORS.values(), *COMPARISONS.values()))
UNARY: dict[type[ast.unaryop], str] = {ast.USub: "negative", ast.Invert: "logical_not"}
ATTRIBUTES = {"T": "reverse_axes", "mT": "transpose", "shape": "shape", "ndim": "ndim", "size": "size"}
NEW_AXIS = "newaxis"
LIBRARIES = frozenset({
    "np", "numpy", "torch", "nn", "F", "jnp", "jax", "tf", "math", "scipy", "special", "keras",
})  # fmt: skip
"""Names before a dot that are left out: `np.exp` is `exp`."""
INSTEAD: dict[type[ast.AST], str] = {
    ast.BitXor: "use ** for powers",
    ast.IfExp: "use where(condition, a, b)",
    ast.BoolOp: "use & and | with brackets around the comparisons",
    ast.Not: "use ~",
}
"""The replacements of syntax that means something else, or nothing, for arrays."""


class ProgramFault(Exception):
    """An error at a column of a line or claim, counted from 1."""

    def __init__(self, column: int, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.column, self.message, self.expected, self.received = column, message, expected, received

    def at(self, *path: str | int) -> QuestionError:
        """Return it as an error of the question; the message begins with the line and the column."""
        message = f"column {self.column}: {self.message}"
        if path[0] == "program" and isinstance(path[-1], int):
            message = place_in_program(path[-1], self.column, self.message)
        return QuestionError(path, message, self.expected, self.received)


@dataclass(slots=True)
class Node:
    """One node of an expression.

    head: `number`, `name`, `literal` (text, a boolean or None), `list`, `call`, `index`, `item` (one of
        several values that a line takes apart), `term` (which is built already), one of the attributes, or an
        operator.
    column: where it begins, from 1.
    text: the number, the name, or the called name.
    operands: the nodes it applies to.
    items: the literal or the term; indices, slices, None for a new axis, and nodes of indices; the place of
        an item and the number of items.
    keywords: settings and inputs by name.
    """

    head: str
    column: int
    text: str = ""
    operands: tuple["Node", ...] = ()
    items: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, "Node"], ...] = ()

    def names(self) -> set[str]:
        """Return the names that it uses."""
        if self.head == "name":
            return {self.text}
        inner = [*self.operands, *(value for _, value in self.keywords)]
        inner += [item for item in self.items if isinstance(item, Node)]
        return set().union(*[node.names() for node in inner])


def check_name(name: str, column: int) -> str:
    """Return the name. Raises ProgramFault if programs cannot use it."""
    if "__" in name or not NAME.fullmatch(name):
        raise ProgramFault(
            column, "cannot be used as a name", "a letter, then at most 63 letters, digits and single _",
            f"a name of {len(name)} character{'s' * (len(name) != 1)}",
        )  # fmt: skip
    return name


class Reader:
    """Converts expressions of Python's tree, up to a total number of nodes.

    names: the names used by the expressions read so far.
    values: the names of values; `F.sum()` is a method of the value if F is one of them, and not of a library.
    takes_inner_names: whether `h.weights` is the name of a value inside the line of `h`.
    """

    def __init__(self, values: Iterable[str] = (), *, takes_inner_names: bool = False) -> None:
        self.names: set[str] = set()
        self.values = {*values}
        self._takes_inner_names = takes_inner_names
        self._remaining = MAX_NODES
        self._checked_names = set(NAMED_NUMBERS)

    def read(self, tree: ast.expr) -> Node:
        """Convert an expression. Raises ProgramFault for syntax that is not allowed."""
        remaining = self._remaining
        node = self._node(tree, MAX_DEPTH)
        spend(NODE * (remaining - self._remaining))
        return node

    def _node(self, node: ast.expr, depth: int) -> Node:
        column = node.col_offset + 1
        self._remaining -= 1
        if not depth or self._remaining < 0:
            limit = f"at most {MAX_DEPTH} deep and {MAX_NODES} pieces in all"
            received = f"more than {MAX_NODES} pieces" if depth else f"more than {MAX_DEPTH} deep"
            raise ProgramFault(column, "the program is too large here", limit, received)
        convert = CONVERT.get(type(node))
        converted = None if convert is None else convert(self, node, column, depth - 1)
        if converted is not None:
            return converted
        found = self._instead(node)
        if isinstance(node, ast.BinOp) and found:
            column = (node.left.end_col_offset or 0) + 2
        message = f"is not allowed in an expression; {found or f'allowed are {ALLOWED}'}"
        raise ProgramFault(column, message, found or ALLOWED, describe_piece(node))

    def _name(self, node: ast.Name, column: int, depth: int) -> Node:  # noqa: ARG002 - as all conversions
        name = node.id
        if not (name in self.names or name in NAMED_NUMBERS or self._is_infinity(name)):
            self.names.add(self.check_name(name, column))
        return Node("name", column, name)

    def _is_infinity(self, name: str) -> bool:
        return name == INFINITY and name not in self.values

    def _binary(self, node: ast.BinOp, column: int, depth: int) -> Node | None:
        operator = OPERATORS.get(type(node.op))
        if operator is None:
            return None
        return Node(operator, column, "", (self._node(node.left, depth), self._node(node.right, depth)))

    def _constant(self, node: ast.Constant, column: int, depth: int) -> Node | None:  # noqa: ARG002 - as all conversions
        if isinstance(node.value, bool | str) or node.value is None:
            return Node("literal", column, items=(node.value,))
        if isinstance(node.value, int | float):
            return Node("number", column, _number(node.value, column))
        return None

    def _call(self, node: ast.Call, column: int, depth: int) -> Node | None:
        keywords = self._keywords(node.keywords, depth) if node.keywords else ()
        if isinstance(node.func, ast.Name):
            operands = tuple([self._node(argument, depth) for argument in node.args])
            return Node("call", column, self._called(node.func.id, column), operands, (), keywords)
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node.args, keywords, depth)
        return None

    def _unary(self, node: ast.UnaryOp, column: int, depth: int) -> Node | None:
        if isinstance(node.op, ast.UAdd):
            return self._node(node.operand, depth)
        head = UNARY.get(type(node.op))
        return None if head is None else Node(head, column, operands=(self._node(node.operand, depth),))

    def _attribute(self, node: ast.Attribute, column: int, depth: int) -> Node | None:
        is_of_library = isinstance(node.value, ast.Name) and node.value.id in LIBRARIES - self.values
        if is_of_library and (node.attr in NAMED_NUMBERS or self._is_infinity(node.attr)):
            return Node("name", column, node.attr)
        head = ATTRIBUTES.get(node.attr)
        if head is not None:
            return Node(head, column, operands=(self._node(node.value, depth),))
        name = self._inner_name(node) if self._takes_inner_names else None
        return None if name is None else Node("name", column, name)

    def _inner_name(self, node: ast.expr) -> str | None:
        """Return `layer[0].weights` as text; None for another expression."""
        if isinstance(node, ast.Name):
            return self.check_name(node.id, node.col_offset + 1)
        inner = self._inner_name(node.value) if isinstance(node, ast.Attribute | ast.Subscript) else None
        if inner is None:
            return None
        if isinstance(node, ast.Attribute):
            return f"{inner}.{self.check_name(node.attr, node.col_offset + 1)}"
        at = node.slice if isinstance(node, ast.Subscript) else None
        return f"{inner}[{at.value}]" if isinstance(at, ast.Constant) and type(at.value) is int else None

    def _subscript(self, node: ast.Subscript, column: int, depth: int) -> Node:
        operands = (self._node(node.value, depth),)
        return Node("index", column, operands=operands, items=self._items(node.slice, depth))

    def _list(self, node: ast.List | ast.Tuple, column: int, depth: int) -> Node:
        return Node("list", column, operands=tuple([self._node(entry, depth) for entry in node.elts]))

    def _instead(self, node: ast.expr) -> str:
        """Return what to write in place of a node; empty if there is nothing else."""
        operator: ast.AST = getattr(node, "op", node)
        return INSTEAD.get(type(node), "") or INSTEAD.get(type(operator), "")

    def _called(self, name: str, column: int) -> str:
        """Return the name of a called function, for one that other libraries use the name here."""
        return find_function(self.check_name(name, column))

    def _method(
        self,
        function: ast.Attribute,
        arguments: list[ast.expr],
        keywords: tuple[tuple[str, Node], ...],
        depth: int,
    ) -> Node:
        """Convert `x.sum(axis=0)` as `sum(x, axis=0)`, and `np.sum(x)` as `sum(x)`."""
        column, root = function.value.col_offset + 1, function.value
        while isinstance(root, ast.Attribute):
            root = root.value
        operands = [self._node(argument, depth) for argument in arguments]
        if not (isinstance(root, ast.Name) and root.id in LIBRARIES - self.values):
            operands.insert(0, self._node(function.value, depth))
        name = self._called(function.attr, column)
        return Node("call", column, name, tuple(operands), (), keywords)

    def _compare(self, node: ast.Compare, column: int, depth: int) -> Node:
        """Convert a comparison; a chain `a < b < c` as `(a < b) & (b < c)`."""
        sides = [self._node(side, depth) for side in (node.left, *node.comparators)]
        pairs = []
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if type(operator) not in COMPARISONS:
                raise ProgramFault(
                    column, "is not a comparison of numbers", "one of < <= == != >= >", describe_piece(node)
                )
            pairs.append(Node(COMPARISONS[type(operator)], column, operands=(left, right)))
        chain = pairs[0]
        for pair in pairs[1:]:
            chain = Node("logical_and", column, operands=(chain, pair))
        return chain

    def _items(self, index: ast.expr, depth: int) -> tuple[Any, ...]:
        """Return indices as numbers, slices as (start, stop, step), None for a new axis, `...`, and nodes."""
        entries = index.elts if isinstance(index, ast.Tuple) else [index]
        return tuple([self._item(entry, depth) for entry in entries])

    def _item(self, entry: ast.expr, depth: int) -> Any:
        if isinstance(entry, ast.Slice):
            return _slice(entry)
        if isinstance(entry, ast.Constant):
            if entry.value is None or entry.value is Ellipsis:
                return entry.value
            return _integer(entry)
        if isinstance(entry, ast.UnaryOp) and isinstance(entry.operand, ast.Constant):
            return _integer(entry)
        return None if self._is_new_axis(entry) else self._node(entry, depth)

    def _is_new_axis(self, entry: ast.expr) -> bool:
        """Return whether an index is `np.newaxis` or `newaxis`, which are None."""
        if isinstance(entry, ast.Attribute) and isinstance(entry.value, ast.Name):
            return entry.attr == NEW_AXIS and entry.value.id in LIBRARIES - self.values
        return isinstance(entry, ast.Name) and entry.id == NEW_AXIS and NEW_AXIS not in self.values

    def check_name(self, name: str, column: int) -> str:
        """Return the name, checked at its first use only. Raises ProgramFault."""
        if name not in self._checked_names:
            self._checked_names.add(check_name(name, column))
        return name

    def _keywords(self, keywords: list[ast.keyword], depth: int) -> tuple[tuple[str, Node], ...]:
        return tuple([(_keyword_name(keyword), self._node(keyword.value, depth)) for keyword in keywords])


CONVERT: dict[type[ast.expr], Callable[..., Node | None]] = {
    ast.Name: Reader._name,
    ast.BinOp: Reader._binary,
    ast.Constant: Reader._constant,
    ast.Call: Reader._call,
    ast.UnaryOp: Reader._unary,
    ast.Attribute: Reader._attribute,
    ast.Subscript: Reader._subscript,
    ast.List: Reader._list,
    ast.Tuple: Reader._list,
    ast.Compare: Reader._compare,
}
"""The conversion of each type of node; None for what is not allowed."""


def _number(value: float, column: int) -> str:
    text = repr(value)
    if len(text) > 40 or text in ("inf", "nan"):
        received = "a number beyond float64" if text == "inf" else f"a number of {len(text)} characters"
        raise ProgramFault(
            column, "the number is too long or too large", "a number of at most 40 digits", received
        )
    return text


def _slice(node: ast.Slice) -> tuple[int | None, ...]:
    bounds = tuple(
        None if bound is None else _integer(bound) for bound in (node.lower, node.upper, node.step)
    )
    if bounds[2] == 0:
        raise ProgramFault(node.col_offset + 1, "steps by 0", "a step other than 0", "a step of 0")
    return bounds


def _integer(node: ast.expr) -> int:
    value = -1 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    number = inner.value if isinstance(inner, ast.Constant) else None
    if type(number) is not int or abs(number) >= 2**31:
        raise ProgramFault(
            node.col_offset + 1, "is not an index", "whole numbers, slices, None, and lists of indices",
            describe_piece(node),
        )  # fmt: skip
    return value * number


def _keyword_name(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ProgramFault(keyword.col_offset + 1, "has no name", "name=value", "an argument after **")
    return check_name(keyword.arg, keyword.col_offset + 1)
