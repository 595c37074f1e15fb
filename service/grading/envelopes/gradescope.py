"""Gradescope: the autograder's results.json."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import (
    NEEDS_A_PERSON,
    Part,
    describe_adjustment,
    read_adjustment,
    read_parts,
)


def render(graded: Graded) -> dict[str, Any]:
    """Return results.json.

    There is no score if a person has to look at a part. The notes for the grader are a test of their own that
    students never see.
    """
    parts = read_parts(graded)
    document: dict[str, Any] = {}
    lines = []
    if graded["gradable"]:
        document["score"] = graded["score"]
        if read_adjustment(graded, parts):
            lines.append(describe_adjustment(graded))
    else:
        lines.append(NEEDS_A_PERSON)
    if lines:
        document["output"] = "\n".join(lines)
    formats = ("output_format", "test_output_format", "test_name_format")
    document |= dict.fromkeys(formats, "text") | {"visibility": "visible", "stdout_visibility": "hidden"}
    document["tests"] = [_test(number, part) for number, part in enumerate(parts, start=1)]
    if notes := list_notes(graded, parts):
        document["tests"].append({"name": "For the grader", "visibility": "hidden", "output": notes})
    return document


def list_notes(graded: Graded, parts: list[Part]) -> str:
    """Return the notes for the grader, a line for each part; empty if the grade has none."""
    items = graded.get("grader", {}).get("items", ())
    return "\n".join(f"{part.title}: {item['note']}" for part, item in zip(parts, items, strict=False))


def _test(number: int, part: Part) -> dict[str, Any]:
    test: dict[str, Any] = {"name": part.title, "number": str(number), "max_score": part.max_points}
    if part.points is not None:
        test["score"] = part.points
    if part.status is not None:
        test["status"] = part.status
    if part.text:
        test["output"] = part.text
    return test | {"visibility": "visible"}


ENVELOPE = Envelope(
    name="gradescope",
    media_type="application/vnd.workings.gradescope+json",
    summary="Gradescope's results.json, with a test for each name",
    render=render,
)
