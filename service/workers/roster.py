"""The processes of a pool: started before they are needed, given to requests in a fair order, replaced.

A roster belongs to no event loop. Requests may come from several loops, one after another or at the same time
in several threads; workers are started by a thread of the roster's own.
"""

import asyncio
import logging
import os
import signal
import weakref
from collections import Counter, deque
from collections.abc import Iterable
from concurrent.futures import Future
from threading import Lock, Thread

from service.http.problems import busy
from service.workers.kinds import Kind
from service.workers.process import Worker, WorkerGone

LOGGER = logging.getLogger("workings")
NOT_STARTED = "no process for {} could be started; the service's log says why"
STOPPING = "the processes for {} are being stopped"


class Roster:
    """Worker processes of one kind, and the requests that wait for one.

    workers: the processes that run, ready or not. failed: whether the last attempt to start one failed.
    is_open: whether workers are started and taken back. is_starting: whether the first is not ready yet.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.workers: set[Worker] = set()
        self.failed = False
        self.is_open = False
        self.is_starting = False
        self._lock = Lock()  # guards everything below, and workers
        self._idle: deque[Worker] = deque()
        self._waiting: list[tuple[str, Future[Worker]]] = []  # with their clients
        self._launcher: Thread | None = None
        self._soon: asyncio.TimerHandle | None = None
        # An application that is dropped, or an interpreter that exits, without `close`.
        weakref.finalize(self, _end_all, self.workers, os.getpid())

    def start(self) -> None:
        """Have the workers started, one after another, once the server has had time to start too.

        A question that comes earlier does not wait for that.
        """
        self.is_starting = self._is_short()  # not where requests came before
        self._soon = asyncio.get_running_loop().call_later(self.kind.delay, self._start_now)

    def _start_now(self) -> None:
        with self._lock:
            self.is_open = True
            self._launch_missing()

    def recover(self) -> None:
        """Try again to start workers, if the last attempt failed."""
        if self.failed:
            with self._lock:
                self._launch_missing()

    async def close(self) -> None:
        """End all workers. A question that comes later starts new ones."""
        if self._soon is not None:
            self._soon.cancel()
        with self._lock:
            self.is_open = False
            launcher = self._launcher
            self._dismiss(STOPPING.format(self.kind.answers))
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

    async def acquire(self, client: str) -> Worker:
        """Return a free worker that runs. Raises Problem 503 if none is free in time."""
        future = self._request(client)
        try:
            async with asyncio.timeout(self.kind.longest):
                return await asyncio.wrap_future(future)
        except BaseException as error:
            with self._lock:
                self._waiting = [one for one in self._waiting if one[1] is not future]
            if not future.cancel() and future.exception() is None:
                self._give(future.result())  # it came in the same moment
            if isinstance(error, TimeoutError):
                raise busy(f"no worker for {self.kind.answers} was free in time") from None
            raise

    def _request(self, client: str) -> Future[Worker]:
        """Return a future worker. Its exception is a Problem if none can be started."""
        future: Future[Worker] = Future()
        with self._lock:
            self.is_open = True
            while self._idle:
                worker = self._idle.popleft()
                if worker.is_running():
                    future.set_result(worker)
                    break
                self.workers.discard(worker)
                worker.end_now()  # it was ended from outside while it waited
            else:
                self._waiting.append((client, future))
            self._launch_missing()
        return future

    def _give(self, worker: Worker) -> None:
        """Let a request that waits have a free worker, or keep it for the next.

        It goes to the client that has the fewest workers, and of equals to the one that has waited longest.
        """
        with self._lock:
            computing = Counter(one.client for one in self.workers if one is not worker and not one.is_free)
            while self._waiting:
                chosen = min(self._waiting, key=lambda one: computing[one[0]])
                self._waiting.remove(chosen)
                future = chosen[1]
                if future.set_running_or_notify_cancel():
                    future.set_result(worker)
                    return
            self._idle.append(worker)

    async def take_back(self, worker: Worker) -> None:
        """Let others have a worker that is free again; end and replace another."""
        if worker.is_free and self.is_open:
            self._give(worker)
            return
        with self._lock:
            self.workers.discard(worker)
            self._launch_missing()
        await worker.end()

    def _launch_missing(self) -> None:
        """Have a thread start the workers that are missing. The lock has to be held."""
        if self.is_open and self._launcher is None and self._is_short():
            launcher = Thread(target=self._launch, name=f"{self.kind.name}-launcher", daemon=True)
            try:
                launcher.start()
            except Exception:  # RuntimeError if the system has no thread left
                LOGGER.exception("The thread that starts workers for %s did not start.", self.kind.answers)
                self.failed = True
                self._dismiss_if_hopeless()
            else:
                self._launcher = launcher

    def _is_short(self) -> bool:
        return len(self.workers) < self.kind.count

    def _launch(self) -> None:
        """Start workers, one after another, until there are enough or one does not start."""
        is_missing = True
        while is_missing:
            started = False
            try:
                started = self._launch_one()
            except Exception:
                LOGGER.exception("A worker for %s did not start.", self.kind.answers)
                self.failed = True
            finally:
                with self._lock:
                    is_missing = started and self.is_open and self._is_short()
                    if not is_missing:
                        self._launcher = None  # the next request tries again
                        self._dismiss_if_hopeless()

    def _launch_one(self) -> bool:
        """Start a worker and give it to those who wait. Return False if it is stopped while it starts.

        Raises OSError or WorkerGone if the worker does not start.
        """
        worker = Worker(self.kind)
        try:
            with self._lock:
                self.workers.add(worker)
                if not self.is_open:
                    worker.kill()
            worker.wait_until_ready()
        except BaseException as error:
            was_killed = worker.was_killed  # by `close`, or because the interpreter exits
            with self._lock:
                self.workers.discard(worker)
            worker.end_now()
            if isinstance(error, WorkerGone) and (was_killed or self._was_stopped(worker)):
                return False
            raise
        self.failed = self.is_starting = False
        self._give(worker)
        return True

    def _dismiss_if_hopeless(self) -> None:
        """Tell those who wait that no worker could be started, unless another may become free."""
        if not self.workers:
            self._dismiss(NOT_STARTED.format(self.kind.answers))

    def _dismiss(self, detail: str) -> None:
        """Answer those who wait with a Problem 503. The lock has to be held."""
        while self._waiting:
            _, future = self._waiting.pop()
            if future.set_running_or_notify_cancel():
                future.set_exception(busy(detail))

    def _was_stopped(self, worker: Worker) -> bool:
        """Return whether a signal that stops servers ended a worker, and log it.

        Ctrl-C on a terminal also reaches a process that has just been started and has no group of its own.
        """
        code = worker.process.returncode
        if code not in (-signal.SIGINT, -signal.SIGTERM):
            return False
        name = signal.Signals(-code).name
        LOGGER.warning("A worker for %s was stopped by %s while it started.", self.kind.answers, name)
        return True


def _end_all(workers: Iterable[Worker], owner: int) -> None:
    """End workers where no event loop runs any more, unless they belong to a process that was forked."""
    if os.getpid() == owner:
        for worker in [*workers]:
            worker.end_now()
