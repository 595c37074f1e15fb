"""Parses programs: lines such as `z = conv1d(x, k) + b`, by a whitelist of syntax.

Python's parser reads lines whose length and nesting have been checked before; of its tree only a short list
of node types is accepted. Errors name the line and the column.
"""

import ast
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

from compute.errors import QuestionError
from compute.programs.descriptions import describe_character, describe_piece
from compute.programs.syntax import Node, ProgramFault, Reader

MAX_LINES = 1000
MAX_LENGTH = 1000
MAX_BRACKETS = 40
KNOWN = r"A-Za-z0-9_ \t+\-*/@%&|~.,()\[\]:=\"'#!<>^"
UNKNOWN = re.compile(f"[^{KNOWN}]")
SLOW_LINES = re.compile(rf"[^{KNOWN}\n]|['\"]|^[ \t]", re.MULTILINE)
BRACKET = re.compile(r"[()\[\]]")
INNER_NAME = re.compile(r"\b[A-Za-z]\w*(?:\[\d+\])?(?:\.[A-Za-z]\w*(?:\[\d+\])?)+", re.ASCII)
SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@dataclass(slots=True)
class Assignment:
    """One line that assigns an expression to a name. Lines count from 0, columns from 1."""

    name: str
    value: Node
    line: int
    column: int


def parse_program(lines: tuple[str, ...], values: Iterable[str] = ()) -> tuple[list[Assignment], set[str]]:
    """Return the assignments of a program, and the names that they use.

    values: the names that have a value before the first line.

    Raises QuestionError for the first line that is not an assignment, or if there is no assignment.
    """
    if len(lines) > MAX_LINES:
        raise QuestionError(("program",), "has too many lines", f"at most {MAX_LINES}", f"{len(lines)} lines")
    reader, assignments = Reader(values), []
    trees = _parse_together(lines)
    for number, line in enumerate(lines):
        try:
            body = _parse_line(line) if trees is None else trees[number]
            if not body:
                continue
            targets, tree = _parse_assignment(body, line)
            for target in targets:
                reader.check_name(target.id, target.col_offset + 1)
            value = reader.read(tree)
            if len(targets) == 1:
                assignments.append(Assignment(targets[0].id, value, number, 1))
            else:
                assignments += _take_apart([target.id for target in targets], value, number)
            for target in targets:
                reader.values.add(target.id)
        except ProgramFault as fault:
            raise fault.at("program", number) from None
    if not assignments:
        raise QuestionError(("program",), "assigns nothing", 'lines such as "y = w * x"', "no assignment")
    return assignments, reader.names


def _take_apart(names: list[str], value: Node, line: int) -> list[Assignment]:
    """Return the assignments of a line that assigns several values to as many names."""
    if len(set(names)) < len(names):
        raise ProgramFault(1, "assigns a name twice", "a name of its own for each value", "a repeated name")
    items = [
        Node("item", value.column, operands=(value,), items=(at, len(names))) for at in range(len(names))
    ]
    return [Assignment(name, item, line, 1) for name, item in zip(names, items, strict=True)]


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """A comparison or a chain of them: `0 < a <= b`.

    signs, texts: of each comparison; it stands between two neighbouring sides.
    names: the names that the sides use, without those of inner values.
    """

    sides: list[Node]
    signs: list[str]
    texts: list[str]
    names: set[str]


def parse_claim(text: str, values: Iterable[str]) -> ParsedClaim:
    """Return the sides of a claim and the signs between them. Raises ProgramFault.

    values: the names that have a value.
    """
    body = _parse_line(text)
    if len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Compare):
        claim = body[0].value
        if all(type(sign) in SIGNS for sign in claim.ops):
            reader = Reader(values, takes_inner_names=True)
            trees = [claim.left, *claim.comparators]
            stripped = text.strip()
            texts = [
                stripped[first.col_offset : last.end_col_offset] for first, last in itertools.pairwise(trees)
            ]
            signs = [SIGNS[type(sign)] for sign in claim.ops]
            return ParsedClaim([reader.read(tree) for tree in trees], signs, texts, reader.names)
    received = "text without a comparison of two sides"
    if body and isinstance(body[0], ast.Assign):
        received = "an assignment: a claim is written with =="
    elif body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.BinOp | ast.BoolOp):
        received = f"{received}; several claims are items of their own"
    expected = "a claim such as p[0] == 1 - p[1] or 0 < p <= 1"
    raise ProgramFault(1, "is not a comparison", expected, received)


def inner_names(claim: str) -> list[str]:
    """Return the names of inner values that a claim mentions: `h.weights`."""
    return INNER_NAME.findall(claim[:MAX_LENGTH])


def _parse_together(lines: tuple[str, ...]) -> list[list[ast.stmt]] | None:
    """Parse all lines in one pass; return the statements of each line, or None to parse line by line.

    This fast path is stricter than the language: quotes, indented lines and many brackets are left to the
    checks of single lines, which also report errors.
    """
    program = "\n".join(lines)
    plain = SLOW_LINES.search(program) is None and program.count("\n") == len(lines) - 1
    if not plain or max(map(len, lines)) > MAX_LENGTH or _most(lines, "(") + _most(lines, "[") > MAX_BRACKETS:
        return None
    try:
        body = ast.parse(program).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    statements: list[list[ast.stmt]] = [[] for _ in lines]
    for statement in body:
        if statement.end_lineno != statement.lineno:
            return None
        statements[statement.lineno - 1].append(statement)
    return statements


def _most(lines: tuple[str, ...], bracket: str) -> int:
    """Return the largest number of such brackets in a line, a bound on their nesting."""
    return max(map(str.count, lines, repeat(bracket)))


def _parse_assignment(body: list[ast.stmt], line: str) -> tuple[list[ast.Name], ast.expr]:
    """Return the names that a line assigns, and the expression."""
    statement = body[0]
    if len(body) == 1 and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return [target], statement.value
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [one for one in targets if isinstance(one, ast.Name)]
        if names and len(names) == len(targets):
            return names, statement.value
    column = len(line) - len(line.lstrip()) + body[:2][-1].col_offset + 1
    received = "more than one statement" if len(body) > 1 else describe_piece(statement)
    raise ProgramFault(column, "is not an assignment", "one assignment, name = expression", received)


def _parse_line(text: str) -> list[ast.stmt]:
    """Return Python's statements of a line, after checking its length, characters and brackets."""
    _check_line(text)
    try:
        return ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        lead = len(text) - len(text.lstrip())
        position = max(1, lead + (getattr(error, "offset", None) or 1))
        column = min(len(text), position)
        raise ProgramFault(
            column, "something is missing or out of place", "name = expression",
            describe_character(text, position),
        ) from None  # fmt: skip


def _check_line(text: str) -> None:
    """Raise ProgramFault if a line is too long, holds other characters, or its brackets do not match."""
    if len(text) > MAX_LENGTH:
        raise ProgramFault(
            MAX_LENGTH, "the line is too long", f"at most {MAX_LENGTH} characters", f"{len(text)} characters"
        )
    if (unknown := UNKNOWN.search(text)) is not None:
        known = "letters, digits and + - * / @ ** % & | ~ < > . , ( ) [ ] : ="
        column = unknown.start() + 1
        message = f"this character is not allowed in an expression; allowed are {known}"
        raise ProgramFault(column, message, known, describe_character(text, column))
    _check_brackets(text)


def _check_brackets(text: str) -> None:
    opened: list[tuple[str, int]] = []
    for match in BRACKET.finditer(text.partition("#")[0]):
        character, column = match[0], match.start() + 1
        if character in "([":
            opened.append((character, column))
            if len(opened) > MAX_BRACKETS:
                raise ProgramFault(
                    column, "brackets are nested too deeply", f"at most {MAX_BRACKETS} deep",
                    f"{len(opened)} deep",
                )  # fmt: skip
        else:
            if not opened or opened[-1][0] + character not in ("()", "[]"):
                before = f"{character} after {opened[-1][0]}" if opened else f"{character} with none open"
                raise ProgramFault(column, "this bracket closes nothing", "brackets in pairs", before)
            opened.pop()
    if opened:
        character, column = opened[-1]
        raise ProgramFault(
            column, "this bracket is never closed", "brackets in pairs", f"{character} without its pair"
        )
