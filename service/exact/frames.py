"""What a worker process writes, piece by piece: a kind, a length, and bytes."""

import struct

HEAD = struct.Struct(">cI")
READY = b"+"
REACHED = b"r"  # the name of a value
OFFER = b"o"  # the body of an answer that stands if no better one comes in time
LINE = b"l"  # a line of an answer that comes line by line
ANSWER = b"a"  # status and body of a response
LAST_ANSWER = b"z"  # the same, from a worker that ends behind it
STATUS = 3  # digits


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One piece as bytes."""
    return HEAD.pack(kind, len(payload)) + payload
