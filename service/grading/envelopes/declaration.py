"""The declaration of envelopes: a document for one grade, and a table for a class."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Graded: TypeAlias = Mapping[str, Any]  # the body of the response of POST /v1/grade


@dataclass(frozen=True, slots=True)
class Envelope:
    """A platform's document for one grade.

    name: the value of the query parameter `envelope`.
    media_type: the media type of the `Accept` header.
    summary: the platform and the document, in a line.
    render: returns the document, as data for JSON.
    kind: object or array, the type of the document.
    """

    name: str
    media_type: str
    summary: str
    render: Callable[[Graded], Any]
    kind: str = "object"


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


def write_table(envelope: ClassEnvelope, title: str, grades: Iterable[tuple[str, Graded]]) -> str:
    """Return the CSV text of a class.

    title: the title of the assignment.
    grades: the id and the grade of each student; all are grades of the same rubric. Raises ValueError if
    there are none.
    """
    listed = list(grades)
    if not listed:
        raise ValueError("expected at least one grade; received none")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(envelope.header(title, listed[0][1]))
    writer.writerows(envelope.row(student, graded) for student, graded in listed)
    return text.getvalue()
