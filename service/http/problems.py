"""Errors as answers: `application/problem+json` (RFC 9457), with a list of what to mend.

    Problem(Exception)          any refusal, with its status
      unreadable     400        the body is no JSON object
      unsupported    415        the body is not sent as JSON
      too_large      413        bytes, numbers or predicted work
      refused        422        shape, type, value or name
      busy           503        full; Retry-After says when

Nothing that came is echoed: text is described, never repeated.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from compute.errors import LISTED, Path, QuestionError, QuestionErrors, TooLarge
from compute.integers import as_integer

INTERNAL = "this should not happen; the error is in the service's log"
MAX_NAME = 64
MEDIA_TYPE = "application/problem+json"


class ErrorDetail(BaseModel):
    """One thing to mend."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to the field.", examples=["/w_k/1"])
    message: str = Field(description="What is wrong.")
    expected: str = Field(description="What was expected there.")
    received: str = Field(description="What came, described and never repeated.")


class ProblemDetail(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = Field(description="A name for the kind of problem.", examples=["/problems/refused"])
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="This problem in a sentence.")
    errors: list[ErrorDetail] = Field(description="What to mend: the first 20 things found.")


TITLES = {
    "unreadable": (400, "The body cannot be read"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This method is not answered here"),
    "timeout": (408, "The body did not arrive in time"),
    "too_large": (413, "The question is too large"),
    "unsupported": (415, "The body is not sent as JSON"),
    "refused": (422, "The question cannot be answered as it stands"),
    "internal": (500, "The service failed"),
    "busy": (503, "The service is full"),
}


class Problem(Exception):
    """A refusal of one kind, with what to mend."""

    def __init__(
        self,
        kind: str,
        detail: str,
        errors: Iterable[QuestionError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The problem as an HTTP response."""
        status, title = TITLES[self.kind]
        body = {
            "type": f"/problems/{self.kind}",
            "title": title,
            "status": status,
            "detail": _clean(self.detail),
            "errors": [_detail(error) for error in self.errors[:LISTED]],
        }
        return Response(orjson.dumps(body), status, self.headers, MEDIA_TYPE)


def from_question(found: QuestionErrors) -> Problem:
    """The problem that faults of a question make: 413 where one is beyond a limit, else 422."""
    errors = found.errors
    kind = "too_large" if any(isinstance(error, TooLarge) for error in errors) else "refused"
    pointer, message = _pointer(errors[0].path), errors[0].message
    first = f"{pointer}: {message}" if pointer else message
    others = found.total - 1
    more = f" (and {others} more, of which {LISTED - 1} are listed)"
    if others < LISTED:
        more = f" (and {others} more)" if others else ""
    return Problem(kind, first + more, errors)


def describe(value: Any) -> str:
    """A JSON value in words: its type and size; only short numbers themselves."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return f"the number {value!r}" if abs(value) < 2**63 else "a very large number"
        case str():
            return f"text of {len(value)} character" + ("s" if len(value) != 1 else "")
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {len(value)} fields"
    return "an array of numbers"


def describe_integers(value: Any) -> str:
    """Describe what came in place of integers: of a list its first entry that is no integer."""
    entries = value if isinstance(value, list) else []
    for entry in entries:
        if isinstance(entry, list) and (inner := describe_integers(entry)) != describe(entry):
            return inner
        if not isinstance(entry, list) and as_integer(entry) is None:
            return f"a list with {describe(entry)}"
    return describe(value)


def _detail(error: QuestionError) -> dict[str, str]:
    return {
        "pointer": _pointer(error.path),
        "message": _clean(error.message),
        "expected": _clean(error.expected),
        "received": _clean(error.received),
    }


def _pointer(path: Path) -> str:
    return "".join(f"/{_segment(part)}" for part in path)


def _segment(part: str | int) -> str:
    text = part if isinstance(part, int) else part[:MAX_NAME]
    return _clean(str(text)).replace("~", "~0").replace("/", "~1")


def _clean(text: str) -> str:
    """Text that can be encoded: JSON strings may hold half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
