"""Canvas: a file for the import of grades into the gradebook."""

from collections.abc import Sequence

from service.grading.envelopes.declaration import ClassEnvelope, Graded
from service.grading.envelopes.parts import read_parts, read_total, summarize


def list_columns(title: str, graded: Graded) -> list[Sequence[str]]:
    """Return the row of columns and the row of possible points.

    Canvas has no column for comments to students; Notes is the gradebook's own, which only teachers see.
    """
    return [
        ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", title),
        ("    Points Possible", "", "", "", "", "", str(graded["max_score"])),
    ]


def make_row(student: str, graded: Graded) -> Sequence[str]:
    """Return the row of a student, with an empty cell if a person has to look.

    student: the id of the user in Canvas.
    """
    score = "" if read_total(graded) is None else str(graded["score"])
    note = summarize(graded, read_parts(graded)).replace("\n", " | ")
    return "", student, "", "", "", note, score


ENVELOPE = ClassEnvelope(
    name="canvas_csv",
    media_type="text/csv",
    summary="A file for the import into Canvas's gradebook",
    header=list_columns,
    row=make_row,
)
