"""The frames that a worker process writes: a kind, a length and a payload."""

import json
import struct

from compute.errors import LISTED, QuestionError
from service.http.problems import Problem

HEAD = struct.Struct(">cI")
READY = b"+"
REACHED = b"r"  # the name of a value
OFFER = b"o"  # the body of a provisional answer, sent if the worker is stopped before a better one
LINE = b"l"  # a line of an answer that is sent line by line
LOG = b"w"  # a message for the log as JSON: level and text
# One of these precedes an empty answer.
PROBLEM = b"p"  # a problem as JSON
EXACT = b"x"  # the question asks for exact arithmetic, and this worker computes in floats
INTERRUPTED = b"i"  # the work was interrupted by a signal
# These two end every question.
STATE = b"s"  # the state of the worker and its answer as JSON: tag, coding, plans, is_last, measured
ANSWER = b"a"  # the body of a response


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one frame as bytes."""
    return HEAD.pack(kind, len(payload)) + payload


def dump_problem(problem: Problem) -> bytes:
    """Return a problem as the payload of a frame, without its headers."""
    errors = [
        (error.path, error.message, error.expected, error.received) for error in problem.errors[:LISTED]
    ]
    # Names may contain half a surrogate pair, which `json` can escape and orjson rejects.
    return json.dumps({"kind": problem.kind, "detail": problem.detail, "errors": errors}).encode()


def load_problem(payload: bytes) -> Problem:
    """Return the problem in a payload written by `dump_problem`."""
    problem = json.loads(payload)
    errors = [QuestionError(tuple(path), *texts) for path, *texts in problem["errors"]]
    return Problem(problem["kind"], problem["detail"], errors)
