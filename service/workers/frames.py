"""The frames that a worker process writes: a kind, a length, and bytes."""

import json
import struct

from compute.errors import LISTED, QuestionError
from service.http.problems import Problem

HEAD = struct.Struct(">cI")
READY = b"+"
REACHED = b"r"  # the name of a value
OFFER = b"o"  # the body of an answer that stands if no better one comes in time
LINE = b"l"  # a line of an answer that comes line by line
PROBLEM = b"p"  # a problem as JSON; the answer that follows is empty
ANSWER = b"a"  # the body of a response
LAST_ANSWER = b"z"  # the same, from a worker that ends behind it


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one frame as bytes."""
    return HEAD.pack(kind, len(payload)) + payload


def dump_problem(problem: Problem) -> bytes:
    """Return a problem as the payload of a frame. Its headers are left out."""
    errors = [(one.path, one.message, one.expected, one.received) for one in problem.errors[:LISTED]]
    # Names may hold half a surrogate pair, which this module's escapes can write and others refuse.
    return json.dumps({"kind": problem.kind, "detail": problem.detail, "errors": errors}).encode()


def load_problem(payload: bytes) -> Problem:
    """Return the problem that `dump_problem` wrote."""
    found = json.loads(payload)
    errors = [QuestionError(tuple(path), *texts) for path, *texts in found["errors"]]
    return Problem(found["kind"], found["detail"], errors)
