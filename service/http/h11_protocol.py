"""Uvicorn's HTTP/1.1 protocol on h11, where httptools is not installed, with bounded connections.

h11 itself bounds heads, the frames of chunks and trailers, reads one request after another, and ignores
offers of another protocol.
"""

import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.http import refusals
from service.http.watched import Watched

# Messages that uvicorn writes to the log for each request that is sent so; the watch counts them instead.
UNLOGGED = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "No supported WebSocket library",
)


class Protocol(Watched, H11Protocol):  # type: ignore[misc]
    """A protocol of uvicorn whose connection is bounded in time, rate and number."""

    def has_unread_body(self) -> bool:
        """Return whether a request has begun whose body has not come to its end."""
        state = self.conn.their_state
        broken = state is h11.ERROR and self.is_answering() and self.cycle.more_body
        return state is h11.SEND_BODY or broken

    def data_received(self, data: bytes) -> None:
        """Read bytes as they arrive."""
        if self._is_deaf:
            return
        self.arrive()
        had_unread_body = self.has_unread_body()
        super().data_received(data)
        if self.is_answering():
            self.begin_request()
        elif had_unread_body and not self.has_unread_body():  # a body that nobody wanted has ended
            self.idle()

    def send_400_response(self, _: str) -> None:
        """Refuse bytes that h11 does not accept."""
        limit = self.watch.settings.max_head_bytes
        if len(self.conn.trailing_data[0]) > limit:
            self.watch.counts["long_heads"] += 1
            self.refuse(refusals.long_head(limit))
        else:
            self.watch.counts["malformed"] += 1
            self.refuse(refusals.malformed())


def _is_logged(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(UNLOGGED)


logging.getLogger("uvicorn.error").addFilter(_is_logged)
