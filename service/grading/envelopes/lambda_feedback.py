"""Lambda Feedback: the response of an evaluation function."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import (
    NEEDS_A_PERSON,
    Part,
    escape_lines,
    read_parts,
    read_total,
    summarize,
)


def render(graded: Graded) -> dict[str, Any]:
    """Return the response to the command `eval`. Lambda Feedback shows feedback as HTML.

    `is_correct` cannot say that a person has to look, so that a part that cannot be graded is an error.
    """
    parts = read_parts(graded)
    text = escape_lines(summarize(graded, parts), "<br />")
    if read_total(graded) is None:
        error = {"message": NEEDS_A_PERSON, "error_thrown": {"feedback": text}}
        return {"command": "eval", "error": error}
    return {"command": "eval", "result": {"is_correct": _is_correct(graded, parts), "feedback": text}}


def _is_correct(graded: Graded, parts: list[Part]) -> bool:
    if graded["max_score"] > 0:
        return bool(graded["score"] >= graded["max_score"])
    return all(part.is_right is not False for part in parts)


ENVELOPE = Envelope(
    name="lambda_feedback",
    media_type="application/vnd.workings.lambda-feedback+json",
    summary="The result of a Lambda Feedback evaluation function",
    render=render,
)
