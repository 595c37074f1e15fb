"""PrairieLearn: the results.json of an external grader."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import (
    NEEDS_A_PERSON,
    Part,
    describe_adjustment,
    escape_lines,
    read_adjustment,
    read_parts,
    read_share,
)


def render(graded: Graded) -> dict[str, Any]:
    """Return the results. PrairieLearn shows texts as HTML.

    If a test lacks points, PrairieLearn ignores those of all tests, so all have points or none has.
    """
    parts = read_parts(graded)
    share = read_share(graded)
    has_points = all(part.score is not None for part in parts)
    tests = [_test(part, has_points=has_points) for part in parts]
    if share is None:
        faults = [escape_lines(part.message(" ")) for part in parts if part.score is None]
        return {"gradable": False, "format_errors": faults, "message": NEEDS_A_PERSON, "tests": tests}
    document: dict[str, Any] = {"gradable": True, "score": float(share)}
    if read_adjustment(graded, parts):
        document["message"] = escape_lines(describe_adjustment(graded))
    return document | {"tests": tests}


def _test(part: Part, *, has_points: bool) -> dict[str, Any]:
    test: dict[str, Any] = {"name": escape_lines(part.title)}
    if has_points:
        test |= {"points": part.points, "max_points": part.max_points}
    return test | ({"message": escape_lines(part.text)} if part.text else {})


ENVELOPE = Envelope(
    name="prairielearn",
    media_type="application/vnd.workings.prairielearn+json",
    summary="The results of a PrairieLearn external grader",
    render=render,
)
