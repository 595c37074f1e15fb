"""Fake transports whose client a test controls."""

import asyncio
from typing import Any


class Wire(asyncio.Transport):
    """A connection that records sent bytes.

    taken: bytes that the client has read; None for all.
    """

    def __init__(self, host: str = "192.0.2.1") -> None:
        super().__init__({"peername": (host, 50000), "sockname": ("192.0.2.99", 80)})
        self.sent = bytearray()
        self.taken: int | None = None
        self.is_paused = self.is_ended = self.is_closed = self.is_aborted = False

    def write(self, data: Any) -> None:
        assert not self.is_ended and not self.is_closed
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return 0 if self.taken is None else len(self.sent) - self.taken

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True
