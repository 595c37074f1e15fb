"""The processes of a pool: started before they are needed, assigned to requests fairly, and replaced.

A roster does not belong to an event loop: requests may come from several loops, one after another or in
several threads at the same time. The roster starts workers in a thread of its own.
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
# How a process ended, by cause, with the level of its message; the system ended it for all other causes.
ENDINGS = {
    "size": (logging.DEBUG, "was retired, since it held too much memory"),
    "time": (logging.INFO, "was ended, since an answer took too much processor time"),
    "stopped": (logging.INFO, "was stopped, since an answer took too long or its client had gone"),
    "terminated": (logging.WARNING, ""),
}
STOPPING = "the processes for {} are being stopped"


class Roster:
    """Worker processes of one kind, and the requests that wait for one.

    workers: the processes that run, ready or not.
    failed: whether the last attempt to start a process failed.
    is_open: whether processes are started and reused.
    is_starting: whether no process has been ready yet.
    endings: the processes that ended and were replaced, by cause: `size` (they held too much memory), `time`
        (an answer took too much processor time), `stopped` (by the service, since an answer took too long on
        the clock or its client had gone), `killed` (as systems short of memory do), `terminated`, `crashed`.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.workers: set[Worker] = set()
        self.failed = False
        self.is_open = False
        self.is_starting = False
        self.endings = Counter[str]()
        self._lock = Lock()  # guards `workers` and everything below
        self._idle: deque[Worker] = deque()
        self._waiting: list[tuple[str, Future[Worker]]] = []  # with their clients
        self._launcher: Thread | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        # For an application that is dropped, or an interpreter that exits, without `close`.
        weakref.finalize(self, _kill_all, self.workers, os.getpid())

    def start(self) -> None:
        """Schedule the start of the workers, after a delay that lets the server start first.

        An earlier question starts them at once.
        """
        self.is_starting = self._is_short()  # false if earlier requests have started them
        self._start_timer = asyncio.get_running_loop().call_later(self.kind.delay, self._start_now)

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
        """End all workers. A later question starts new ones."""
        if self._start_timer is not None:
            self._start_timer.cancel()
        with self._lock:
            self.is_open = False
            launcher = self._launcher
            self._refuse_waiting(STOPPING.format(self.kind.answers))
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
        """Return a free, running worker. Raises Problem 503 if none is free in time."""
        future = self._request(client)
        try:
            async with asyncio.timeout(self.kind.deadline):
                return await asyncio.wrap_future(future)
        except BaseException as error:
            with self._lock:
                self._waiting = [waiting for waiting in self._waiting if waiting[1] is not future]
            if not future.cancel() and future.exception() is None:
                self._give(future.result())  # a worker was assigned at the same moment
            if isinstance(error, TimeoutError):
                raise busy(f"no worker for {self.kind.answers} was free in time") from None
            raise

    def _request(self, client: str) -> Future[Worker]:
        """Return a future of a worker. Its exception is a Problem if no worker can be started."""
        future: Future[Worker] = Future()
        with self._lock:
            self.is_open = True
            while self._idle:
                worker = self._idle.popleft()
                if worker.is_running():
                    future.set_result(worker)
                    break
                self.workers.discard(worker)
                self._note_end(worker)
                worker.end_now()  # the idle process was ended from outside
            else:
                self._waiting.append((client, future))
            self._launch_missing()
        return future

    def _give(self, worker: Worker) -> None:
        """Assign a free worker to a waiting request, or keep it idle.

        The client with the fewest busy workers comes first, then the request that has waited longest.
        """
        with self._lock:
            busy_workers = Counter(
                other.client for other in self.workers if other is not worker and not other.is_free
            )
            while self._waiting:
                waiting = min(self._waiting, key=lambda waiting: busy_workers[waiting[0]])
                self._waiting.remove(waiting)
                future = waiting[1]
                if future.set_running_or_notify_cancel():
                    future.set_result(worker)
                    return
            self._idle.append(worker)

    async def take_back(self, worker: Worker) -> None:
        """Reuse a worker if it is free; otherwise end and replace it."""
        if worker.is_free and self.is_open:
            self._give(worker)
            return
        with self._lock:
            self.workers.discard(worker)
            self._note_end(worker)
            self._launch_missing()
        await worker.end()

    @property
    def queued(self) -> int:
        """Number of requests that wait for a process."""
        return len(self._waiting)

    def _note_end(self, worker: Worker) -> None:
        """Count and log a process that is replaced. The lock must be held."""
        if not self.is_open:
            return
        cause, exit_name = worker.explain_end(), worker.exit_name
        self.endings[cause] += 1
        level, how = ENDINGS.get(cause, (logging.ERROR, ""))
        activity = "was idle" if worker.is_free else "computed an answer"
        fields = {"worker": self.kind.name, "pid": worker.process.pid, "cause": cause, "exit": exit_name}
        if worker.is_free:
            fields["request_id"] = None  # the request that finds it did not end it
        LOGGER.log(
            level,
            "A worker for %s %s.",
            self.kind.answers,
            how or f"was ended by {exit_name} while it {activity}",
            extra={"fields": fields},
        )

    def _launch_missing(self) -> None:
        """Start a thread that starts the missing workers. The lock must be held."""
        if self.is_open and self._launcher is None and self._is_short():
            launcher = Thread(target=self._launch, name=f"{self.kind.name}-launcher", daemon=True)
            try:
                launcher.start()
            except Exception:  # RuntimeError if the system has no thread left
                LOGGER.exception("The thread that starts workers for %s did not start.", self.kind.answers)
                self.failed = True
                self._refuse_if_no_workers()
            else:
                self._launcher = launcher

    def _is_short(self) -> bool:
        return len(self.workers) < self.kind.count

    def _launch(self) -> None:
        """Start workers one after another, until there are enough or one fails to start."""
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
                        self._refuse_if_no_workers()

    def _launch_one(self) -> bool:
        """Start a worker and assign it. Return False if it was stopped while it started.

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
            was_killed = worker.was_killed  # by `close` or at exit of the interpreter
            with self._lock:
                self.workers.discard(worker)
            worker.end_now()
            if isinstance(error, WorkerGone) and (was_killed or self._was_stopped(worker)):
                return False
            raise
        self.failed = self.is_starting = False
        self._give(worker)
        return True

    def _refuse_if_no_workers(self) -> None:
        """Refuse the waiting requests if there is no worker at all. The lock must be held."""
        if not self.workers:
            self._refuse_waiting(NOT_STARTED.format(self.kind.answers))

    def _refuse_waiting(self, detail: str) -> None:
        """Refuse all waiting requests with a Problem 503. The lock must be held."""
        while self._waiting:
            _, future = self._waiting.pop()
            if future.set_running_or_notify_cancel():
                future.set_exception(busy(detail))

    def _was_stopped(self, worker: Worker) -> bool:
        """Return whether SIGINT or SIGTERM ended a worker, and log it.

        Ctrl-C on a terminal also reaches a new process that is not yet in its own process group.
        """
        code = worker.process.returncode
        if code not in (-signal.SIGINT, -signal.SIGTERM):
            return False
        name = signal.Signals(-code).name
        LOGGER.warning("A worker for %s was stopped by %s while it started.", self.kind.answers, name)
        return True


def _kill_all(workers: Iterable[Worker], owner: int) -> None:
    """End workers after the event loop has ended, unless this is a fork of the process that owns them."""
    if os.getpid() == owner:
        for worker in [*workers]:
            worker.end_now()
