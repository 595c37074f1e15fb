"""The syntax tree of expressions in programs, converted from Python's tree by a whitelist of node types."""

import ast
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from compute.budgets.planning import spend
from compute.errors import QuestionError
from compute.programs.descriptions import describe_piece

MAX_DEPTH = 100
MAX_NODES = 20_000
NODE = 0.25  # units for reading and building one node, in addition to its values
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
NAMED_NUMBERS = ("pi",)
ALLOWED = "numbers, names, + - * / @ **, calls, [indices] and .T"
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Pow: "power",
}
Literal: TypeAlias = "int | float | bool | str | tuple[Any, ...]"


class ProgramFault(Exception):
    """An error at a column of a line or claim, counted from 1."""

    def __init__(self, column: int, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.column, self.message, self.expected, self.received = column, message, expected, received

    def at(self, *path: str | int) -> QuestionError:
        """Return it as an error of the question; the message begins with the line and the column."""
        line = f"line {path[-1] + 1}, " if path[0] == "program" and isinstance(path[-1], int) else ""
        message = f"{line}column {self.column}: {self.message}"
        return QuestionError(path, message, self.expected, self.received)


@dataclass(slots=True)
class Node:
    """One node of an expression.

    head: `number`, `name`, `negative`, one of the operators, `call`, `index` or `transpose`.
    column: where it begins, from 1.
    text: the number, the name, or the called name.
    operands: the nodes it applies to.
    items: indices and slices.
    keywords: settings and inputs by name.
    """

    head: str
    column: int
    text: str = ""
    operands: tuple["Node", ...] = ()
    items: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, "Node | Literal"], ...] = ()

    def names(self) -> set[str]:
        """Return the names that it uses."""
        if self.head == "name":
            return {self.text}
        arguments = [value for _, value in self.keywords if isinstance(value, Node)]
        return set().union(*[node.names() for node in (*self.operands, *arguments)])


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
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
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
        if depth == 0 or self._remaining < 0:
            limit = f"at most {MAX_DEPTH} deep and {MAX_NODES} pieces in all"
            received = f"more than {MAX_NODES} pieces" if depth else f"more than {MAX_DEPTH} deep"
            raise ProgramFault(column, "the program is too large here", limit, received)
        # The most common types come first, each tested once: a program has thousands of nodes.
        depth -= 1
        if isinstance(node, ast.Name):
            name = node.id
            if name not in self.names and name not in NAMED_NUMBERS:
                self.names.add(self.check_name(name, column))
            return Node("name", column, name)
        if isinstance(node, ast.BinOp):
            operator = OPERATORS.get(type(node.op))
            if operator is not None:
                return Node(
                    operator, column, "", (self._node(node.left, depth), self._node(node.right, depth))
                )
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, int | float) and not isinstance(node.value, bool):
                return Node("number", column, _number(node.value, column))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                keywords = self._keywords(node.keywords, depth) if node.keywords else ()
                operands = tuple([self._node(argument, depth) for argument in node.args])
                return Node("call", column, self.check_name(node.func.id, column), operands, (), keywords)
        elif isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.USub):
                return Node("negative", column, operands=(self._node(node.operand, depth),))
            if isinstance(node.op, ast.UAdd):
                return self._node(node.operand, depth)
        elif isinstance(node, ast.Attribute):
            if node.attr == "T":
                return Node("transpose", column, operands=(self._node(node.value, depth),))
        elif isinstance(node, ast.Subscript):
            operands = (self._node(node.value, depth),)
            return Node("index", column, operands=operands, items=_items(node.slice))
        raise ProgramFault(
            column,
            f"is not allowed in an expression; allowed are {ALLOWED}",
            ALLOWED,
            describe_piece(node),
        )

    def check_name(self, name: str, column: int) -> str:
        """Return the name, checked at its first use only. Raises ProgramFault."""
        if name not in self._checked_names:
            self._checked_names.add(check_name(name, column))
        return name

    def _keywords(self, keywords: list[ast.keyword], depth: int) -> tuple[tuple[str, Any], ...]:
        return tuple([(_keyword_name(keyword), self._keyword(keyword.value, depth)) for keyword in keywords])

    def _keyword(self, node: ast.expr, depth: int) -> Any:
        """Return a keyword's value: a literal, otherwise an expression."""
        try:
            return _literal(node)
        except ProgramFault:
            return self._node(node, depth)


def _number(value: float, column: int) -> str:
    text = repr(value)
    if len(text) > 40 or text in ("inf", "nan"):
        received = "a number beyond float64" if text == "inf" else f"a number of {len(text)} characters"
        raise ProgramFault(
            column, "the number is too long or too large", "a number of at most 40 digits", received
        )
    return text


def _items(index: ast.expr) -> tuple[Any, ...]:
    """Return indices as numbers, and slices as (start, stop, step)."""
    entries = index.elts if isinstance(index, ast.Tuple) else [index]
    return tuple(_slice(entry) if isinstance(entry, ast.Slice) else _integer(entry) for entry in entries)


def _slice(node: ast.Slice) -> tuple[int | None, ...]:
    bounds = tuple(
        None if bound is None else _integer(bound) for bound in (node.lower, node.upper, node.step)
    )
    if bounds[2] == 0:
        raise ProgramFault(node.col_offset + 1, "steps by 0", "a step other than 0", "a step of 0")
    return bounds


def _integer(node: ast.expr) -> int:
    try:
        value = _literal(node)
    except ProgramFault:
        value = None
    if type(value) is not int or abs(value) >= 2**31:
        raise ProgramFault(
            node.col_offset + 1, "is not an index", "whole numbers and slices of them", describe_piece(node)
        )
    return value


def _keyword_name(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ProgramFault(keyword.col_offset + 1, "has no name", "name=value", "an argument after **")
    return check_name(keyword.arg, keyword.col_offset + 1)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | bool | str):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=entries) | ast.List(elts=entries) if len(entries) <= 8:
            return tuple(_literal(entry) for entry in entries)
    raise ProgramFault(
        node.col_offset + 1, "is not a setting", "a number, text, true or false, or a list of them",
        describe_piece(node),
    )  # fmt: skip
