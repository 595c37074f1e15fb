"""Moodle: the offline grading worksheet of an assignment."""

from collections.abc import Sequence

from service.grading.envelopes.declaration import ClassEnvelope, Graded
from service.grading.envelopes.parts import escape_lines, read_parts, read_total, summarize


def list_columns(_: str, __: Graded) -> list[Sequence[str]]:
    """Return the row of columns. Moodle imports a worksheet into the assignment that it is uploaded to."""
    return [("Identifier", "Grade", "Maximum Grade", "Feedback comments")]


def make_row(student: str, graded: Graded) -> Sequence[str]:
    """Return the row of a student. Moodle shows feedback as HTML, and keeps a grade whose cell is empty.

    student: the identifier of the worksheet, such as "Participant 1234".
    """
    score = "" if read_total(graded) is None else str(graded["score"])
    feedback = escape_lines(summarize(graded, read_parts(graded)))
    return student, score, str(graded["max_score"]), feedback


ENVELOPE = ClassEnvelope(
    name="moodle_csv",
    media_type="text/csv",
    summary="Moodle's offline grading worksheet",
    header=list_columns,
    row=make_row,
)
