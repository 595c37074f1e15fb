"""The work item: one request as it is passed to workers."""

from dataclasses import astuple
from typing import Any, NamedTuple

from compute.question.limits import Limits
from service.http.budgets import Share
from service.http.streams import LineCallback


class WorkItem(NamedTuple):
    """A question to be answered by a worker.

    name: endpoint name.
    body: request body, compressed if `is_gzipped`.
    share: share of the memory budget for unsent answers.
    limits: limits of predicted work and size.
    max_bytes: largest body after decompression, in bytes.
    is_gzipped: whether the body is compressed.
    accepts_gzip: whether the answer may be compressed.
    client: key of the client's address.
    on_line: called with each line if the client wants the answer line by line.
    """

    name: str
    body: bytes | bytearray
    share: Share
    limits: Limits
    max_bytes: int
    is_gzipped: bool
    accepts_gzip: bool
    client: str = ""
    on_line: LineCallback | None = None

    @property
    def header(self) -> dict[str, Any]:
        """The fields that a worker process receives as a line of JSON before the body."""
        return {
            "name": self.name,
            "length": len(self.body),
            "limits": astuple(self.limits),
            "max_bytes": self.max_bytes,
            "is_gzipped": self.is_gzipped,
            "accepts_gzip": self.accepts_gzip,
            "lines": self.on_line is not None,
        }
