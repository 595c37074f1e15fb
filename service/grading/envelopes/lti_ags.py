"""LTI Assignment and Grade Services 2.0: a score, with the user and the time that the request names.

A request that names none leaves them to the tool that sends the score. No time is ever filled in, so that the
same request has the same answer.
"""

import re
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from service.grading.envelopes.declaration import Envelope, Graded
from service.grading.envelopes.parts import read_parts, read_total, summarize
from service.schemas.types import Request

USER = re.compile(r"[\x20-\x7e]{1,255}")  # the claim `sub` of OpenID Connect, which names a user in LTI
TIME = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
TIME_FORM = "an ISO 8601 date and time with a time zone, such as 2026-01-31T12:00:00.000Z"


def _check_user(text: str) -> str:
    if not USER.fullmatch(text):
        expected = "an identifier of 1 to 255 ASCII characters"
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    return text


def _check_time(text: str) -> str:
    error = PydanticCustomError("value", "{expected}", {"expected": TIME_FORM})
    if not TIME.fullmatch(text):
        raise error
    try:
        datetime.fromisoformat(text[:10])
    except ValueError:  # no such day
        raise error from None
    return text


User: TypeAlias = Annotated[
    str, AfterValidator(_check_user), Field(json_schema_extra={"minLength": 1, "maxLength": 255})
]
Time: TypeAlias = Annotated[
    str, AfterValidator(_check_time), Field(json_schema_extra={"format": "date-time"})
]


class ScoreFields(Request):
    """The fields of a score that a grade does not know."""

    user_id: User | None = Field(
        None,
        serialization_alias="userId",
        description="With the envelope `lti_ags` alone: the user on the platform, for the score's `userId`.",
    )
    timestamp: Time | None = Field(
        None,
        description=f"With the envelope `lti_ags` alone: the score's `timestamp`, {TIME_FORM}.",
    )


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
    summary="An LTI score, with `user_id` and `timestamp` of the body",
    render=render,
    fields=ScoreFields,
)
