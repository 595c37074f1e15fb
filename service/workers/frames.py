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
# One of these comes before the answer, which is empty then.
PROBLEM = b"p"  # a problem as JSON
EXACT = b"x"  # the question asks for exact numbers, and this worker does not find them
INTERRUPTED = b"i"  # the work was interrupted by a signal
# Every question ends with these two.
STATE = b"s"  # of the worker and its answer as JSON: tag, coding, plans, is_last
ANSWER = b"a"  # the body of a response


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
