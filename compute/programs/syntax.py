"""The pieces of syntax of programs, taken over from the tree of Python's own parser kind by kind."""

import ast
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from compute.budgets.planning import spend
from compute.errors import QuestionError
from compute.programs.descriptions import describe_piece

MAX_DEPTH = 100
MAX_NODES = 20_000
NODE = 0.25  # units for reading a piece and building on it, beside the values that it makes
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
    """A fault at a column of a text, counted from 1."""

    def __init__(self, column: int, message: str, expected: str, received: str) -> None:
        super().__init__(message)
        self.column, self.message, self.expected, self.received = column, message, expected, received

    def at(self, *path: str | int) -> QuestionError:
        """Return the fault as one of the question; the message begins with the line and the column."""
        line = f"line {path[-1] + 1}, " if path[0] == "program" and isinstance(path[-1], int) else ""
        message = f"{line}column {self.column}: {self.message}"
        return QuestionError(path, message, self.expected, self.received)


@dataclass(slots=True)
class Node:
    """One piece of an expression: a number, a name, an operator, a call, an index or a transpose.

    head: `number`, `name`, `negative`, one of the operators, `call`, `index` or `transpose`; text: the number
    or name; operands: pieces it is made of; items: indices and slices; keywords: settings and inputs by name.
    """

    head: str
    column: int
    text: str = ""
    operands: tuple["Node", ...] = ()
    items: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, "Node | Literal"], ...] = ()

    def names(self) -> set[str]:
        """The names that it uses."""
        if self.head == "name":
            return {self.text}
        settings = [one for _, one in self.keywords if isinstance(one, Node)]
        return set().union(*[one.names() for one in (*self.operands, *settings)])


def usable(name: str, column: int) -> str:
    """The name, refused where it is none that can be used."""
    if "__" in name or not NAME.fullmatch(name):
        raise ProgramFault(
            column, "cannot be used as a name", "a letter, then at most 63 letters, digits and single _",
            f"a name of {len(name)} character{'s' * (len(name) != 1)}",
        )  # fmt: skip
    return name


class Reader:
    """Takes trees of Python's parser over, kind by kind, as long as their pieces are not too many in all.

    names: those that the expressions read so far use.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._left = MAX_NODES
        self._usable = set(NAMED_NUMBERS)

    def read(self, tree: ast.expr) -> Node:
        """An expression."""
        left = self._left
        found = self._node(tree, MAX_DEPTH)
        spend(NODE * (left - self._left))
        return found

    def _node(self, node: ast.expr, depth: int) -> Node:
        column = node.col_offset + 1
        self._left -= 1
        if depth == 0 or self._left < 0:
            limit = f"at most {MAX_DEPTH} deep and {MAX_NODES} pieces in all"
            received = f"more than {MAX_NODES} pieces" if depth else f"more than {MAX_DEPTH} deep"
            raise ProgramFault(column, "the program is too large here", limit, received)
        # The commonest kinds come first, and none is asked for twice: a program has thousands of pieces.
        depth -= 1
        if isinstance(node, ast.Name):
            name = node.id
            if name not in self.names and name not in NAMED_NUMBERS:
                self.names.add(self.usable(name, column))
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
                given = self._settings(node.keywords, depth) if node.keywords else ()
                operands = tuple([self._node(one, depth) for one in node.args])
                return Node("call", column, self.usable(node.func.id, column), operands, (), given)
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

    def usable(self, name: str, column: int) -> str:
        """The name, which is looked at once and not wherever it stands."""
        if name not in self._usable:
            self._usable.add(usable(name, column))
        return name

    def _settings(self, given: list[ast.keyword], depth: int) -> tuple[tuple[str, Any], ...]:
        return tuple([(_keyword(one), self._setting(one.value, depth)) for one in given])

    def _setting(self, node: ast.expr, depth: int) -> Any:
        """A keyword's value: a literal where it is one, otherwise an expression."""
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


def _items(chosen: ast.expr) -> tuple[Any, ...]:
    """Indices as numbers, slices as triples."""
    entries = chosen.elts if isinstance(chosen, ast.Tuple) else [chosen]
    return tuple(_triple(one) if isinstance(one, ast.Slice) else _whole(one) for one in entries)


def _triple(one: ast.Slice) -> tuple[int | None, ...]:
    found = tuple(None if part is None else _whole(part) for part in (one.lower, one.upper, one.step))
    if found[2] == 0:
        raise ProgramFault(one.col_offset + 1, "steps by 0", "steps of at least 1, or back", "a step of 0")
    return found


def _whole(node: ast.expr) -> int:
    try:
        value = _literal(node)
    except ProgramFault:
        value = None
    if type(value) is not int or abs(value) >= 2**31:
        raise ProgramFault(
            node.col_offset + 1, "is not an index", "whole numbers and slices of them", describe_piece(node)
        )
    return value


def _keyword(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ProgramFault(keyword.col_offset + 1, "has no name", "name=value", "an argument behind **")
    return usable(keyword.arg, keyword.col_offset + 1)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | bool | str):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=entries) | ast.List(elts=entries) if len(entries) <= 8:
            return tuple(_literal(one) for one in entries)
    raise ProgramFault(
        node.col_offset + 1, "is not a setting", "a number, text, true or false, or a list of them",
        describe_piece(node),
    )  # fmt: skip
