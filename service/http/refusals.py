"""Refusals by the server itself, of connections and of requests that do not reach the application."""

from http import HTTPStatus

from service.http.problems import OtherProblem, Problem

RETRY_AFTER = "1"


def full() -> Problem:
    """The refusal of a connection beyond the bounds of the server."""
    detail = "the server has as many connections as it takes, or as it takes from one address"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def crowded() -> Problem:
    """The refusal of a request of a client that has too many at once."""
    detail = "the client has as many requests at once as the server takes from one address"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def stopping() -> Problem:
    """The refusal of a request that could not be answered before the server stops."""
    detail = "the server stops, and no answer was there in time"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def long_head(limit: int) -> Problem:
    """The refusal of a request line and headers of too many bytes, or of too many headers."""
    return OtherProblem(431, f"expected a request line and headers of at most {limit} bytes in 100 headers")


def slow_head(seconds: float) -> Problem:
    """The refusal of a request line and headers that do not arrive."""
    return OtherProblem(408, f"the request line and headers did not arrive within {seconds:g} seconds")


def malformed() -> Problem:
    """The refusal of bytes that are not HTTP/1.1."""
    return OtherProblem(400, "expected an HTTP/1.1 request")


def wire(problem: Problem, root_path: str) -> bytes:
    """Return the response of a problem as it is sent, after which the connection is closed."""
    response = problem.response(root_path)
    lines = [b"HTTP/1.1 %d %b" % (response.status_code, HTTPStatus(response.status_code).phrase.encode())]
    lines += [b"%b: %b" % header for header in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])
