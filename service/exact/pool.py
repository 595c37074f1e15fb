"""Worker processes for exact questions: started before they are needed, stopped for certain, replaced.

A worker gets a line of JSON (name, length of the body, bounds) and the body. It sends frames: that it is
ready, each value that it reaches, and an answer. Its processor time is bounded by the operating system, so
that a busy machine stops nothing too early; a worker that gives no answer for long is killed in any case.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import orjson
from fastapi import Response

from compute.arithmetic.exact.bounds import beyond, reached
from service.exact.frames import ANSWER, HEAD, LINE, OFFER, REACHED, STATUS
from service.http.problems import MEDIA_TYPE, Problem, from_question
from service.http.work import RETRY_AFTER, Places
from service.settings import Settings

PATIENCE = 12  # times the processor time of an answer, and then its worker is killed
DELAY = 0.5  # seconds before the first worker is started
START = 60  # seconds in which a worker has to be ready
NICENESS = 19  # requests about floats go first, also while a worker loads what it needs
WORKER = f"import os; os.nice({NICENESS}); from service.exact.worker import main; main()"


Take: TypeAlias = Callable[[bytes], Awaitable[None]]


class Refusal(Problem):
    """A problem as a worker wrote it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("refused", "a worker refused the question")
        self.status, self.body = status, body

    def response(self, root_path: str = "") -> Response:
        body = self.body.replace(b'"type":"/', b'"type":"%b/' % root_path.encode(), 1)
        return Response(body, self.status, media_type=MEDIA_TYPE)


class Worker:
    """One process. reached: the values that its answer at hand has come to; offered: what stands if it does
    not come in time.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.reached: list[str] = []
        self.offered: bytes | None = None
        self.is_free = True

    async def frame(self) -> tuple[bytes, bytes]:
        """The next frame; raises IncompleteReadError where the process has ended."""
        assert self.process.stdout is not None
        kind, length = HEAD.unpack(await self.process.stdout.readexactly(HEAD.size))
        return kind, await self.process.stdout.readexactly(length)

    async def ask(self, header: bytes, body: bytes, take: Take | None) -> bytes:
        """The answer: status and body. take: what is done with each line of one that comes line by line."""
        self.reached, self.offered, self.is_free = [], None, False
        assert self.process.stdin is not None
        self.process.stdin.write(header + b"\n" + body)
        while True:
            kind, payload = await self.frame()
            if kind == REACHED:
                self.reached.append(payload.decode())
            elif kind == OFFER:
                self.offered = payload
            elif kind == LINE and take is not None:
                await take(payload)
            else:
                self.is_free = kind == ANSWER
                return payload

    async def end(self) -> None:
        """Kill the process if it still runs, and leave no zombie."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class ExactPool(Places):
    """A number of worker processes, and a number of requests that may wait for one."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.exact_workers + settings.queue)
        self.settings = settings
        self.workers: set[Worker] = set()
        self._idle: asyncio.Queue[Worker | None] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self._soon: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Have the workers started, one after the other, once whoever serves has had time to start too.

        A question that comes before does not wait for that.
        """
        self._soon = asyncio.get_running_loop().call_later(DELAY, self._start_first)

    def _start_first(self) -> None:
        if not self.workers and not self._starting:
            self._start_one()

    async def run(self, name: str, body: bytes, take: Take | None = None) -> bytes:
        """The answer to a question, for which a place has to be held. Raises Problem where there is none.

        take: asks for the answer line by line, and what is done with each.
        """
        seconds = self.settings.exact_seconds
        header = {
            "name": name,
            "length": len(body),
            "seconds": seconds,
            "memory": self.settings.exact_memory,
            "lines": take is not None,
        }
        try:
            async with asyncio.timeout(PATIENCE * seconds):
                worker = await self._free_worker()
        except TimeoutError:
            raise _busy("no worker for exact questions was free in time") from None
        try:
            async with asyncio.timeout(PATIENCE * seconds):
                answered = await worker.ask(orjson.dumps(header), body, take)
        except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            await worker.process.wait()  # it has ended, or is about to
            return self._left_over(worker)
        except TimeoutError:
            await worker.end()
            return self._left_over(worker)
        finally:
            await self._take_back(worker)
        status, content = int(answered[:STATUS]), answered[STATUS:]
        if status != 200:
            raise Refusal(status, content)
        return content

    async def _free_worker(self) -> Worker:
        """A worker that runs and has nothing to do. Raises Problem where none can be started."""
        self._start_first()
        while True:
            worker = await self._idle.get()
            if worker is None:
                self._start_one()
                if self._idle.empty():
                    raise _busy("exact arithmetic is starting")
            elif worker.process.returncode is None:
                return worker
            else:  # it was ended while it waited
                await self._replace(worker)

    async def close(self) -> None:
        """End all workers."""
        if self._soon is not None:
            self._soon.cancel()
        for task in [*self._starting]:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self.workers))
        self.workers.clear()

    def _left_over(self, worker: Worker) -> bytes:
        """What a worker that was stopped offered before. Raises Problem where that is nothing."""
        if worker.offered is None:
            raise self._stopped(worker) from None
        return worker.offered

    def _stopped(self, worker: Worker) -> Problem:
        """Why a worker gave no answer, with how far it came."""
        seconds = self.settings.exact_seconds
        if worker.process.returncode == -signal.SIGPROF:
            what, limit = "took too long", f"at most {seconds:g} seconds"
        elif worker.process.returncode == -signal.SIGKILL:
            return _busy(f"no exact answer came in time on a busy machine; {reached(worker.reached)}")
        else:
            what, limit = "took too much memory", "less"
        return from_question(beyond(what, limit, worker.reached))

    async def _take_back(self, worker: Worker) -> None:
        """Let others have a worker that is free again; replace one that is none any more."""
        if worker.is_free:
            self._idle.put_nowait(worker)
        else:
            await self._replace(worker)

    async def _replace(self, worker: Worker) -> None:
        self.workers.discard(worker)
        self._start_one()
        await worker.end()

    def _start_one(self) -> None:
        task = asyncio.create_task(self._launch())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _launch(self) -> None:
        """Start a worker and put it where questions find it; nothing where it does not start."""
        # It finds what this process finds, wherever that was started.
        found = os.pathsep.join(one for one in sys.path if one)
        settings = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": found}
        environment = {**os.environ, **settings}
        command = (sys.executable, "-c", WORKER)
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment)
        except OSError:  # no process or memory is left for it
            self._idle.put_nowait(None)
            return
        worker = Worker(process)
        self.workers.add(worker)
        try:
            async with asyncio.timeout(START):
                await worker.frame()
        except (TimeoutError, asyncio.IncompleteReadError):
            self.workers.discard(worker)
            await worker.end()
            self._idle.put_nowait(None)
            return
        self._idle.put_nowait(worker)
        if len(self.workers) < self.settings.exact_workers:
            self._start_one()


def _busy(detail: str) -> Problem:
    return Problem("busy", detail, headers={"Retry-After": str(RETRY_AFTER)})
