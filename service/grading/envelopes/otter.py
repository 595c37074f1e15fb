"""Otter: the results that its autograder hands on to Gradescope, with its own rounding."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.gradescope import list_notes
from service.grading.envelopes.parts import NEEDS_A_PERSON, Part, read_parts

DECIMALS = 5  # of points, as Otter rounds


def render(graded: Graded) -> dict[str, Any]:
    """Return the results. A part that cannot be graded is a failed test without points."""
    parts = read_parts(graded)
    document: dict[str, Any] = {"tests": [_test(part) for part in parts]}
    if notes := list_notes(graded, parts):
        document["tests"].append({"name": "For the grader", "visibility": "hidden", "output": notes})
    if graded["gradable"]:
        document["score"] = round(graded["score"], DECIMALS)
    else:
        document["output"] = NEEDS_A_PERSON
    return document | {"stdout_visibility": "hidden"}


def _test(part: Part) -> dict[str, Any]:
    test: dict[str, Any] = {"name": part.title, "visibility": "visible", "output": part.text}
    if part.status is not None:
        test["status"] = part.status
    if part.points is not None:
        test |= {
            "score": round(part.points, DECIMALS),
            "max_score": round(part.max_points, DECIMALS),
        }
    return test


ENVELOPE = Envelope(
    name="otter",
    media_type="application/vnd.workings.otter+json",
    summary="Otter's results, with points rounded to five decimals",
    render=render,
)
