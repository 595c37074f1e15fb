"""Bounds on what one connection can take, for each of uvicorn's HTTP/1.1 protocols.

A client has a limited time for the head of a request and for the rest of a body that is not wanted any more,
and has to read what is sent to it at a minimum rate, whether the application still writes or not. The walk of
the watch enforces both, so that there are no timers to make and cancel for each request.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from service.http import refusals
from service.http.outgoing import Outgoing
from service.http.problems import Problem
from service.http.watch import Watch, watch_of

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    Base = object

# Seconds over which the rate of reading is measured. A system with a full buffer of megabytes takes the next
# bytes once a sixteenth of it is free, so that shorter windows would find slow readers to have stopped.
WINDOW = 20.0
# Seconds that a client has to close a connection that the server has ended. One that still sends a body, and
# reads the answer afterwards, has as long as for a head.
LINGER = 2.0


class Watched(Base):
    """A protocol of uvicorn whose connection is bounded in time, rate and number."""

    transport: Outgoing

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.watch: Watch = watch_of(self.app_state)
        # Since when a head, or the rest of a body, is waited for, and how long; None while a request runs.
        self._since: float | None = None
        self._patience = 0.0
        self._is_idle = True  # no byte of the next request has come
        self._is_deaf = False  # nothing that comes is read any more
        self._lingers_since: float | None = None
        self._mark: tuple[float, int] | None = None  # when, and how much, the client had taken

    def has_unread_body(self) -> bool:
        """Return whether a request has begun whose body has not come to its end."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection, or refuse it where there are too many."""
        outgoing = Outgoing(transport, self._close)
        super().connection_made(outgoing)
        self._wait(self.watch.settings.head_timeout)
        if not self.watch.admit(self, self.loop):
            self.refuse(refusals.full())

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection that is closed."""
        self.watch.leave(self)
        super().connection_lost(exc)

    def is_answering(self) -> bool:
        """Return whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def arrive(self) -> None:
        """Note that bytes have come: with the first of a request, the time for its head begins."""
        if self._is_idle and not self.is_answering():
            self._is_idle = False
            self._wait(self.watch.settings.head_timeout)

    def idle(self) -> None:
        """Wait for a request of which no byte has come."""
        self._is_idle = True
        self._wait(self.watch.settings.keep_alive)

    def begin_request(self) -> None:
        """Note that a whole head has come."""
        self._since = None
        self._is_idle = False

    def on_response_complete(self) -> None:
        """Begin the next request that came, or wait for one."""
        super().on_response_complete()
        if self.is_answering() or self.transport.is_closing():
            return
        if self.has_unread_body():
            self._wait(self.watch.settings.head_timeout)
        else:
            self.idle()

    def refuse(self, problem: Problem) -> None:
        """Answer what cannot be a request with a problem, and close the connection."""
        self._is_deaf = True
        if self.is_answering():
            if not self.has_unread_body():  # requests before this one are answered first
                self.cycle.keep_alive = False
                return
            if self.cycle.response_started or getattr(self, "pipeline", None):
                self.transport.abort()
                return
            self._disconnect()
        self.transport.write(refusals.wire(problem, self.config.root_path))
        self._linger()

    def shutdown(self) -> None:
        """Answer the requests that have come, and close the connection."""
        self.watch.stop(self.loop)
        if not self._is_deaf:
            super().shutdown()
        elif not self.is_answering() or self.cycle.disconnected:
            self.transport.close()

    def give_up(self) -> None:
        """End the connection, with a problem where an answer has not begun."""
        if self._lingers_since is not None:
            self.transport.abort()
            return
        if self.is_answering():
            self.watch.counts["unfinished"] += 1
        self._is_deaf = True
        if self.is_answering() and not self.cycle.response_started and not getattr(self, "pipeline", None):
            self._disconnect()
            self.transport.write(refusals.wire(refusals.stopping(), self.config.root_path))
        self._linger()

    def check(self, now: float) -> None:
        """Close the connection if its client sends a head, or reads an answer, too slowly."""
        size = self.transport.get_write_buffer_size()
        if self._lingers_since is not None:
            if not size and now - self._lingers_since >= self._patience:
                self.transport.abort()
                return
        elif self._since is not None and now - self._since > self._patience:
            self._expire()
        if not size:
            self._mark = None
        elif self._mark is None:
            self._mark = now, self.transport.taken()
        elif now - self._mark[0] >= WINDOW:
            at, before = self._mark
            taken = self.transport.taken()
            if taken - before < self.watch.settings.min_rate * (now - at):
                self.watch.counts["slow_readers"] += 1
                self.transport.abort()
            else:
                self._mark = now, taken

    def _wait(self, patience: float) -> None:
        self._since, self._patience = self.watch.time(self.loop), patience

    def _expire(self) -> None:
        """Close a connection on which no whole request came in time."""
        self._since = None
        if not self._is_idle:
            self.watch.counts["slow_heads"] += 1
        if self.has_unread_body():
            self._linger()
        elif self._is_idle:
            self.transport.close()
        else:
            self.refuse(refusals.slow_head(self._patience))

    def _disconnect(self) -> None:
        """Have the application know that it is not waited for."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _close(self) -> None:
        """Close, but not before a client that still sends a body could read its answer.

        Bytes that nobody reads make the system reset a connection, and its client lose what was sent to it.
        """
        if self._lingers_since is not None:
            self.transport.finish()
        elif self.has_unread_body():
            self._linger(self.watch.settings.head_timeout)
        elif self._is_deaf:
            self._linger()
        else:
            self.transport.finish()

    def _linger(self, patience: float = LINGER) -> None:
        """Send the end of the connection, and let the client close it; or close it if too many do."""
        self._is_deaf = True
        self._patience = patience
        self.flow.resume_reading()
        if self.watch.may_linger(self) and self.transport.finish_writing():
            self._lingers_since = self.watch.time(self.loop)
        else:
            self.transport.finish()
