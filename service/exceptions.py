"""The exceptions of `workings.Client` and of `compute.answer`: one class for each kind of problem."""

from collections.abc import Mapping
from typing import Any, TypedDict


class FieldError(TypedDict):
    """An error in one field of a request.

    pointer: a JSON pointer to the field.
    message: the error in a sentence.
    expected, received: the expected value, and a description of the value that came.
    """

    pointer: str
    message: str
    expected: str
    received: str


class Problem(Exception):
    """A question without an answer. Its subclasses are the kinds of problems; others are of this class.

    status: the HTTP status.
    document: the problem as the service sends it; empty if the response was not one of the service.
    """

    status = 0

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(status, document)  # its arguments, so that it can be pickled
        self.status, self.document = status, dict(document)

    def __str__(self) -> str:
        detail: str = self.document.get("detail", f"the server answered with status {self.status}")
        return detail

    @property
    def type(self) -> str:
        """The path of the page that explains the kind, such as /problems/refused."""
        path: str = self.document.get("type", "about:blank")
        return path

    @property
    def kind(self) -> str:
        """The name of the kind, such as refused."""
        return self.type.rpartition("/")[2]

    @property
    def errors(self) -> list[FieldError]:
        """The errors in fields."""
        found: list[FieldError] = self.document.get("errors", [])
        return found


class Unreadable(Problem):
    """The body of the request is not a JSON object."""

    status = 400


class Unauthorized(Problem):
    """The service wants an API key, and knows none of the one that was sent."""

    status = 401


class Forbidden(Problem):
    """The API key is not for this path."""

    status = 403


class NotFound(Problem):
    """No computation has this name."""

    status = 404


class MethodNotAllowed(Problem):
    """The path exists, but not for this method."""

    status = 405


class Timeout(Problem):
    """The body of the request did not arrive in time."""

    status = 408


class TooLarge(Problem):
    """The question, or its answer, exceeds a limit of the service."""

    status = 413


class Unsupported(Problem):
    """The body of the request is not sent as JSON."""

    status = 415


class Refused(Problem):
    """A field is wrong; `errors` has each of them."""

    status = 422


class TooManyRequests(Problem):
    """The API key, or the address, has sent too many requests or spent its work of the day."""

    status = 429


class Internal(Problem):
    """The service failed."""

    status = 500


class UnsupportedPlatform(Problem):
    """The platform of the service cannot do this."""

    status = 501


class Busy(Problem):
    """The service cannot answer now; the client has asked as often as it may."""

    status = 503


KINDS: tuple[type[Problem], ...] = (
    Unreadable,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    TooLarge,
    Unsupported,
    Refused,
    TooManyRequests,
    Internal,
    UnsupportedPlatform,
    Busy,
)
_BY_STATUS = {kind.status: kind for kind in KINDS}


def make_problem(status: int, document: Mapping[str, Any]) -> Problem:
    """Return a problem as an exception of its kind, which its status determines."""
    return _BY_STATUS.get(status, Problem)(status, document)
