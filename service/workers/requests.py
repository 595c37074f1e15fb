"""A request as workers take it."""

from dataclasses import astuple
from typing import Any, NamedTuple

from compute.question.limits import Limits
from service.http.budgets import Share
from service.http.streams import Take


class WorkItem(NamedTuple):
    """A question that is to be answered elsewhere.

    name: of the endpoint. client: the address that it comes from. limits: of predicted work. share: of the
    memory for answers that wait to be sent. most: bytes of the body when it is decompressed. is_gzipped,
    accepts_gzip: whether the body is compressed, and whether the answer may be. take: receives each line, if
    the answer is wanted line by line.
    """

    name: str
    body: bytes | bytearray
    share: Share
    limits: Limits
    most: int
    is_gzipped: bool
    accepts_gzip: bool
    client: str = ""
    take: Take | None = None

    @property
    def header(self) -> dict[str, Any]:
        """The parts that are sent to a worker before the body."""
        return {
            "name": self.name,
            "length": len(self.body),
            "limits": astuple(self.limits),
            "most": self.most,
            "is_gzipped": self.is_gzipped,
            "accepts_gzip": self.accepts_gzip,
            "lines": self.take is not None,
        }
