"""Worker processes for exact questions: started before they are needed, stopped for certain, replaced.

A worker receives a line of JSON (name, length of the body, bounds, request id) and the body. It sends frames:
that it is ready, each value that it reaches, and an answer or a problem. The operating system bounds its
processor time, so that a busy machine stops no answer too early; a worker that does not answer for long is
killed in any case.

The pool belongs to no event loop. Requests may come from several loops, one after another or at the same time
in several threads; workers are started by a thread of the pool's own.
"""

import asyncio
import logging
import os
import signal
import weakref
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from threading import Lock, Thread

import orjson

from compute.arithmetic.exact.bounds import beyond, reached
from service.http.middleware import current_request_id
from service.http.problems import Problem, from_question
from service.http.work import RETRY_AFTER, Places
from service.settings import Settings
from service.workers.process import Take, Worker, WorkerGone, is_supported

LOGGER = logging.getLogger("workings")
NOT_STARTED = "no process for exact arithmetic could be started; the service's log says why"
STOPPING = "the processes for exact arithmetic are being stopped"
PATIENCE = 12  # times the processor time of an answer, and then its worker is killed
DELAY = 0.5  # seconds before the first worker is started


class ExactPool(Places):
    """A number of worker processes, and a number of requests that may wait for one.

    workers: the processes that run, ready or not.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.exact_workers + settings.queue)
        self.settings = settings
        self.workers: set[Worker] = set()
        self._lock = Lock()  # guards everything below, and workers
        self._idle: deque[Worker] = deque()
        self._waiting: deque[Future[Worker]] = deque()
        self._launcher: Thread | None = None
        self._is_open = False
        self._soon: asyncio.TimerHandle | None = None
        self._is_supported = is_supported()
        # An application that is dropped, or an interpreter that exits, without `close`.
        weakref.finalize(self, _end_all, self.workers, os.getpid())

    def start(self) -> None:
        """Have the workers started, one after another, once the server has had time to start too.

        A question that comes earlier does not wait for that.
        """
        if self._is_supported:
            self._soon = asyncio.get_running_loop().call_later(DELAY, self._start_now)

    def _start_now(self) -> None:
        with self._lock:
            self._is_open = True
            self._launch_missing()

    async def run(self, name: str, body: bytes, take: Take | None = None) -> bytes:
        """Return the answer to a question, for which a place has to be held.

        take: asks for the answer line by line, and receives each line. Raises Problem if there is no answer.
        """
        if not self._is_supported:
            detail = (
                "exact arithmetic relies on limits of processor time and memory that Linux, macOS and other"
                " POSIX systems have and this one has not; floating-point arithmetic works here"
            )
            raise Problem("unsupported_platform", detail)
        patience = PATIENCE * self.settings.exact_seconds
        header = {
            "name": name,
            "length": len(body),
            "seconds": self.settings.exact_seconds,
            "memory": self.settings.exact_memory,
            "lines": take is not None,
            "request_id": current_request_id.get(),
        }
        worker = await self._free_worker(patience)
        try:
            async with asyncio.timeout(patience):
                return await worker.ask(orjson.dumps(header), body, take)
        except (WorkerGone, TimeoutError):
            await worker.end()
            if worker.offered is None:
                raise self._stopped(worker) from None
            return worker.offered
        finally:
            await self._take_back(worker)

    async def close(self) -> None:
        """End all workers. A question that comes later starts new ones."""
        if self._soon is not None:
            self._soon.cancel()
        with self._lock:
            self._is_open = False
            launcher = self._launcher
            self._dismiss(STOPPING)
            for worker in self.workers:
                worker.kill()  # the request that waits for its answer, or the launcher, ends it
        if launcher is not None:
            await asyncio.to_thread(launcher.join)
        with self._lock:
            idle = [*self._idle]
            self._idle.clear()
            self.workers.difference_update(idle)
        for worker in idle:
            await worker.end()

    async def _free_worker(self, patience: float) -> Worker:
        """Return a free worker that runs. Raises Problem 503 if none is free in time."""
        future = self._request()
        try:
            async with asyncio.timeout(patience):
                return await asyncio.wrap_future(future)
        except BaseException as error:
            if not future.cancel() and future.exception() is None:
                self._give(future.result())  # it came in the same moment
            if isinstance(error, TimeoutError):
                raise _busy("no worker for exact questions was free in time") from None
            raise

    def _request(self) -> Future[Worker]:
        """Return a future worker. Its exception is a Problem if none can be started."""
        future: Future[Worker] = Future()
        with self._lock:
            self._is_open = True
            while self._idle:
                worker = self._idle.popleft()
                if worker.is_running():
                    future.set_result(worker)
                    break
                self.workers.discard(worker)
                worker.end_now()  # it was ended from outside while it waited
            else:
                self._waiting.append(future)
            self._launch_missing()
        return future

    def _give(self, worker: Worker) -> None:
        """Let the first request that waits have a free worker, or keep it for the next."""
        with self._lock:
            while self._waiting:
                future = self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_result(worker)
                    return
            self._idle.append(worker)

    async def _take_back(self, worker: Worker) -> None:
        """Let others have a worker that is free again; end and replace another."""
        if worker.is_free and self._is_open:
            self._give(worker)
            return
        with self._lock:
            self.workers.discard(worker)
            self._launch_missing()
        await worker.end()

    def _launch_missing(self) -> None:
        """Have a thread start the workers that are missing. The lock has to be held."""
        if self._is_open and self._launcher is None and self._is_short():
            launcher = Thread(target=self._launch, name="exact-launcher", daemon=True)
            try:
                launcher.start()
            except Exception:  # RuntimeError if the system has no thread left
                LOGGER.exception("The thread that starts workers for exact arithmetic did not start.")
                self._dismiss_if_hopeless()
            else:
                self._launcher = launcher

    def _is_short(self) -> bool:
        return len(self.workers) < self.settings.exact_workers

    def _launch(self) -> None:
        """Start workers, one after another, until there are enough or one does not start."""
        is_missing = True
        while is_missing:
            started = False
            try:
                started = self._launch_one()
            except Exception:
                LOGGER.exception("A worker for exact arithmetic did not start.")
            finally:
                with self._lock:
                    is_missing = started and self._is_open and self._is_short()
                    if not is_missing:
                        self._launcher = None  # the next request tries again
                        self._dismiss_if_hopeless()

    def _launch_one(self) -> bool:
        """Start a worker and give it to those who wait. Return False if it is stopped while it starts.

        Raises OSError or WorkerGone if the worker does not start.
        """
        worker = Worker()
        try:
            with self._lock:
                self.workers.add(worker)
                if not self._is_open:
                    worker.kill()
            worker.wait_until_ready()
        except BaseException as error:
            was_killed = worker.was_killed  # by `close`, or because the interpreter exits
            with self._lock:
                self.workers.discard(worker)
            worker.end_now()
            if isinstance(error, WorkerGone) and (was_killed or _was_interrupted(worker)):
                return False
            raise
        self._give(worker)
        return True

    def _dismiss_if_hopeless(self) -> None:
        """Tell those who wait that no worker could be started, unless another may become free."""
        if not self.workers:
            self._dismiss(NOT_STARTED)

    def _dismiss(self, detail: str) -> None:
        """Answer those who wait with a Problem 503. The lock has to be held."""
        while self._waiting:
            future = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                future.set_exception(_busy(detail))

    def _stopped(self, worker: Worker) -> Problem:
        """Why a worker gave no answer, with how far it came."""
        seconds = self.settings.exact_seconds
        if worker.process.returncode == -signal.SIGPROF:
            what, limit = "took too long", f"at most {seconds:g} seconds"
        elif worker.process.returncode == -signal.SIGKILL:
            return _busy(f"no exact answer came in time on a busy machine; {reached(worker.reached)}")
        else:
            what, limit = "took too much memory", f"at most {self.settings.exact_memory} bytes"
        return from_question(beyond(what, limit, worker.reached))


def _was_interrupted(worker: Worker) -> bool:
    """Return whether a signal that stops servers ended a worker, and log it.

    Ctrl-C on a terminal also reaches a process that has only just been started and has no group of its own.
    """
    code = worker.process.returncode
    if code not in (-signal.SIGINT, -signal.SIGTERM):
        return False
    name = signal.Signals(-code).name
    LOGGER.warning("A worker for exact arithmetic was stopped by %s while it started.", name)
    return True


def _end_all(workers: Iterable[Worker], owner: int) -> None:
    """End workers where no event loop runs any more, unless they belong to a process that was forked."""
    if os.getpid() == owner:
        for worker in [*workers]:
            worker.end_now()


def _busy(detail: str) -> Problem:
    return Problem("busy", detail, headers={"Retry-After": str(RETRY_AFTER)})
