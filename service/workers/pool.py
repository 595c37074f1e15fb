"""A pool of worker processes of one kind.

A worker receives a line of JSON (name, length of the body, limits, request id) and the body. It sends frames:
that it is ready, each value that it reaches, and an answer or a problem. The operating system limits its
processor time, so that a busy machine does not stop answers too early. A worker that exceeds the deadline on
the clock is killed.
"""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

import orjson

from compute.arithmetic.exact.bounds import beyond, reached
from service.http.problems import Problem, busy, from_question
from service.http.representations import Content, etag
from service.telemetry.records import current_record, phase
from service.workers.kinds import Kind
from service.workers.places import Places
from service.workers.process import Exchange, Worker, WorkerGone, WorkInterrupted
from service.workers.requests import WorkItem
from service.workers.roster import STOPPING, Roster

ROOM = 2  # seconds that a complete answer may wait for room in the memory budget
AGAIN = 0.1  # seconds until a worker is interrupted again; it may not have received the question yet
GRACE = 2  # seconds that an interrupted worker has to become free before it is killed
ATTEMPTS = 2  # attempts at a question whose worker was terminated from outside


class Pool(Places):
    """Worker processes of one kind, and the places of requests that they compute or that wait.

    roster: the processes.
    answered_at: the time when a worker last became free.
    """

    def __init__(self, kind: Kind, queue: int) -> None:
        super().__init__(kind.count, queue)
        self.kind = kind
        self.roster = Roster(kind)
        self.answered_at = monotonic()
        self.start, self.recover, self.close = self.roster.start, self.roster.recover, self.roster.close

    @property
    def workers(self) -> set[Worker]:
        """The processes that run, ready or not."""
        return self.roster.workers

    @property
    def is_ready(self) -> bool:
        """True if a question would be answered."""
        if self.roster.is_starting or self.roster.failed:
            return False
        is_full = self.occupied >= self.capacity
        return not is_full or monotonic() - self.answered_at < 2 * self.kind.deadline

    @property
    def queued(self) -> int:
        """Number of requests that wait for a worker."""
        return self.roster.queued

    @property
    def endings(self) -> Mapping[str, int]:
        """Workers that ended and were replaced, by cause; see `Roster`."""
        return self.roster.endings

    @property
    def plans(self) -> int:
        """Bytes of the workers' caches."""
        return sum(worker.plans for worker in [*self.workers])

    async def run(self, item: WorkItem) -> Content:
        """Return the answer to a question; its place has to be held.

        Raises Problem if there is no answer, and ExactWanted if the question needs an exact worker.
        """
        for attempt in range(1, ATTEMPTS + 1):
            exchange = self._exchange(item)
            with phase("waiting"):
                worker = await self.roster.acquire(item.client)
            worker.client = item.client
            try:
                return await self._ask(worker, exchange)
            except WorkInterrupted:  # the signal was meant for the previous question
                if exchange.has_begun:
                    break
            except WorkerGone:
                if worker.offered is not None:
                    return Content(worker.offered, etag(worker.offered))
                problem = self._explain_exit(worker)
                if not _was_terminated(worker) or attempt == ATTEMPTS or exchange.has_begun:
                    raise problem from None
                item.share.release()
        raise busy("the work on the answer was interrupted; try again in a moment")

    def _exchange(self, item: WorkItem) -> Exchange:
        record = current_record.get()
        header = {
            **item.header,
            "seconds": self.kind.seconds,
            "memory": self.kind.memory,
            "request_id": "" if record is None else record.request_id,
        }
        patience = self.kind.deadline if item.on_line else min(ROOM, self.kind.deadline)
        return Exchange(orjson.dumps(header), item.body, item.share, patience, item.on_line)

    async def _ask(self, worker: Worker, exchange: Exchange) -> Content:
        """Return the answer of a worker. End its work if this is cancelled or the deadline passes."""
        asking = asyncio.ensure_future(worker.ask(exchange))
        try:
            async with asyncio.timeout(self.kind.deadline):
                return await asyncio.shield(asking)
        except TimeoutError:
            worker.kill()
            raise WorkerGone from None
        except WorkerGone:
            await worker.wait_for_exit()
            raise
        finally:
            self.answered_at = monotonic()
            try:
                if not asking.done():
                    exchange.is_abandoned = True
                    await self._interrupt(worker, asking)
                elif not asking.cancelled():
                    asking.exception()  # mark it as retrieved, if this was cancelled at the same moment
            finally:  # also if this is cancelled again
                await self.roster.take_back(worker)

    async def _interrupt(self, worker: Worker, asking: "asyncio.Future[Content]") -> None:
        """End the work of a worker: interrupt it if possible, otherwise kill it."""
        try:
            if self.kind.can_be_interrupted and not worker.was_killed:
                until = monotonic() + GRACE
                while not asking.done() and monotonic() < until:
                    worker.interrupt()
                    await asyncio.wait([asking], timeout=AGAIN)
        finally:
            if not asking.done():
                worker.kill()
                asking.cancel()
            with suppress(Exception, asyncio.CancelledError):
                await asking

    def _explain_exit(self, worker: Worker) -> Problem:
        """Return the problem for a worker that ended without an answer."""
        code = worker.process.returncode
        if code == -signal.SIGPROF:
            return from_question(
                beyond("took too long", f"at most {self.kind.seconds:g} seconds", worker.reached)
            )
        if code == -signal.SIGVTALRM:
            detail = f"the answer took too long: at most {self.kind.seconds:g} seconds of processor time"
            return Problem("too_large", f"{detail}; send smaller matrices or settings")
        if worker.was_killed and self.roster.is_open:
            return busy(f"no answer came in time on a busy machine; {reached(worker.reached)}")
        if not self.roster.is_open:
            return busy(STOPPING.format(self.kind.answers))
        if code == -signal.SIGKILL:
            return busy("the process that computed the answer was killed, as systems short of memory do")
        ended = f"the process that computed the answer was ended by {worker.exit_name}"
        return busy(f"{ended}; the service's log says so too")


def _was_terminated(worker: Worker) -> bool:
    """Return whether SIGTERM ended a worker, so that another may try to answer."""
    return worker.process.returncode == -signal.SIGTERM
