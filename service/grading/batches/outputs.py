"""The forms in which a graded batch is sent: lines of JSON, their summary alone or as a document, or CSV."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import orjson

from service.grading.batches.statistics import Id, Summary
from service.grading.envelopes.declaration import UNGRADED, ClassEnvelope, TableWriter, write_rows
from service.http.problems import Problem
from service.http.streams import HEADERS, problem_line

TITLE = "Workings"  # of the column of grades


class Graded(NamedTuple):
    """One line of a batch.

    line: its output as JSON; id: that of the submission. answer: the grade; failed: whether there is none.
    """

    line: bytes
    id: Id | None
    answer: dict[str, Any] | None
    failed: bool


class Output(Protocol):
    """A form of a batch. Each part is empty if nothing is to be sent. headers: those of the response."""

    headers: Mapping[str, str]

    def write(self, graded: Graded) -> bytes:
        """Return the part of one line."""

    def end(self, summary: Summary) -> bytes:
        """Return the last part."""

    def break_off(self, problem: Problem, root_path: str) -> bytes:
        """Return the last part of a batch that cannot go on."""


class JsonLines:
    """Lines of JSON with a summary. shows_grades: whether they come before it."""

    headers = HEADERS

    def __init__(self, *, shows_grades: bool) -> None:
        self._shows_grades = shows_grades

    def write(self, graded: Graded) -> bytes:
        return graded.line if self._shows_grades else b""

    def end(self, summary: Summary) -> bytes:
        return orjson.dumps({"summary": summary.describe()}) + b"\n"

    def break_off(self, problem: Problem, root_path: str) -> bytes:
        return problem_line(problem, root_path)


class Document:
    """A document of the summary, sent as a whole. write: returns it as text."""

    def __init__(self, headers: Mapping[str, str], write: Callable[[dict[str, Any]], str]) -> None:
        self.headers = headers
        self._write = write

    def write(self, graded: Graded) -> bytes:  # noqa: ARG002 - every form has it
        return b""

    def end(self, summary: Summary) -> bytes:
        return self._write(summary.describe()).encode()

    def break_off(self, problem: Problem, root_path: str) -> bytes:  # noqa: ARG002 - every form has it
        return b""  # never sent: the document is the first and last part


class Table:
    """A CSV table: a row for each submission, without a grade if it failed. Rubrics give the first rows."""

    headers: Mapping[str, str] = MappingProxyType({"content-type": "text/csv; charset=utf-8"})

    def __init__(self, envelope: ClassEnvelope) -> None:
        self._writer = TableWriter(envelope, TITLE)

    def write(self, graded: Graded) -> bytes:
        student = "" if graded.id is None else str(graded.id)
        if graded.failed or graded.answer is None:
            return self._writer.write(student, UNGRADED).encode()
        if graded.id is None:
            return self._writer.write_header(graded.answer).encode()
        return self._writer.write(student, graded.answer).encode()

    def end(self, summary: Summary) -> bytes:  # noqa: ARG002 - every form has it
        return self._writer.write_header(UNGRADED).encode()

    def break_off(self, problem: Problem, root_path: str) -> bytes:  # noqa: ARG002 - every form has it
        # A row of one cell, which is no student's.
        return write_rows([[f"The table is not complete: {problem.detail}"]]).encode()
