"""The transport of one connection, which counts the bytes that the client has taken."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

try:
    import fcntl
    import termios
except ImportError:  # Windows
    UNSENT = None
else:
    UNSENT = getattr(termios, "TIOCOUTQ", None)

# Bytes in the transport's buffer from which on the application's `send` waits, and until which it does.
HIGH, LOW = 2**16, 2**14


class Outgoing(asyncio.Transport):
    """Stands for a transport towards uvicorn's protocol, which writes, closes and pauses it.

    closing: called instead of the transport's `close`; it decides how to close.
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
        """Send bytes, unless the connection is being closed, or is lost."""
        if not (self._is_closing or self._transport.is_closing()):
            self._written += len(data)
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all that was written has been sent."""
        if not self._is_closing:
            self._is_closing = True
            self._close()

    def is_closing(self) -> bool:
        """Return whether nothing more is read or written."""
        return self._is_closing or self._transport.is_closing()

    def finish(self) -> None:
        """Close the transport itself."""
        self._is_closing = True
        self._transport.close()

    def finish_writing(self) -> bool:
        """Tell the client that nothing follows, and go on reading. False where the transport cannot."""
        self._is_closing = True
        if not self._transport.can_write_eof():
            return False
        with contextlib.suppress(OSError):  # the client has gone already
            self._transport.write_eof()
        return True

    def taken(self) -> int:
        """Return the number of bytes that the client's system has acknowledged.

        Without a count of the kernel's buffer (outside Linux), bytes in it are taken for acknowledged.
        """
        return self._written - self.get_write_buffer_size() - self._unsent()

    def _unsent(self) -> int:
        """Return the bytes in the kernel's buffer. That wakes a writer only once a third of it is free, so
        that a slow client would seem to take nothing for minutes, and then a megabyte at once.
        """
        connection = self.get_extra_info("socket")
        if UNSENT is None or connection is None:
            return 0
        try:
            answer = fcntl.ioctl(connection.fileno(), UNSENT, bytes(4))
        except (OSError, ValueError):  # it is closed
            return 0
        return int.from_bytes(answer, "little" if socket.htons(1) != 1 else "big")
