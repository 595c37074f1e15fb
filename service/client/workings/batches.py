"""Batches of submissions, sent in parts.

httpx sends a whole body before it reads, and a service that is not read from stops reading. So a part is
small enough for the buffers of a connection, and begins with the rubrics that its submissions need.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from service.arrays import pack_arrays
from service.exceptions import make_problem

PART_BYTES = 2**17
MEMORY = 2**22  # bytes of graded lines that are kept in memory; more go to a temporary file
CHUNK = 2**16


class Part(NamedTuple):
    """One request of a batch. repeated: whether each of its lines is a rubric of an earlier part."""

    body: bytes
    repeated: list[bool]


def split_batch(submissions: Iterable[Mapping[str, Any]]) -> Iterator[Part]:
    """Yield submissions and rubrics as parts, in order."""
    rubrics: dict[Any, bytes] = {}
    lines: list[bytes] = []
    repeated: list[bool] = []
    known: set[Any] = set()  # rubrics of the part
    size = 0
    for submission in submissions:
        line = orjson.dumps(pack_arrays(submission)) + b"\n"
        if lines and size + len(line) > PART_BYTES:
            yield Part(b"".join(lines), repeated)
            lines, repeated, known, size = [], [], set(), 0
        name = submission.get("rubric")
        if _is_rubric(submission):
            rubrics[name] = line
        elif name in rubrics and name not in known:
            lines.append(rubrics[name])
            repeated.append(True)
            size += len(rubrics[name])
        known.add(name)
        lines.append(line)
        repeated.append(False)
        size += len(line)
    if lines:
        yield Part(b"".join(lines), repeated)


def _is_rubric(submission: Mapping[str, Any]) -> bool:
    names_one = isinstance(submission.get("rubric"), str)
    return names_one and ("question" in submission or isinstance(submission.get("questions"), list))


class Graded:
    """The graded lines of a batch, kept for its summary."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - closed by `close`

    def take(self, place: int, line: str, part: Part) -> dict[str, Any] | None:
        """Keep the answer to one line of a part and return it; None for a rubric that was sent again."""
        if place < len(part.repeated) and part.repeated[place]:
            return None
        document: dict[str, Any] = orjson.loads(line)
        if "summary" not in document:
            self._file.write(line.encode() + b"\n")
        return document

    def check_end(self, last: dict[str, Any] | None) -> None:
        """Raise Problem unless the last line of a part is its summary."""
        if last is None or "summary" not in last:
            problem = (last or {}).get("problem", {"detail": "the batch ended without its summary"})
            raise make_problem(problem.get("status", 500), problem)

    def content(self) -> Iterator[bytes]:
        """Yield all kept lines."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def close(self) -> None:
        """Delete the kept lines."""
        self._file.close()
