"""A worker process that any thread or event loop can start, use and end.

The connection is a socket, because asyncio's pipes belong to the event loop that opened them. A server has
one loop for all requests, but a test client may have one for each.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from service.http.budgets import Share
from service.http.problems import Problem
from service.http.representations import Content
from service.http.streams import LineCallback
from service.questions.operations import ExactWanted
from service.telemetry.records import current_record
from service.workers.frames import (
    ANSWER,
    EXACT,
    HEAD,
    INTERRUPTED,
    LINE,
    LOG,
    OFFER,
    PROBLEM,
    REACHED,
    STATE,
    load_problem,
)
from service.workers.interrupts import INTERRUPT
from service.workers.kinds import Kind

LOGGER = logging.getLogger("workings")
START_SECONDS = 600  # most seconds until a worker is ready, even on a busy machine
POLL_INTERVAL = 0.02  # seconds between two checks for room, or for the end of a process
EXIT_SECONDS = 2  # seconds that a process has to end after it closed its connection
CHUNK = 2**16  # bytes read at once; a chunk may contain several frames
PART = 2**18  # bytes of a long answer read at once
CAUSES = {  # of the end of a process, by signal
    signal.SIGTERM: "terminated",
    signal.SIGINT: "terminated",
    **{
        number: cause
        for name, cause in (("SIGPROF", "time"), ("SIGVTALRM", "time"), ("SIGKILL", "killed"))
        if (number := getattr(signal, name, None)) is not None
    },
}
ROOT = str(Path(__file__).parents[__name__.count(".")])  # the directory that holds our packages


class WorkerGone(Exception):
    """The process ended or closed the connection, or was not ready in time."""


class WorkInterrupted(Exception):
    """The worker was interrupted and is free again."""


class Exchange:
    """One question sent to a worker, and the reading of its answer.

    header: a JSON object without line breaks.
    body: the body of the request.
    share: share of the memory budget for unsent answers.
    patience: seconds to wait for room in that budget.
    on_line: called with each line of an answer that is sent line by line.
    has_begun: whether a line has arrived.
    is_abandoned: whether the answer is no longer wanted, so that it is read and discarded.
    """

    def __init__(
        self,
        header: bytes,
        body: bytes | bytearray,
        share: Share,
        patience: float,
        on_line: LineCallback | None = None,
    ) -> None:
        self.header, self.body, self.on_line = header, body, on_line
        self.share, self.patience = share, patience
        self.has_begun = self.is_abandoned = False


def is_supported() -> bool:
    """Return whether this platform can limit a process's time and memory, as POSIX systems can."""
    return (
        all(hasattr(signal, name) for name in ("setitimer", "SIGPROF", "SIGKILL"))
        and hasattr(os, "nice")
        and find_spec("resource") is not None
    )


def _search_path() -> str:
    """Return a PYTHONPATH with which a worker imports the same modules as this process.

    An empty entry means the current directory, whose files must not shadow our modules or the standard
    library; `-P` keeps Python from adding that directory itself.
    """
    entries = [entry for entry in sys.path if entry]
    if ROOT not in entries:  # our packages were found through the empty entry
        entries.insert(0, ROOT)
    return os.pathsep.join(entries)


def command(kind: Kind) -> tuple[str, ...]:
    """Return the command of a process."""
    return sys.executable, "-P", "-c", kind.program, json.dumps(kind.start)


class Worker:
    """A process and the connection to it.

    reached: names of the values computed so far for the current question.
    offered: the body to send if the worker is stopped before it has a better answer.
    plans: bytes of its caches.
    client: key of the client that sent its last question.
    is_free: whether the process waits for a question.
    was_killed: whether this side has killed the process, or tried to.
    is_last: whether the process holds too much memory for another question.
    """

    def __init__(self, kind: Kind) -> None:
        """Start the process. Raises OSError if the system has no process, memory or descriptor left."""
        self.reached: list[str] = []
        self.offered: bytes | None = None
        self.plans = 0
        self.client = ""
        self.is_free = True
        self.was_killed = self.is_last = False
        self._received = bytearray()
        self._connection, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - no argument comes from a request
                    command(kind),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    env={**os.environ, **kind.environment, "PYTHONPATH": _search_path()},
                    process_group=0,  # Ctrl-C on a terminal only reaches the server, which ends its workers
                )
            except BaseException:
                self._connection.close()
                raise

    def wait_until_ready(self) -> None:
        """Block until the process is ready for a question. Raises WorkerGone if it ends or takes too long."""
        self._connection.settimeout(START_SECONDS)
        missing = HEAD.size  # of the frame READY, which has no payload
        try:
            while missing:
                received = self._connection.recv(missing)
                if not received:
                    raise WorkerGone("the process ended before it was ready")
                missing -= len(received)
        except OSError as error:  # TimeoutError among others
            raise WorkerGone(f"the process was not ready: {error}") from None
        self._connection.setblocking(False)

    def is_running(self) -> bool:
        """Return whether the process runs. Reaps it if it has ended."""
        return self.process.poll() is None

    async def ask(self, exchange: Exchange) -> Content:
        """Return the answer to a question; it is empty after lines.

        Do not cancel this if the process is to be used again: received bytes would be lost. Raises Problem if
        the worker refuses the question or there is no room for the answer, ExactWanted if it needs an exact
        worker, WorkInterrupted, and WorkerGone if the process ends.
        """
        self.reached, self.offered, self.is_free = [], None, False
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._connection, exchange.header + b"\n")
            await loop.sock_sendall(self._connection, exchange.body)
        except ConnectionError:
            raise WorkerGone from None
        refused: Exception | None = None
        state: dict[str, Any] = {}
        while True:
            kind, length = HEAD.unpack(await self._read(HEAD.size))
            # A short answer needs no more memory than its connection, so it does not count.
            if (kind == LINE or (kind == ANSWER and length > CHUNK)) and refused is None:
                refused = await _find_room(exchange, length)
            if refused is not None and length > CHUNK:
                await self._skip(length)
                payload: bytes | bytearray = b""
            else:
                payload = await self._read(length)
            if kind == REACHED:
                self.reached.append(payload.decode())
            elif kind == OFFER:
                self.offered = bytes(payload)
            elif kind == LINE:
                if refused is None and exchange.on_line is not None:
                    exchange.has_begun = True
                    exchange.on_line(bytes(payload))
            elif kind == LOG:
                _log(payload)
            elif kind == PROBLEM:
                refused = load_problem(bytes(payload))
            elif kind == EXACT:
                refused = ExactWanted()
            elif kind == INTERRUPTED:
                refused = WorkInterrupted()
            elif kind == STATE:
                state = json.loads(payload)
            else:
                self.plans, self.is_last = state.get("plans", 0), state.get("is_last", False)
                self.is_free = not self.is_last
                if "measured" in state and (record := current_record.get()) is not None:
                    record.include(state["measured"])
                if refused is not None:
                    raise refused
                return Content(payload, state.get("tag", ""), state.get("coding"))

    async def _read(self, count: int) -> bytes | bytearray:
        """Return `count` bytes, as a bytearray if they are many, to avoid a copy."""
        if count > CHUNK:
            return await self._read_long(count)
        loop = asyncio.get_running_loop()
        while len(self._received) < count:
            try:
                received = await loop.sock_recv(self._connection, CHUNK)
            except ConnectionError:
                received = b""
            if not received:
                raise WorkerGone
            self._received += received
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    async def _read_long(self, count: int) -> bytearray:
        """Return `count` bytes. Memory grows as they arrive: clearing it all at once would block the loop."""
        loop = asyncio.get_running_loop()
        data = self._received[:count]
        del self._received[:count]
        while len(data) < count:
            try:
                received = await loop.sock_recv(self._connection, min(PART, count - len(data)))
            except ConnectionError:
                received = b""
            if not received:
                raise WorkerGone
            data += received
        return data

    async def _skip(self, count: int) -> None:
        while count:
            count -= len(await self._read(min(count, CHUNK)))

    def interrupt(self) -> None:
        """Interrupt the work on the current question. The process reports when it is free."""
        self.process.send_signal(INTERRUPT)

    def kill(self) -> None:
        """Kill the process if it runs, without waiting for it."""
        if self.is_running():
            self.was_killed = True
            self.process.kill()

    def explain_end(self) -> str:
        """Return the cause for which the process ended or is ended."""
        if self.is_last:
            return "size"
        if self.was_killed:
            return "stopped"
        code = self.process.returncode
        return CAUSES.get(-code, "crashed") if code is not None else "stopped"

    @property
    def exit_name(self) -> str | None:
        """The signal that ended the process, or its status; None while it runs."""
        code = self.process.returncode
        if code is None:
            return None
        return signal.Signals(-code).name if code < 0 else f"status {code}"

    async def wait_for_exit(self) -> None:
        """Wait for a process that closed its connection to end; kill it if it does not."""
        until = monotonic() + EXIT_SECONDS
        while self.is_running() and monotonic() < until:
            await asyncio.sleep(POLL_INTERVAL)
        await self.end()

    async def end(self) -> None:
        """Kill the process if it runs, reap it, and close the connection.

        A process that had already ended keeps its return code.
        """
        self.kill()
        try:
            if self.is_running():
                await asyncio.to_thread(self.process.wait)
        finally:
            self._connection.close()

    def end_now(self) -> None:
        """Kill the process, wait for it and close the connection, while no event loop uses the connection."""
        self.kill()
        self.process.wait()
        self._connection.close()


def _log(payload: bytes | bytearray) -> None:
    """Log a message of a worker; it is empty if it was skipped."""
    if payload:
        level, text = json.loads(payload)
        LOGGER.log(level, text)


async def _find_room(exchange: Exchange, length: int) -> Exception | None:
    """Wait for room for an answer in the memory budget and take it.

    Returns None, or the exception to raise instead of the answer: a Problem, or WorkInterrupted.
    """
    until = monotonic() + exchange.patience
    while not exchange.is_abandoned:
        if exchange.share.has_room(length) or monotonic() > until:
            try:
                exchange.share.grow(length)
            except Problem as problem:
                return problem
            return None
        await asyncio.sleep(POLL_INTERVAL)
    return WorkInterrupted()
