"""From text to syntax: assignments such as `z = conv1d(x, k) + b`, accepted kind by kind.

Python's own parser gives a tree of a line that has been bounded before; of that tree a short list of kinds of
nodes is taken over. What is wrong is said with line and column.
"""

import ast
import re
from dataclasses import dataclass
from itertools import repeat

from compute.errors import QuestionError
from compute.programs.descriptions import describe_character, describe_piece
from compute.programs.syntax import Node, ProgramFault, Reader

MAX_LINES = 1000
MAX_LENGTH = 1000
MAX_BRACKETS = 40
KNOWN = r"A-Za-z0-9_ \t+\-*/@.,()\[\]:=\"'#!<>^"
STRANGE = re.compile(f"[^{KNOWN}]")
STRANGE_LINES = re.compile(rf"[^{KNOWN}\n]|['\"]|^[ \t]", re.MULTILINE)
BRACKET = re.compile(r"[()\[\]]")


@dataclass(slots=True)
class Assignment:
    """A line: what is assigned, and the number of the line, from 0."""

    name: str
    value: Node
    line: int
    column: int


def parse_program(lines: tuple[str, ...]) -> tuple[list[Assignment], set[str]]:
    """The assignments of a program, and the names they use.

    Raises QuestionError for the first line that is none.
    """
    if len(lines) > MAX_LINES:
        raise QuestionError(("program",), "has too many lines", f"at most {MAX_LINES}", f"{len(lines)} lines")
    reader, found = Reader(), []
    trees = _trees_at_once(lines)
    for number, line in enumerate(lines):
        try:
            assigned = _assigned(_tree(line) if trees is None else trees[number], line)
            if assigned is not None:
                target, value = assigned
                name = reader.usable(target.id, target.col_offset + 1)
                found.append(Assignment(name, reader.read(value), number, 1))
        except ProgramFault as fault:
            raise fault.at("program", number) from None
    if not found:
        raise QuestionError(("program",), "assigns nothing", 'lines such as "y = w * x"', "no assignment")
    return found, reader.names


def parse_claim(text: str) -> tuple[tuple[Node, Node], set[str]]:
    """The two sides of an equation `a == b`, and the names they use. Raises ProgramFault."""
    match _tree(text):
        case [ast.Expr(value=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))]:
            reader = Reader()
            return (reader.read(left), reader.read(right)), reader.names
    raise ProgramFault(
        1, "is not an equation", "a claim such as p[0] == 1 - p[1]", "text without one == between two sides"
    )


def _trees_at_once(lines: tuple[str, ...]) -> list[list[ast.stmt]] | None:
    """The statements of each line, found in one pass; None where lines have to be looked at one by one.

    What is checked here is less than a line may hold: text, indented lines and many brackets are left to
    the checks that say what is wrong where.
    """
    program = "\n".join(lines)
    plain = STRANGE_LINES.search(program) is None and program.count("\n") == len(lines) - 1
    if not plain or max(map(len, lines)) > MAX_LENGTH or _most(lines, "(") + _most(lines, "[") > MAX_BRACKETS:
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


def _most(lines: tuple[str, ...], bracket: str) -> int:
    """How many such brackets a line has at most; so many can be nested at most."""
    return max(map(str.count, lines, repeat(bracket)))


def _assigned(body: list[ast.stmt], line: str) -> tuple[ast.Name, ast.expr] | None:
    """The name that a line assigns, and the expression; None where it assigns nothing."""
    if not body:
        return None
    statement = body[0]
    if len(body) == 1 and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return target, statement.value
    column = len(line) - len(line.lstrip()) + body[:2][-1].col_offset + 1
    received = "more than one statement" if len(body) > 1 else describe_piece(statement)
    raise ProgramFault(column, "is not an assignment", "one assignment, name = expression", received)


def _tree(text: str) -> list[ast.stmt]:
    """Python's statements of a line, once it is bounded and its brackets match."""
    _check(text)
    try:
        return ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        lead = len(text) - len(text.lstrip())
        found = max(1, lead + (getattr(error, "offset", None) or 1))
        column = min(len(text), found)
        raise ProgramFault(
            column, "something is missing or out of place", "name = expression",
            describe_character(text, found),
        ) from None  # fmt: skip


def _check(text: str) -> None:
    """Refuse a line that is too long, holds strange characters, or whose brackets do not match."""
    if len(text) > MAX_LENGTH:
        raise ProgramFault(
            MAX_LENGTH, "the line is too long", f"at most {MAX_LENGTH} characters", f"{len(text)} characters"
        )
    if (odd := STRANGE.search(text)) is not None:
        known = "letters, digits and + - * / @ ** . , ( ) [ ] : ="
        column = odd.start() + 1
        message = f"this character is not allowed in an expression; allowed are {known}"
        raise ProgramFault(column, message, known, describe_character(text, column))
    _check_brackets(text)


def _check_brackets(text: str) -> None:
    opened: list[tuple[str, int]] = []
    for found in BRACKET.finditer(text.partition("#")[0]):
        character, column = found[0], found.start() + 1
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
