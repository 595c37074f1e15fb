"""Limits on one connection, shared by both of uvicorn's HTTP/1.1 protocols.

A client has a limited time to send the head of a request or the rest of a refused body, and has to read
responses at a minimum rate. The periodic check of the watch enforces this, so requests need no timers.
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

# Seconds over which the rate of reading is measured. A system with a full buffer of megabytes accepts more
# bytes when a sixteenth of it is free, so in a shorter window a slow reader may seem to have stopped.
WINDOW = 20.0
# Seconds that a client has to close a connection that the server has ended. A client that still sends a body
# has as long as for a head.
LINGER = 2.0


class Watched(Base):
    """A mixin that adds limits on time, rate and number of connections to a protocol of uvicorn."""

    transport: Outgoing

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.watch: Watch = watch_of(self.app_state)
        # When waiting for a head or the rest of a body began, and for how long; None while a request runs.
        self._since: float | None = None
        self._patience = 0.0
        self._is_idle = True  # no byte of the next request has arrived
        self._ignores_input = False
        self._lingers_since: float | None = None
        self._progress: tuple[float, int] | None = None  # a time, and the bytes acknowledged by then

    def has_unread_body(self) -> bool:
        """Return whether the body of the current request has not arrived completely."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection, or refuse it if there are too many."""
        outgoing = Outgoing(transport, self._close)
        super().connection_made(outgoing)
        self._wait(self.watch.settings.head_timeout)
        if not self.watch.admit(self, self.loop):
            self.refuse(refusals.too_many_connections())

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the watch."""
        self.watch.remove(self)
        super().connection_lost(exc)

    def is_answering(self) -> bool:
        """Return whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def note_arrival(self) -> None:
        """Start the timeout of a head at the first byte of a request."""
        if self._is_idle and not self.is_answering():
            self._is_idle = False
            self._wait(self.watch.settings.head_timeout)

    def await_request(self) -> None:
        """Start the keep-alive timeout."""
        self._is_idle = True
        self._wait(self.watch.settings.keep_alive)

    def begin_request(self) -> None:
        """Stop the timeout: a complete head has arrived."""
        self._since = None
        self._is_idle = False

    def on_response_complete(self) -> None:
        """Start the next pipelined request, or wait for one."""
        super().on_response_complete()
        if self.is_answering() or self.transport.is_closing():
            return
        if self.has_unread_body():
            self._wait(self.watch.settings.head_timeout)
        else:
            self.await_request()

    def refuse(self, problem: Problem) -> None:
        """Respond to invalid input with a problem, and close the connection."""
        self._ignores_input = True
        if self.is_answering():
            if not self.has_unread_body():  # earlier requests are answered first
                self.cycle.keep_alive = False
                return
            if self.cycle.response_started or getattr(self, "pipeline", None):
                self.transport.abort()
                return
            self._disconnect()
        self.transport.write(refusals.encode_response(problem, self.config.root_path))
        self._linger()

    def shutdown(self) -> None:
        """Answer the requests that have arrived, and close the connection."""
        self.watch.stop(self.loop)
        if not self._ignores_input:
            super().shutdown()
        elif not self.is_answering() or self.cycle.disconnected:
            self.transport.close()

    def give_up(self) -> None:
        """End the connection, with a problem if the response has not started."""
        if self._lingers_since is not None:
            self.transport.abort()
            return
        if self.is_answering():
            self.watch.counts["unfinished"] += 1
        self._ignores_input = True
        if self.is_answering() and not self.cycle.response_started and not getattr(self, "pipeline", None):
            self._disconnect()
            self.transport.write(refusals.encode_response(refusals.server_stopping(), self.config.root_path))
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
            self._progress = None
        elif self._progress is None:
            self._progress = now, self.transport.acknowledged_bytes()
        elif now - self._progress[0] >= WINDOW:
            at, before = self._progress
            acknowledged = self.transport.acknowledged_bytes()
            if acknowledged - before < self.watch.settings.min_rate * (now - at):
                self.watch.counts["slow_readers"] += 1
                self.transport.abort()
            else:
                self._progress = now, acknowledged

    def _wait(self, patience: float) -> None:
        self._since, self._patience = self.watch.time(self.loop), patience

    def _expire(self) -> None:
        """Close a connection on which no complete request arrived in time."""
        self._since = None
        if not self._is_idle:
            self.watch.counts["slow_heads"] += 1
        if self.has_unread_body():
            self._linger()
        elif self._is_idle:
            self.transport.close()
        else:
            self.refuse(refusals.head_too_slow(self._patience))

    def _disconnect(self) -> None:
        """Tell the application that the client has disconnected."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _close(self) -> None:
        """Close the connection; if the client still sends a body, let it read its answer first.

        The system resets a connection that is closed with unread bytes, and the client may lose its answer.
        """
        if self._lingers_since is not None:
            self.transport.close_now()
        elif self.has_unread_body():
            self._linger(self.watch.settings.head_timeout)
        elif self._ignores_input:
            self._linger()
        else:
            self.transport.close_now()

    def _linger(self, patience: float = LINGER) -> None:
        """Close the writing side and wait for the client to close; close at once if too many wait."""
        self._ignores_input = True
        self._patience = patience
        self.flow.resume_reading()
        if self.watch.may_linger(self) and self.transport.finish_writing():
            self._lingers_since = self.watch.time(self.loop)
        else:
            self.transport.close_now()
