"""A worker process that any thread or event loop can start, use and end.

The process is reached over a socket. The pipes of asyncio belong to the event loop that opened them: a
server has one loop for all requests, but a test client may have one for each.
"""

import asyncio
import json
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
from service.http.streams import Take
from service.questions.operations import ExactWanted
from service.workers.frames import (
    ANSWER,
    EXACT,
    HEAD,
    INTERRUPTED,
    LINE,
    OFFER,
    PROBLEM,
    REACHED,
    STATE,
    load_problem,
)
from service.workers.interrupts import INTERRUPT
from service.workers.kinds import Kind

START = 600  # seconds within which a worker has to be ready, also on a busy machine
GLANCE = 0.02  # seconds between two looks for room, while an answer waits for it
SETTLED = 2  # seconds in which a process ends that has closed its connection
CHUNK = 2**16  # bytes to read at once of what may hold several frames
PART = 2**18  # bytes to read at once of a long answer
ROOT = str(Path(__file__).parents[2])  # the directory that holds our packages


class WorkerGone(Exception):
    """The process has ended or closed the connection, or was not ready in time."""


class WorkInterrupted(Exception):
    """The worker was interrupted while it worked, and is free again."""


class Exchange:
    """A question as a worker takes it.

    header: JSON without line ends. share: of the memory for answers that wait to be sent; patience: seconds
    to wait for room there. take: receives each line of an answer that comes line by line.
    has_begun: whether lines have come. is_abandoned: whether nobody waits for the answer any more, so that it
    is read and thrown away.
    """

    def __init__(
        self, header: bytes, body: bytes | bytearray, share: Share, patience: float, take: Take | None = None
    ) -> None:
        self.header, self.body, self.take = header, body, take
        self.share, self.patience = share, patience
        self.has_begun = self.is_abandoned = False


def is_supported() -> bool:
    """Return whether this platform can bound a process's time and memory, as POSIX systems do."""
    return (
        all(hasattr(signal, name) for name in ("setitimer", "SIGPROF", "SIGKILL"))
        and hasattr(os, "nice")
        and find_spec("resource") is not None
    )


def _search_path() -> str:
    """Return a PYTHONPATH with which a worker imports the same modules as this process.

    An empty entry stands for the current directory, whose files must not replace ours or those of the
    standard library. `-P` keeps Python from adding that directory by itself.
    """
    entries = [entry for entry in sys.path if entry]
    if ROOT not in entries:  # the empty entry was the one that held our packages
        entries.insert(0, ROOT)
    return os.pathsep.join(entries)


def command(kind: Kind) -> tuple[str, ...]:
    """Return the command of a process."""
    return sys.executable, "-P", "-c", kind.program, json.dumps(kind.start)


class Worker:
    """A process and the connection to it.

    reached: names of the values computed so far for the current question.
    offered: the body to send if the worker is stopped before a better answer.
    plans: bytes of the plans that it keeps. client: the address that its last question came from.
    is_free: whether the process waits for a question.
    was_killed: whether this side has killed the process, or tried to.
    """

    def __init__(self, kind: Kind) -> None:
        """Start the process. Raises OSError if the system has no process, memory or descriptor left."""
        self.reached: list[str] = []
        self.offered: bytes | None = None
        self.plans = 0
        self.client = ""
        self.is_free = True
        self.was_killed = False
        self._received = bytearray()
        self._connection, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - no argument comes from a request
                    command(kind),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    env={**os.environ, **kind.environment, "PYTHONPATH": _search_path()},
                    process_group=0,  # Ctrl-C on a terminal is for the server, which then ends its workers
                )
            except BaseException:
                self._connection.close()
                raise

    def wait_until_ready(self) -> None:
        """Block until the process can take a question. Raises WorkerGone if it ends or takes too long."""
        self._connection.settimeout(START)
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
        """Return whether the process runs. If it has ended, no zombie is left."""
        return self.process.poll() is None

    async def ask(self, question: Exchange) -> Content:
        """Return the answer, which is empty after lines.

        It must not be cancelled while the process is to be used again: bytes would be lost on the way. Raises
        Problem if the worker refuses the question or there is no room for the answer, ExactWanted,
        WorkInterrupted, and WorkerGone if the process ends.
        """
        self.reached, self.offered, self.is_free = [], None, False
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._connection, question.header + b"\n")
            await loop.sock_sendall(self._connection, question.body)
        except ConnectionError:
            raise WorkerGone from None
        refused: Exception | None = None
        state: dict[str, Any] = {}
        while True:
            kind, length = HEAD.unpack(await self._read(HEAD.size))
            # A short answer takes no more memory than its connection, and finds room in any case.
            if (kind == LINE or (kind == ANSWER and length > CHUNK)) and refused is None:
                refused = await _find_room(question, length)
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
                if refused is None and question.take is not None:
                    question.has_begun = True
                    question.take(bytes(payload))
            elif kind == PROBLEM:
                refused = load_problem(bytes(payload))
            elif kind == EXACT:
                refused = ExactWanted()
            elif kind == INTERRUPTED:
                refused = WorkInterrupted()
            elif kind == STATE:
                state = json.loads(payload)
            else:
                self.plans, self.is_free = state.get("plans", 0), not state.get("is_last")
                if refused is not None:
                    raise refused
                return Content(payload, state.get("tag", ""), state.get("coding"))

    async def _read(self, count: int) -> bytes | bytearray:
        """Return so many bytes; a bytearray where they are many, which nothing has to copy."""
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
        found = bytes(self._received[:count])
        del self._received[:count]
        return found

    async def _read_long(self, count: int) -> bytearray:
        """Return so many bytes. Memory is taken as they come: clearing all of it at once stops the loop."""
        loop = asyncio.get_running_loop()
        found = self._received[:count]
        del self._received[:count]
        while len(found) < count:
            try:
                received = await loop.sock_recv(self._connection, min(PART, count - len(found)))
            except ConnectionError:
                received = b""
            if not received:
                raise WorkerGone
            found += received
        return found

    async def _skip(self, count: int) -> None:
        while count:
            count -= len(await self._read(min(count, CHUNK)))

    def interrupt(self) -> None:
        """Interrupt the work on the current question. The process says when it is free."""
        self.process.send_signal(INTERRUPT)

    def kill(self) -> None:
        """Kill the process if it still runs, without waiting for it."""
        if self.is_running():
            self.was_killed = True
            self.process.kill()

    async def settle(self) -> None:
        """Wait until a process has ended that has closed its connection; kill it if it does not end."""
        until = monotonic() + SETTLED
        while self.is_running() and monotonic() < until:
            await asyncio.sleep(GLANCE)
        await self.end()

    async def end(self) -> None:
        """Kill the process if it still runs, leave no zombie, and close the connection.

        A process that had already ended keeps its return code.
        """
        self.kill()
        try:
            if self.is_running():
                await asyncio.to_thread(self.process.wait)
        finally:
            self._connection.close()

    def end_now(self) -> None:
        """Kill the process and close the connection, blocking. No event loop may wait for the connection."""
        self.kill()
        self.process.wait()
        self._connection.close()


async def _find_room(question: Exchange, length: int) -> Exception | None:
    """Hold the bytes of an answer; return a Problem, or WorkInterrupted, if they are not to be read."""
    until = monotonic() + question.patience
    while not question.is_abandoned:
        if question.share.has_room(length) or monotonic() > until:
            try:
                question.share.grow(length)
            except Problem as problem:
                return problem
            return None
        await asyncio.sleep(GLANCE)
    return WorkInterrupted()
