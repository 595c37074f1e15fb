"""A worker process that any thread or event loop can start, use and end.

The process is reached over a socket. The pipes of asyncio belong to the event loop that opened them: a
server has one loop for all requests, but a test client may have one for each.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from service.workers.frames import ANSWER, HEAD, LINE, OFFER, PROBLEM, REACHED, load_problem

START = 600  # seconds within which a worker has to be ready, also on a busy machine
NICENESS = 19  # requests about floats have priority, also while a worker imports its modules
CHUNK = 2**16  # most bytes to read at once
WORKER = f"import os; os.nice({NICENESS}); from service.workers.worker import main; main()"
ROOT = str(Path(__file__).parents[2])  # the directory that holds our packages
# The same hashes in every process, so that answers repeat, and one thread each.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}

Take: TypeAlias = Callable[[bytes], Awaitable[None]]


class WorkerGone(Exception):
    """The process has ended or closed the connection, or was not ready in time."""


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


class Worker:
    """A process and the connection to it.

    reached: names of the values computed so far for the current question.
    offered: the body to send if the worker is stopped before a better answer.
    is_free: whether the process waits for a question.
    was_killed: whether this side has killed the process, or tried to.
    """

    def __init__(self) -> None:
        """Start the process. Raises OSError if the system has no process, memory or descriptor left."""
        self.reached: list[str] = []
        self.offered: bytes | None = None
        self.is_free = True
        self.was_killed = False
        self._received = bytearray()
        self._connection, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 - no argument comes from a request
                    (sys.executable, "-P", "-c", WORKER),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    env={**os.environ, **ENVIRONMENT, "PYTHONPATH": _search_path()},
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

    async def ask(self, header: bytes, body: bytes, take: Take | None) -> bytes:
        """Return the body of the answer, which is empty after lines.

        take: receives each line of an answer that comes line by line. Raises Problem if the worker refuses
        the question, and WorkerGone if the process ends.
        """
        self.reached, self.offered, self.is_free = [], None, False
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, header + b"\n" + body)
        except ConnectionError:
            raise WorkerGone from None
        problem = None
        while True:
            kind, payload = await self._frame()
            if kind == REACHED:
                self.reached.append(payload.decode())
            elif kind == OFFER:
                self.offered = payload
            elif kind == LINE and take is not None:
                await take(payload)
            elif kind == PROBLEM:
                problem = load_problem(payload)
            else:
                self.is_free = kind == ANSWER
                if problem is not None:
                    raise problem
                return payload

    async def _frame(self) -> tuple[bytes, bytes]:
        kind, length = HEAD.unpack(await self._read(HEAD.size))
        return kind, await self._read(length)

    async def _read(self, count: int) -> bytes:
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

    def kill(self) -> None:
        """Kill the process if it still runs, without waiting for it."""
        self.was_killed = True
        self.process.kill()

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
