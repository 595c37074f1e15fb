"""Requests and responses of the client, without sending or waiting, which the two clients do."""

from collections.abc import Generator, Mapping
from typing import Any

import httpx
import orjson

from service.arrays import Answer, pack_arrays, unpack_arrays

# Computations without the field `encoding`. A test compares them with the service.
NESTED = frozenset(
    {"cost", "evaluate", "grade", "grade/check", "lambda_feedback", "optimizer/solve", "variants"}
)
PATHS = {"check": "grade/check", "solve": "optimizer/solve"}  # of methods that have another name
LINES = {"accept": "application/x-ndjson", "content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
FIRST_WAIT = 0.5  # seconds, if the service does not say how long; doubled each time

Exchange = Generator[httpx.Request | float, httpx.Response | httpx.TransportError | None, Answer]
"""Yields requests, to be sent, and seconds, to be waited."""


class Problem(Exception):
    """An answer that is no answer.

    status: the HTTP status; type: the kind, such as /problems/refused.
    errors: each with `pointer`, `message`, `expected` and `received`.
    """

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(document.get("detail", f"the server answered with status {status}"))
        self.status = status
        self.type: str = document.get("type", "about:blank")
        self.errors: list[dict[str, str]] = document.get("errors", [])


def write_question(name: str, fields: Mapping[str, Any]) -> bytes:
    """Return the body of a question, with arrays packed and a packed answer requested where there is one."""
    document = pack_arrays(fields)
    if name not in NESTED and fields.get("arithmetic") != "exact":
        document = {"encoding": "packed", **document}
    return orjson.dumps(document)


def read_line(line: str) -> dict[str, Any]:
    """Return the document of a line, with arrays. Raises Problem for the line that ends a failed stream."""
    document: dict[str, Any] = unpack_arrays(orjson.loads(line))
    if document.keys() == {"problem"}:
        raise Problem(document["problem"].get("status", 500), document["problem"])
    return document


def check(response: httpx.Response) -> None:
    """Raise Problem for a response, already read, that is no answer."""
    if response.is_success:
        return
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:  # of a proxy, for example
        document = {}
    raise Problem(response.status_code, document if isinstance(document, dict) else {})


def ask(request: httpx.Request, retries: int, longest_wait: float) -> Exchange:
    """Send a question again while the service is busy or the connection fails; asking twice is harmless."""
    for attempt in range(retries + 1):
        came = yield request
        is_last = attempt == retries
        wait = FIRST_WAIT * 2**attempt
        if isinstance(came, httpx.TransportError):
            if is_last or isinstance(came, httpx.TimeoutException):
                raise came
        else:
            assert came is not None
            if came.status_code != 503 or is_last:
                break
            asked = came.headers.get("retry-after", "")
            wait = float(asked) if asked.isascii() and asked.isdecimal() else wait
        yield min(wait, longest_wait)
    assert isinstance(came, httpx.Response)
    check(came)
    return Answer(unpack_arrays(orjson.loads(came.content)))
