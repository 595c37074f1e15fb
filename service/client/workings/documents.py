"""Bodies of requests and responses."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from service.arrays import pack_arrays, unpack_arrays
from service.exceptions import make_problem

# Computations without the field `encoding`. A test compares them with the service.
NESTED = frozenset(
    {"cost", "evaluate", "grade", "grade/check", "lambda_feedback", "moments", "optimizer/solve", "variants"}
)


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
        raise make_problem(document["problem"].get("status", 500), document["problem"])
    return document


def check(response: httpx.Response) -> None:
    """Raise Problem for a response, already read, that is no answer."""
    if response.is_success:
        return
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:  # of a proxy, for example
        document = {}
    raise make_problem(response.status_code, document if isinstance(document, dict) else {})
