"""Split a tensor written as one text, such as `[[1, 2], [3, 4]]` or `[1 2; 3 4]`, into its entries."""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from compute.grading.notation import Notation, UnreadableText, check_length, clean

LONGEST = 200_000  # characters
MAX_RANK = 8
_ARRAY = re.compile(r"^(?:(?:np|numpy|torch)\.)?(?:array|tensor|matrix)\s*\((.*)\)$", re.DOTALL)
_LATEX = re.compile(r"^\\begin\{([bpvB]?)(matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{\1\2\}$", re.DOTALL)
_LATEX_ROW = re.compile(r"\\\\(?:\[[^\]\n]{0,10}\])?")
_OPERATORS = frozenset("+-*/^")
_PIECES = {
    ".": re.compile(r"[\[\]();\n,]|[^\[\]();\n,]+"),
    ",": re.compile(r"[\[\]();\n]|(?:[^\[\]();\n,]|(?<=\d),(?=\d))+|,"),
}
_SEPARATED = re.compile(r"\d(?:\s*;\s*|,?\s+)[-+]?\d", re.ASCII)
_BETWEEN_DIGITS = re.compile(r"\d,\d", re.ASCII)


def is_tensor_text(text: str) -> bool:
    """Return whether text is a tensor rather than a number."""
    start = text[:100].lstrip(" \t\r\n$\ufeff\u200b")
    return (
        start.startswith(("[", "\\begin", "\\left[", "\\left(\\begin"))
        or _ARRAY.match(start + ")") is not None
    )


def split_tensor(text: str, notation: Notation) -> list[Any]:
    """Return nested lists of the entries' texts. Raises UnreadableText."""
    check_length(text, LONGEST)
    text = clean_lines(text)
    latex = _LATEX.match(_unwrapped(text))
    if latex:
        return _split_latex(latex[3])
    array = _ARRAY.match(text)
    return _Splitter(notation).run(array[1].strip() if array else text)


def clean_lines(text: str) -> str:
    """Return cleaned text that keeps the ends of its lines."""
    return "\n".join(map(clean, text.strip().split("\n"))).strip()


def _unwrapped(text: str) -> str:
    """Return LaTeX without the brackets around a matrix."""
    inner = text[1:-1].strip()
    return inner if text[:1] in ("[", "(") and inner.startswith("\\begin") else text


def _split_latex(text: str) -> list[Any]:
    rows = [row.split("&") for row in _LATEX_ROW.split(text)]
    return rows if "".join(rows[-1]).strip() else rows[:-1]


@dataclass(slots=True)
class _List:
    """An open list. rows: those that semicolons have ended.

    is_separated: whether signs and not spaces stand between the entries of the current row.
    after_list: whether the last thing read is a list within this one.
    """

    cells: list[Any] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    has_semicolon: bool = False
    has_comma: bool = False
    is_separated: bool = False
    after_list: bool = False


class _Splitter:
    """Splits text at brackets, commas, semicolons and spaces, with a stack in place of recursion."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation
        self.open: list[_List] = []
        self.round = 0  # round brackets that are open within an entry
        self.result: list[Any] | None = None

    def run(self, text: str) -> list[Any]:
        if self.notation.decimal == ",":
            _check_commas(text)
        for piece in _PIECES[self.notation.decimal].findall(text):
            if self.result is not None:
                if piece.strip():
                    raise UnreadableText("brackets", "goes on after the last bracket of a list")
            elif piece == "[" and not self.round:
                self._open()
            elif not self.open:
                raise UnreadableText("brackets", "is a list that does not begin with a bracket")
            elif piece == "]" and not self.round:
                self._close()
            else:
                self._add(piece)
        if self.result is None:
            raise UnreadableText("brackets", "opens a bracket and does not close it")
        return self.result

    def _open(self) -> None:
        if len(self.open) == MAX_RANK:
            raise UnreadableText("too_many_axes", f"has more than {MAX_RANK} brackets within one another")
        if self.open and "".join(self.open[-1].pending).strip():
            raise UnreadableText("brackets", "holds a list next to a number")
        self.open.append(_List())

    def _add(self, piece: str) -> None:
        current = self.open[-1]
        if piece in "()":
            self.round += 1 if piece == "(" else -1
            if self.round < 0:
                raise UnreadableText("brackets", "closes a bracket that it does not open")
        if piece not in (",", ";") or self.round or piece == ")":
            current.pending.append(piece)
        elif piece == ",":
            current.has_comma = True
            self._finish_separated(current)
        elif self.notation.decimal == "," and not self._has_rows(current):
            self._finish_separated(current)
        else:
            self._finish_row(current)
            current.has_semicolon = True

    def _has_rows(self, current: _List) -> bool:
        """Return whether something other than semicolons separates the entries, so that these end rows."""
        spaced = not current.is_separated and len(_split_at_spaces("".join(current.pending).strip())) > 1
        return bool(current.rows) or current.has_comma or spaced

    def _finish_separated(self, current: _List) -> None:
        """Add the entry that a comma or semicolon ends."""
        text = "".join(current.pending).strip()
        current.pending.clear()
        if text or not current.after_list:
            self._check_neighbour(current)
            current.cells.append(text)
        current.is_separated = True
        current.after_list = False

    def _check_neighbour(self, current: _List) -> None:
        if current.after_list:
            raise UnreadableText("brackets", "holds a list next to a number")

    def _finish_last(self, current: _List) -> None:
        """Add what stands before the end of a row or list."""
        text = "".join(current.pending).strip()
        current.pending.clear()
        if text:
            self._check_neighbour(current)
            current.cells.extend([text] if current.is_separated else _split_at_spaces(text))

    def _finish_row(self, current: _List) -> None:
        self._finish_last(current)
        current.rows.append(current.cells)
        current.cells = []
        current.is_separated = current.after_list = False

    def _close(self) -> None:
        current = self.open.pop()
        self._finish_last(current)
        if current.has_semicolon:
            if current.cells:
                current.rows.append(current.cells)
            lists = all(len(row) == 1 and isinstance(row[0], list) for row in current.rows)
            finished: list[Any] = [row[0] for row in current.rows] if lists else current.rows
        else:
            finished = current.cells
        if self.open:
            self.open[-1].cells.append(finished)
            self.open[-1].after_list = True
        else:
            self.result = finished


def _split_at_spaces(text: str) -> list[str]:
    """Return the entries that spaces separate; `1 - 2` is a single one, and `1 -2` are two.

    Raises UnreadableText if the ends of lines may be those of rows, or some of the spaces may be in an entry.
    """
    if "\n" in text:
        raise UnreadableText("separator", 'has entries on several lines; write ";" between rows, or brackets')
    pieces = text.split()
    joins = {
        before[-1] in _OPERATORS or after[0] in "*/^" or after in ("+", "-")
        for before, after in pairwise(pieces)
    }
    if len(joins) > 1:
        raise UnreadableText("separator", "has spaces both in and between entries; write commas between them")
    return [text] if joins == {True} else pieces


def _check_commas(text: str) -> None:
    """Raise UnreadableText if nothing says whether commas are decimal or between entries."""
    if _BETWEEN_DIGITS.search(text) and not _SEPARATED.search(text):
        raise UnreadableText(
            "comma", 'holds commas that may be decimal or between entries; write ";" between entries'
        )
