"""The declaration of envelopes: a document for one grade, and a table for a class."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from service.schemas.types import Request

Graded: TypeAlias = Mapping[str, Any]  # the body of the response of POST /v1/grade


@dataclass(frozen=True, slots=True)
class Envelope:
    """A platform's document for one grade.

    name: the value of the query parameter `envelope`.
    media_type: the media type of the `Accept` header.
    summary: the platform and the document, in a line.
    render: returns the document, as data for JSON.
    kind: object or array, the type of the document.
    fields: the fields of the request that it alone takes; None for none. The document, an object, begins with
    those that were sent, by their aliases.
    """

    name: str
    media_type: str
    summary: str
    render: Callable[[Graded], Any]
    kind: str = "object"
    fields: type[Request] | None = None


@dataclass(frozen=True, slots=True)
class ClassEnvelope:
    """A platform's CSV table for the grades of a class.

    name: the name of the table.
    media_type: the media type of the file.
    summary: the platform and the table, in a line.
    header: returns the first rows, from the title of the assignment and a grade in it.
    row: returns the row of one student, from the student's id on the platform and the grade.
    """

    name: str
    media_type: str
    summary: str
    header: Callable[[str, Graded], list[Sequence[str]]]
    row: Callable[[str, Graded], Sequence[str]]


# In the place of a grade for a student whose answer could not be graded at all.
UNGRADED: Graded = {"gradable": False, "score": None, "max_score": "", "items": []}


class TableWriter:
    """Writes the CSV text of a class row by row.

    title: the title of the assignment.
    """

    def __init__(self, envelope: ClassEnvelope, title: str) -> None:
        self._envelope, self._title = envelope, title
        self._has_header = False

    def write_header(self, graded: Graded) -> str:
        """Return the first rows, with the possible points of a grade; empty if they were written before."""
        if self._has_header:
            return ""
        self._has_header = True
        return write_rows(self._envelope.header(self._title, graded))

    def write(self, student: str, graded: Graded) -> str:
        """Return the row of a student, after the first rows if it is the first."""
        return self.write_header(graded) + write_rows([self._envelope.row(student, graded)])


def write_table(envelope: ClassEnvelope, title: str, grades: Iterable[tuple[str, Graded]]) -> str:
    """Return the CSV text of a class.

    title: the title of the assignment.
    grades: the id and the grade of each student; all are grades of the same rubric. Raises ValueError if
    there are none.
    """
    writer = TableWriter(envelope, title)
    text = "".join(writer.write(student, graded) for student, graded in grades)
    if not text:
        raise ValueError("expected at least one grade; received none")
    return text


def write_rows(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV text."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
