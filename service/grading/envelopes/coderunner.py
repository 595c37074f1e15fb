"""CodeRunner for Moodle: the outcome of a combinator template grader."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.gradescope import list_notes
from service.grading.envelopes.parts import (
    Part,
    describe_adjustment,
    escape_lines,
    read_adjustment,
    read_parts,
    read_share,
    summarize,
)

COLUMNS = ["Value", "Points", "Of", "Feedback"]


def render(graded: Graded) -> dict[str, Any]:
    """Return the outcome.

    CodeRunner escapes the cells of a table; the fields whose names end in html are HTML, and escaped here.
    Every submission has a fraction, except one that is only shown. So a submission that a person has to look
    at is only shown: CodeRunner books full marks for it until then, and never a zero.
    """
    parts, share = read_parts(graded), read_share(graded)
    document: dict[str, Any]
    if share is None:
        text = escape_lines(summarize(graded, parts))
        document = {"showoutputonly": True, "prologuehtml": f"<p>{text}</p>", "graderstate": "needs_a_person"}
    else:
        document = {"fraction": float(share), "testresults": _list_rows(parts)}
        if read_adjustment(graded, parts):
            document["epiloguehtml"] = f"<p>{escape_lines(describe_adjustment(graded))}</p>"
    if notes := list_notes(graded, parts):
        document["instructorhtml"] = f"<p>{escape_lines(notes)}</p>"
    return document


def _list_rows(parts: list[Part]) -> list[list[Any]]:
    """Return the table: a row for each part, with ticks unless the level of feedback hides one."""
    has_ticks = all(part.is_right is not None for part in parts)
    rows: list[list[Any]] = [["iscorrect", *COLUMNS] if has_ticks else COLUMNS]
    for part in parts:
        row: list[Any] = [part.title, _write(part.points), _write(part.max_points), part.text]
        rows.append([int(bool(part.is_right)), *row] if has_ticks else row)
    return rows


def _write(points: float | None) -> str:
    return "" if points is None else str(points)


ENVELOPE = Envelope(
    name="coderunner",
    media_type="application/vnd.workings.coderunner+json",
    summary="The outcome of a combinator template grader of Moodle's CodeRunner",
    render=render,
)
