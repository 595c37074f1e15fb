"""Worker processes of one kind: started before they are needed, bounded for certain, replaced.

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
from collections import Counter, deque
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic

import orjson

from compute.arithmetic.exact.bounds import beyond, reached
from service.http.middleware import current_request_id
from service.http.problems import Problem, busy, from_question
from service.http.representations import Content, etag
from service.workers.kinds import Kind
from service.workers.places import Places
from service.workers.process import Question, Worker, WorkerGone, WorkInterrupted
from service.workers.requests import Asked

LOGGER = logging.getLogger("workings")
NOT_STARTED = "no process for {} could be started; the service's log says why"
STOPPING = "the processes for {} are being stopped"
GRACE = 2  # seconds that an interrupted worker has to become free, and then it is killed
ATTEMPTS = 2  # at a question whose worker was ended from outside


class Pool(Places):
    """A number of worker processes of one kind, and a number of requests that may wait for one.

    workers: the processes that run, ready or not. failed: whether the last attempt to start one failed.
    answered_at: when a worker last became free.
    """

    def __init__(self, kind: Kind, queue: int) -> None:
        super().__init__(kind.count, queue)
        self.kind = kind
        self.workers: set[Worker] = set()
        self.failed = False
        self.answered_at = monotonic()
        self._lock = Lock()  # guards everything below, and workers
        self._idle: deque[Worker] = deque()
        self._waiting: list[tuple[str, Future[Worker]]] = []  # with their clients
        self._launcher: Thread | None = None
        self._is_open = False
        self._is_starting = False
        self._soon: asyncio.TimerHandle | None = None
        # An application that is dropped, or an interpreter that exits, without `close`.
        weakref.finalize(self, _end_all, self.workers, os.getpid())

    def start(self) -> None:
        """Have the workers started, one after another, once the server has had time to start too.

        A question that comes earlier does not wait for that.
        """
        self._is_starting = True
        self._soon = asyncio.get_running_loop().call_later(self.kind.delay, self._start_now)

    def _start_now(self) -> None:
        with self._lock:
            self._is_open = True
            self._launch_missing()

    @property
    def is_ready(self) -> bool:
        """Whether a question would be answered."""
        if self._is_starting or self.failed:
            return False
        is_full = self.occupied >= self.capacity
        return not is_full or monotonic() - self.answered_at < 2 * self.kind.longest

    def recover(self) -> None:
        """Try again to start workers, if the last attempt failed."""
        if self.failed:
            with self._lock:
                self._launch_missing()

    @property
    def plans(self) -> int:
        """Bytes of the plans that the workers keep."""
        return sum(worker.plans for worker in [*self.workers])

    async def run(self, asked: Asked) -> Content:
        """Return the answer to a question, for which a place has to be held.

        Raises Problem if there is no answer, and ExactWanted if it is asked for in exact numbers elsewhere.
        """
        for attempt in range(1, ATTEMPTS + 1):
            question = self._question(asked)
            worker = await self._free_worker(asked.client)
            worker.client = asked.client
            try:
                return await self._ask(worker, question)
            except WorkInterrupted:  # meant for the question before
                continue
            except WorkerGone:
                if worker.offered is not None:
                    return Content(worker.offered, etag(worker.offered))
                problem = self._gone(worker)
                if not _was_ended(worker) or attempt == ATTEMPTS or question.has_begun:
                    raise problem from None
                asked.share.release()
        raise busy("the work on the answer was interrupted; try again in a moment")

    def _question(self, asked: Asked) -> Question:
        header = {
            **asked.header,
            "seconds": self.kind.seconds,
            "memory": self.kind.memory,
            "request_id": current_request_id.get(),
        }
        return Question(orjson.dumps(header), asked.body, asked.share, self.kind.longest, asked.take)

    async def _ask(self, worker: Worker, question: Question) -> Content:
        """Return the answer of a worker. End the work if nobody waits for it, or if it takes too long."""
        asking = asyncio.ensure_future(worker.ask(question))
        try:
            async with asyncio.timeout(self.kind.longest):
                return await asyncio.shield(asking)
        except TimeoutError:
            worker.kill()
            raise WorkerGone from None
        except WorkerGone:
            await worker.settle()
            raise
        finally:
            if not asking.done():
                question.is_abandoned = True
                await self._interrupt(worker, asking)
            await self._take_back(worker)

    async def _interrupt(self, worker: Worker, asking: "asyncio.Future[Content]") -> None:
        """End the work of a worker, so that it is free, or has to be replaced."""
        try:
            if self.kind.can_be_interrupted and not worker.was_killed:
                worker.interrupt()
                await asyncio.wait([asking], timeout=GRACE)
        finally:
            if not asking.done():
                worker.kill()
                asking.cancel()
            with suppress(Exception, asyncio.CancelledError):
                await asking

    async def close(self) -> None:
        """End all workers. A question that comes later starts new ones."""
        if self._soon is not None:
            self._soon.cancel()
        with self._lock:
            self._is_open = False
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

    async def _free_worker(self, client: str) -> Worker:
        """Return a free worker that runs. Raises Problem 503 if none is free in time."""
        future = self._request(client)
        try:
            async with asyncio.timeout(self.kind.longest):
                return await asyncio.wrap_future(future)
        except BaseException as error:
            if not future.cancel() and future.exception() is None:
                self._give(future.result())  # it came in the same moment
            if isinstance(error, TimeoutError):
                raise busy(f"no worker for {self.kind.answers} was free in time") from None
            raise

    def _request(self, client: str) -> Future[Worker]:
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

    async def _take_back(self, worker: Worker) -> None:
        """Let others have a worker that is free again; end and replace another."""
        self.answered_at = monotonic()
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
                    is_missing = started and self._is_open and self._is_short()
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
                if not self._is_open:
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
        self.failed = self._is_starting = False
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

    def _gone(self, worker: Worker) -> Problem:
        """Return why a worker gave no answer, and log it where that is no fault of the question."""
        code = worker.process.returncode
        name, answers = signal.Signals(-code).name if code < 0 else f"status {code}", self.kind.answers
        if code == -signal.SIGPROF:
            return from_question(
                beyond("took too long", f"at most {self.kind.seconds:g} seconds", worker.reached)
            )
        if code == -signal.SIGVTALRM:
            detail = f"the answer took too long: at most {self.kind.seconds:g} seconds of processor time"
            return Problem("too_large", f"{detail}; send smaller matrices or settings")
        if worker.was_killed and self._is_open:
            return busy(f"no answer came in time on a busy machine; {reached(worker.reached)}")
        if not self._is_open:
            return busy(STOPPING.format(answers))
        LOGGER.error("A worker for %s was ended by %s while it computed an answer.", answers, name)
        if code == -signal.SIGKILL:
            return busy("the process that computed the answer was killed, as systems short of memory do")
        return busy(
            f"the process that computed the answer was ended by {name}; the service's log says so too"
        )

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


def _was_ended(worker: Worker) -> bool:
    """Return whether somebody asked a worker to end, so that another may answer."""
    return worker.process.returncode == -signal.SIGTERM


def _end_all(workers: Iterable[Worker], owner: int) -> None:
    """End workers where no event loop runs any more, unless they belong to a process that was forked."""
    if os.getpid() == owner:
        for worker in [*workers]:
            worker.end_now()
