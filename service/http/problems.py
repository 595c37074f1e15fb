"""Errors as `application/problem+json` (RFC 9457), with a list of corrections. `KINDS` has all kinds.

Errors never repeat text of the request; they describe it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from compute.errors import LISTED, Path, QuestionError, QuestionErrors, TooLarge
from compute.integers import as_integer

INTERNAL = "this should not happen; the error is in the service's log, under the request id"
RETRY_AFTER = 1  # seconds
MAX_NAME = 64
MAX_LIST = 40  # characters of a list that is shown
SHOWN = frozenset("[], -.0123456789")
MEDIA_TYPE = "application/problem+json"


class ErrorDetail(BaseModel):
    """One error in the request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to the field.", examples=["/w_k/1"])
    message: str = Field(description="The error in a sentence.")
    expected: str = Field(description="The expected value.")
    received: str = Field(description="A description of what came; the value itself is never repeated.")


class ProblemDetail(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = Field(
        description="The kind of problem, and the page that explains it.", examples=["/problems/refused"]
    )
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="This problem in a sentence.")
    errors: list[ErrorDetail] = Field(description="The errors found, at most 20.")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: its status and title, and for its page the meaning and the remedy."""

    status: int
    title: str
    meaning: str
    remedy: str


KINDS = {
    "unreadable": ProblemKind(
        400,
        "The body cannot be read",
        "The body is not a JSON object: it is empty, broken off, not UTF-8, nested too deeply, holds NaN or"
        " Infinity as bare words, or has a key twice in one object.",
        "Send one JSON object. Write numbers that JSON has no form for as text:"
        ' "NaN", "Infinity", "-Infinity".',
    ),
    "unauthorized": ProblemKind(
        401,
        "An API key is needed",
        "The service answers requests with an API key that it knows, and this one has none, an unknown one,"
        " or several.",
        "Send the key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`. Whoever runs the service has"
        " keys to give.",
    ),
    "forbidden": ProblemKind(
        403,
        "This key may not do that",
        "The API key is known, but not for this path.",
        "Use a key of the course that the path is for, or ask whoever runs the service.",
    ),
    "not_found": ProblemKind(
        404,
        "Not found",
        "No resource has this path or this name.",
        "GET /v1/operations lists the operations, and /docs shows every path.",
    ),
    "method_not_allowed": ProblemKind(
        405,
        "Method not allowed",
        "The path exists, but not for this method. The Allow header lists the methods that it has.",
        "Send questions by POST, and ask for the catalogue, health and documentation by GET or HEAD.",
    ),
    "timeout": ProblemKind(
        408,
        "The body did not arrive in time",
        "The connection was open, but the whole body did not arrive within the time that the service allows.",
        "Send the body at once, or send less: packed or gzipped tensors are several times smaller.",
    ),
    "too_large": ProblemKind(
        413,
        "The question is too large",
        "The body has too many bytes, or its answer would take too many operations, hold too many numbers or"
        " send too many back. This is predicted from shapes, before anything is computed.",
        "Send smaller tensors, name fewer values in `select`, or ask for less at once. Whoever runs the"
        " service sets the limits.",
    ),
    "unsupported": ProblemKind(
        415,
        "The body is not sent as JSON",
        "The Content-Type is not application/json, or the Content-Encoding is one that the service cannot"
        " decode.",
        "Send `Content-Type: application/json`, and the body as it is or with `Content-Encoding: gzip`.",
    ),
    "refused": ProblemKind(
        422,
        "The question cannot be answered as it stands",
        "The body is a JSON object, but a field in it has the wrong shape, type, value or name, or an exact"
        " answer was stopped because it took too long or too much memory.",
        "`errors` points to each field, and says what was expected there and what was received.",
    ),
    "too_many_requests": ProblemKind(
        429,
        "Too many requests",
        "The key or the address has sent as many requests as it may, or has spent its work of the day.",
        "Try again after the seconds in the Retry-After header.",
    ),
    "internal": ProblemKind(
        500,
        "The service failed",
        "A defect in the service. The error is in its log, under the X-Request-ID of the response.",
        "Report it with the X-Request-ID. The same request will fail again.",
    ),
    "unsupported_platform": ProblemKind(
        501,
        "The service's platform cannot do this",
        "Exact arithmetic runs in worker processes whose time and memory the operating system bounds. The"
        " system that the service runs on, such as Windows, has no such bounds.",
        "Ask in floats, or run the service on Linux or macOS, for example in a container.",
    ),
    "busy": ProblemKind(
        503,
        "The service cannot answer now",
        "All places for computing and waiting are taken, memory for bodies and answers is short, or the"
        " process that computed the answer ended early; the detail says which. Nothing of it is left.",
        "Try again after the seconds in the Retry-After header.",
    ),
}


class Problem(Exception):
    """A refusal of one kind, with the errors to correct."""

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

    def response(self, root_path: str = "") -> Response:
        """Return the HTTP response. root_path: path at which the application is mounted."""
        kind = KINDS[self.kind]
        return self._response(f"{root_path}/problems/{self.kind}", kind.title, kind.status)

    def list_errors(self) -> list[dict[str, str]]:
        """Return the errors that a response lists."""
        return [_detail(error) for error in self.errors[:LISTED]]

    def _response(self, kind: str, title: str, status: int) -> Response:
        body = {
            "type": kind,
            "title": title,
            "status": status,
            "detail": _clean(self.detail),
            "errors": self.list_errors(),
        }
        return Response(orjson.dumps(body), status, self.headers, MEDIA_TYPE)


class StatusProblem(Problem):
    """A problem with a status but no kind of its own, such as a dependency's refusal."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        text = detail if isinstance(detail, str) else orjson.dumps(detail, default=str).decode()
        super().__init__("other", text, headers=headers)
        self.status = status

    def response(self, _: str = "") -> Response:
        """Return the HTTP response, of type `about:blank`."""
        if self.status < 200 or self.status in (204, 304):  # responses without a body
            return Response(status_code=self.status, headers=self.headers)
        known = self.status in set(HTTPStatus)
        title = HTTPStatus(self.status).phrase if known else f"Status {self.status}"
        return self._response("about:blank", title, self.status)


class NoPlace(Problem):
    """Refuses a request because no place is free, before any work on it."""

    def __init__(self, detail: str) -> None:
        super().__init__("busy", detail, headers={"Retry-After": str(RETRY_AFTER)})


def busy(detail: str) -> Problem:
    """Return a Problem 503 with a Retry-After header."""
    return Problem("busy", detail, headers={"Retry-After": str(RETRY_AFTER)})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for these statuses: references to the shared problem responses."""
    return {
        kind.status: {"$ref": f"#/components/responses/{name}", "description": kind.title}
        for name, kind in KINDS.items()
        if kind.status in statuses
    }


def not_acceptable() -> dict[str, Any]:
    """Return the response of a route for 406, which is a problem without a page of its own."""
    return {
        "description": "No media type that is accepted exists.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetail"}}},
    }


def from_question(error: QuestionErrors) -> Problem:
    """Return the problem for errors of a question: 413 if one of them exceeds a limit, otherwise 422."""
    errors = error.errors
    kind = "too_large" if any(isinstance(each, TooLarge) for each in errors) else "refused"
    pointer, message = _pointer(errors[0].path), errors[0].message
    first = f"{pointer}: {message}" if pointer else message
    others = error.total - 1
    more = f" (and {others} more, of which {LISTED - 1} are listed)"
    if others < LISTED:
        more = f" (and {others} more)" if others else ""
    return Problem(kind, first + more, errors)


def from_http(error: HTTPException, method: str) -> Problem:
    """Return the problem for an HTTPException of the framework or of a dependency."""
    if error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase:
        return Problem("not_found", "see /docs for the paths that exist")
    if error.status_code == 405:
        return Problem("method_not_allowed", f"{method} is not answered here", headers=error.headers)
    return StatusProblem(error.status_code, error.detail, error.headers)


def from_validation(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Return the problem for pydantic's errors about the parameters of a dependency."""
    return from_question(
        QuestionErrors(
            QuestionError(tuple(error["loc"]), "does not fit", error["msg"], describe(error.get("input")))
            for error in errors
        )
    )


def describe(value: Any) -> str:
    """Describe a JSON value by its type and size. Only numbers are shown themselves."""
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
    return f"a list of {len(value)}"  # a NumPy array, from a large body


def describe_integers(value: Any) -> str:
    """Describe a value that should be integers. For a list: its first entry that is not an integer, or the
    list itself if it is short.
    """
    other = _describe_first_non_integer(value) if isinstance(value, list) else None
    if other is not None:
        return f"a list with {other}"
    if isinstance(value, list) and value and len(text := repr(value)) <= MAX_LIST and set(text) <= SHOWN:
        return f"the list {text}"
    return describe(value)


def _describe_first_non_integer(entries: list[Any]) -> str | None:
    """Describe the first entry of nested lists that is not an integer; None if there is none."""
    for entry in entries:
        if isinstance(entry, list):
            if (description := _describe_first_non_integer(entry)) is not None:
                return description
        elif as_integer(entry) is None:
            return describe(entry)
    return None


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
    """Replace characters that cannot be encoded: JSON strings may contain half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
