"""Problems of the server itself, for connections and requests that do not reach the application."""

from http import HTTPStatus

from service.http.problems import Problem, StatusProblem

RETRY_AFTER = "1"


def too_many_connections() -> Problem:
    """Return the problem for a connection beyond the limits of the server."""
    detail = "the server has reached its limit of connections, in total or for one address"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def too_many_requests() -> Problem:
    """Return the problem for a request of a client that has too many requests at once."""
    detail = "the client has reached the limit of concurrent requests for one address"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def server_stopping() -> Problem:
    """Return the problem for a request that could not be answered before the server stops."""
    detail = "the server is stopping, and the answer was not ready in time"
    return Problem("busy", detail, headers={"Retry-After": RETRY_AFTER})


def head_too_long(limit: int) -> Problem:
    """Return the problem for a request line and headers with too many bytes, or with too many headers."""
    return StatusProblem(431, f"expected a request line and headers of at most {limit} bytes in 100 headers")


def head_too_slow(seconds: float) -> Problem:
    """Return the problem for a request line and headers that do not arrive in time."""
    return StatusProblem(408, f"the request line and headers did not arrive within {seconds:g} seconds")


def malformed_request() -> Problem:
    """Return the problem for bytes that are not HTTP/1.1."""
    return StatusProblem(400, "expected an HTTP/1.1 request")


def encode_response(problem: Problem, root_path: str) -> bytes:
    """Return the bytes of a problem's response, which announces the end of the connection."""
    response = problem.response(root_path)
    lines = [b"HTTP/1.1 %d %b" % (response.status_code, HTTPStatus(response.status_code).phrase.encode())]
    lines += [b"%b: %b" % header for header in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])
