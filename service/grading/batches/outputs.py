"""The forms in which a graded batch is sent: lines of JSON, their summary alone, or a CSV table."""

from typing import Any, NamedTuple, Protocol

import orjson

from service.grading.batches.statistics import Id, Summary
from service.grading.envelopes.declaration import UNGRADED, ClassEnvelope, TableWriter, write_rows
from service.http.problems import Problem
from service.http.streams import MEDIA_TYPE, problem_line

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
    """A form of a batch. Each part is empty if nothing is to be sent."""

    media_type: bytes

    def write(self, graded: Graded) -> bytes:
        """Return the part of one line."""

    def end(self, summary: Summary) -> bytes:
        """Return the last part."""

    def break_off(self, problem: Problem, root_path: str) -> bytes:
        """Return the last part of a batch that cannot go on."""


class JsonLines:
    """Lines of JSON with a summary. shows_grades: whether they come before it."""

    media_type = MEDIA_TYPE

    def __init__(self, *, shows_grades: bool) -> None:
        self._shows_grades = shows_grades

    def write(self, graded: Graded) -> bytes:
        return graded.line if self._shows_grades else b""

    def end(self, summary: Summary) -> bytes:
        return orjson.dumps({"summary": summary.describe()}) + b"\n"

    def break_off(self, problem: Problem, root_path: str) -> bytes:
        return problem_line(problem, root_path)


class Table:
    """A CSV table: a row for each submission, without a grade if it failed. Rubrics give the first rows."""

    media_type = b"text/csv; charset=utf-8"

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
