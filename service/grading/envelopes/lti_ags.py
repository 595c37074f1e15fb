"""LTI Assignment and Grade Services: a score, without the user and the time, which the tool adds."""

from typing import Any

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import read_parts, read_total, summarize


def render(graded: Graded) -> dict[str, Any]:
    """Return a score.

    It is pending a person, without points, if a part cannot be graded. A maximum has to be positive,
    so that a grade without any marks has no points either.
    """
    document: dict[str, Any] = {"activityProgress": "Completed"}
    if read_total(graded) is None:
        document["gradingProgress"] = "PendingManual"
    elif graded["max_score"] == 0:
        document["gradingProgress"] = "NotReady"
    else:
        document["gradingProgress"] = "FullyGraded"
        document |= {"scoreGiven": max(graded["score"], 0), "scoreMaximum": graded["max_score"]}
    comment = summarize(graded, read_parts(graded))
    return document | ({"comment": comment} if comment else {})


ENVELOPE = Envelope(
    name="lti_ags",
    media_type="application/vnd.workings.lti-ags+json",
    summary="An LTI score, to which the tool adds userId and timestamp",
    render=render,
)
