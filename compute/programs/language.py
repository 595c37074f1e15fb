"""From text to syntax: assignments such as `z = conv1d(x, k) + b`, accepted kind by kind.

Python's own parser gives a tree of a line that has been bounded before; of that tree a short list of kinds of
nodes is taken over. What is wrong is said with line and column.
"""

import ast
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from compute.errors import QuestionError

MAX_LINES = 1000
MAX_LENGTH = 1000
MAX_DEPTH = 100
MAX_BRACKETS = 40
MAX_NODES = 20_000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
KNOWN = r"A-Za-z0-9_ \t+\-*/@.,()\[\]:=\"'#!<>^"
STRANGE = re.compile(f"[^{KNOWN}]")
STRANGE_LINES = re.compile(rf"[^{KNOWN}\n]|['\"]|^[ \t]", re.MULTILINE)
BRACKET = re.compile(r"[()\[\]]")
NAMED_NUMBERS = ("pi",)
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
    """What is wrong with a text, and at which column, counted from 1."""

    def __init__(self, column: int, message: str, expected: str) -> None:
        super().__init__(message)
        self.column, self.message, self.expected = column, message, expected

    def at(self, *path: str | int) -> QuestionError:
        """The fault as one of the question; a caret stands under the column."""
        line = f"line {path[-1] + 1}, " if path[0] == "program" and isinstance(path[-1], int) else ""
        shown = min(self.column - 1, 60)
        caret = ("…" if shown < self.column - 1 else "") + "·" * shown + "^"
        message = f"{line}column {self.column}: {self.message}"
        return QuestionError(path, message, self.expected, f"at the caret {caret}")


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


@dataclass(slots=True)
class Assignment:
    """A line: what is assigned, from which names, and the number of the line, from 0."""

    name: str
    value: Node
    names: set[str]
    line: int
    column: int


def parse_program(lines: tuple[str, ...]) -> list[Assignment]:
    """The assignments of a program. Raises QuestionError for the first line that is none."""
    if len(lines) > MAX_LINES:
        raise QuestionError(("program",), "has too many lines", f"at most {MAX_LINES}", f"{len(lines)} lines")
    reader, found = _Reader(), []
    trees = _trees_at_once(lines)
    for number, line in enumerate(lines):
        try:
            statement = _statement(_tree(line) if trees is None else trees[number], line)
            if statement is not None:
                target = _target(statement)
                value, names = reader.read(statement.value)
                found.append(Assignment(target, value, names, number, 1))
        except ProgramFault as fault:
            raise fault.at("program", number) from None
    if not found:
        raise QuestionError(("program",), "assigns nothing", 'lines such as "y = w * x"', "no assignment")
    return found


def parse_claim(text: str) -> tuple[tuple[Node, Node], set[str]]:
    """The two sides of an equation `a == b`, and the names they use. Raises ProgramFault."""
    match _tree(text):
        case [ast.Expr(value=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))]:
            reader = _Reader()
            (one, names), (other, more) = reader.read(left), reader.read(right)
            return (one, other), names | more
    raise ProgramFault(1, "is no equation", "a claim such as p[0] == 1 - p[1]")


def _trees_at_once(lines: tuple[str, ...]) -> list[list[ast.stmt]] | None:
    """The statements of each line, found in one pass; None where lines have to be looked at one by one.

    What is checked here is less than a line may hold: text, indented lines and many brackets are left to
    the checks that say what is wrong where.
    """
    program = "\n".join(lines)
    plain = STRANGE_LINES.search(program) is None and program.count("\n") == len(lines) - 1
    if not plain or not all(map(_is_simple, lines)):
        return None
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    found: list[list[ast.stmt]] = [[] for _ in lines]
    for statement in body:
        if statement.end_lineno != statement.lineno:
            return None
        found[statement.lineno - 1].append(statement)
    return found


def _is_simple(line: str) -> bool:
    """Whether a line is so short, and has so few brackets, that it is within bounds however they stand."""
    opened = line.count("(") + line.count("[")
    return opened <= MAX_BRACKETS and len(line) <= MAX_LENGTH


def _statement(body: list[ast.stmt], line: str) -> ast.Assign | None:
    match body:
        case []:
            return None
        case [ast.Assign(targets=[ast.Name()]) as statement]:
            return statement
        case [first, *others]:
            column = len(line) - len(line.lstrip()) + (others[0] if others else first).col_offset + 1
            raise ProgramFault(column, "is no assignment", "one assignment, name = expression")
    raise ProgramFault(1, "is no assignment", "one assignment, name = expression")


def _target(statement: ast.Assign) -> str:
    [target] = statement.targets
    assert isinstance(target, ast.Name)
    return _name(target.id, target.col_offset + 1)


def _name(name: str, column: int) -> str:
    if "__" in name or not NAME.fullmatch(name):
        raise ProgramFault(
            column, "is no name that can be used", "a letter, then letters, digits and single _"
        )
    return name


def _tree(text: str) -> list[ast.stmt]:
    """Python's statements of a line, once it is bounded and its brackets match."""
    _check(text)
    try:
        return ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        lead = len(text) - len(text.lstrip())
        column = min(len(text), max(1, lead + (getattr(error, "offset", None) or 1)))
        raise ProgramFault(column, "something is missing or out of place", "name = expression") from None


def _check(text: str) -> None:
    """Refuse a line that is too long, holds strange characters, or whose brackets do not match."""
    if len(text) > MAX_LENGTH:
        raise ProgramFault(MAX_LENGTH, "the line is too long", f"at most {MAX_LENGTH} characters")
    if (odd := STRANGE.search(text)) is not None:
        known = "letters, digits and + - * / @ ** . , ( ) [ ] : ="
        raise ProgramFault(odd.start() + 1, "holds a character that has no meaning here", known)
    _check_brackets(text)


def _check_brackets(text: str) -> None:
    opened: list[tuple[str, int]] = []
    for found in BRACKET.finditer(text.partition("#")[0]):
        character, column = found[0], found.start() + 1
        if character in "([":
            opened.append((character, column))
            if len(opened) > MAX_BRACKETS:
                raise ProgramFault(column, "brackets are nested too deeply", f"at most {MAX_BRACKETS} deep")
        else:
            if not opened or opened[-1][0] + character not in ("()", "[]"):
                raise ProgramFault(column, "this bracket closes nothing", "brackets in pairs")
            opened.pop()
    if opened:
        raise ProgramFault(opened[-1][1], "this bracket is never closed", "brackets in pairs")


class _Reader:
    """Takes trees of Python's parser over, kind by kind, as long as their pieces are not too many in all."""

    def __init__(self) -> None:
        self._left = MAX_NODES
        self._names: set[str] = set()

    def read(self, tree: ast.expr) -> tuple[Node, set[str]]:
        """An expression, and the names it uses."""
        self._names = set()
        return self._node(tree, MAX_DEPTH), self._names

    def _node(self, node: ast.expr, depth: int) -> Node:
        column = node.col_offset + 1
        self._left -= 1
        if depth == 0 or self._left < 0:
            limit = f"at most {MAX_DEPTH} deep and {MAX_NODES} pieces in all"
            raise ProgramFault(column, "the program is too large here", limit)
        # The commonest kinds come first, and none is asked for twice: a program has thousands of pieces.
        depth -= 1
        if isinstance(node, ast.Name):
            name = _name(node.id, column)
            if name not in NAMED_NUMBERS:
                self._names.add(name)
            return Node("name", column, name)
        if isinstance(node, ast.BinOp):
            operator = OPERATORS.get(type(node.op))
            if operator is not None:
                return Node(operator, column, "", (self._node(node.left, depth), self._node(node.right, depth)))
        elif isinstance(node, ast.Constant):
            if type(node.value) in (int, float):
                return Node("number", column, _number(node.value, column))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                given = tuple((_keyword(one), self._setting(one.value, depth)) for one in node.keywords)
                operands = tuple([self._node(one, depth) for one in node.args])
                return Node("call", column, _name(node.func.id, column), operands, keywords=given)
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
            "is none of what an expression is made of",
            "numbers, names, + - * / @ **, calls, [indices] and .T",
        )

    def _setting(self, node: ast.expr, depth: int) -> Any:
        """A keyword's value: a literal where it is one, otherwise an expression."""
        try:
            return _literal(node)
        except ProgramFault:
            return self._node(node, depth)


def _number(value: float, column: int) -> str:
    text = repr(value)
    if len(text) > 40 or text in ("inf", "nan"):
        raise ProgramFault(column, "the number is too long or too large", "a number of at most 40 digits")
    return text


def _items(chosen: ast.expr) -> tuple[Any, ...]:
    """Indices as numbers, slices as triples."""
    entries = chosen.elts if isinstance(chosen, ast.Tuple) else [chosen]
    return tuple(_triple(one) if isinstance(one, ast.Slice) else _whole(one) for one in entries)


def _triple(one: ast.Slice) -> tuple[int | None, ...]:
    found = tuple(None if part is None else _whole(part) for part in (one.lower, one.upper, one.step))
    if found[2] == 0:
        raise ProgramFault(one.col_offset + 1, "steps by 0", "steps of at least 1, or back")
    return found


def _whole(node: ast.expr) -> int:
    try:
        value = _literal(node)
    except ProgramFault:
        value = None
    if type(value) is not int or abs(value) >= 2**31:
        raise ProgramFault(node.col_offset + 1, "is no index", "whole numbers and slices of them")
    return value


def _keyword(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ProgramFault(keyword.col_offset + 1, "has no name", "name=value")
    return _name(keyword.arg, keyword.col_offset + 1)


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float | bool | str):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=entries) | ast.List(elts=entries) if len(entries) <= 8:
            return tuple(_literal(one) for one in entries)
    raise ProgramFault(
        node.col_offset + 1, "is no setting", "a number, text, true or false, or a list of them"
    )
