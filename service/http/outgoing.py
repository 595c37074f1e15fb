"""The transport of one connection, which counts the bytes that the client has acknowledged."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

try:
    import fcntl
    import termios
except ImportError:  # Windows
    UNSENT_BYTES = None
else:
    UNSENT_BYTES = getattr(termios, "TIOCOUTQ", None)

# Sizes of the transport's buffer, in bytes, at which the application's `send` blocks and continues.
HIGH, LOW = 2**16, 2**14


class Outgoing(asyncio.Transport):
    """A proxy for the transport that uvicorn's protocol writes to.

    closing: called instead of the transport's `close`; decides how to close.
    """

    def __init__(self, transport: asyncio.Transport, closing: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._close = closing
        self._is_closing = False
        self._written = 0
        transport.set_write_buffer_limits(high=HIGH, low=LOW)
        self.abort = transport.abort  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: Any) -> None:
        """Send bytes, unless the connection is closing or lost."""
        if not (self._is_closing or self._transport.is_closing()):
            self._written += len(data)
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection after everything written has been sent."""
        if not self._is_closing:
            self._is_closing = True
            self._close()

    def is_closing(self) -> bool:
        """Return whether the connection is closing."""
        return self._is_closing or self._transport.is_closing()

    def close_now(self) -> None:
        """Close the transport itself."""
        self._is_closing = True
        self._transport.close()

    def finish_writing(self) -> bool:
        """Close the writing side and keep reading. Return False if the transport cannot do that."""
        self._is_closing = True
        if not self._transport.can_write_eof():
            return False
        with contextlib.suppress(OSError):  # the client has already disconnected
            self._transport.write_eof()
        return True

    def acknowledged_bytes(self) -> int:
        """Return the number of bytes that the client's system has acknowledged.

        Outside Linux the size of the kernel's buffer is unknown, and bytes in it count as acknowledged.
        """
        return self._written - self.get_write_buffer_size() - self._unsent()

    def _unsent(self) -> int:
        """Return the number of bytes in the kernel's buffer.

        The kernel wakes a writer only when a third of the buffer is free, so without this count a slow client
        would seem to read nothing for minutes and then a megabyte at once.
        """
        connection = self.get_extra_info("socket")
        if UNSENT_BYTES is None or connection is None:
            return 0
        try:
            answer = fcntl.ioctl(connection.fileno(), UNSENT_BYTES, bytes(4))
        except (OSError, ValueError):  # the socket is closed
            return 0
        return int.from_bytes(answer, "little" if socket.htons(1) != 1 else "big")
