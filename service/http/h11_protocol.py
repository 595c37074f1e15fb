"""Uvicorn's HTTP/1.1 protocol on h11, with limits on connections; used if httptools is not installed.

h11 itself limits heads, chunk framing and trailers, reads one request at a time, and ignores upgrade offers.
"""

import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.http import refusals
from service.http.watched import Watched

# Messages that uvicorn logs for each such request. The watch counts them instead.
UNLOGGED = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "No supported WebSocket library",
)


class Protocol(Watched, H11Protocol):  # type: ignore[misc]
    """Uvicorn's h11 protocol with limits on time, rate and number of connections."""

    def has_unread_body(self) -> bool:
        """Return whether the body of the current request has not arrived completely."""
        state = self.conn.their_state
        broken = state is h11.ERROR and self.is_answering() and self.cycle.more_body
        return state is h11.SEND_BODY or broken

    def data_received(self, data: bytes) -> None:
        """Parse received bytes."""
        if self._ignores_input:
            return
        self.note_arrival()
        had_unread_body = self.has_unread_body()
        super().data_received(data)
        if self.is_answering():
            self.begin_request()
        elif had_unread_body and not self.has_unread_body():  # a refused body has ended
            self.await_request()

    def send_400_response(self, _: str) -> None:
        """Refuse bytes that h11 rejects."""
        limit = self.watch.settings.max_head_bytes
        if len(self.conn.trailing_data[0]) > limit:
            self.watch.counts["long_heads"] += 1
            self.refuse(refusals.head_too_long(limit))
        else:
            self.watch.counts["malformed"] += 1
            self.refuse(refusals.malformed_request())


def _is_logged(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(UNLOGGED)


logging.getLogger("uvicorn.error").addFilter(_is_logged)
