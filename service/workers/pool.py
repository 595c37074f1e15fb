"""Questions answered by worker processes of one kind.

A worker receives a line of JSON (name, length of the body, bounds, request id) and the body. It sends frames:
that it is ready, each value that it reaches, and an answer or a problem. The operating system bounds its
processor time, so that a busy machine stops no answer too early; a worker that does not answer for long is
killed in any case.
"""

import asyncio
import logging
import signal
from contextlib import suppress
from time import monotonic

import orjson

from compute.arithmetic.exact.bounds import beyond, reached
from service.http.middleware import current_request_id
from service.http.problems import Problem, busy, from_question
from service.http.representations import Content, etag
from service.workers.kinds import Kind
from service.workers.places import Places
from service.workers.process import Exchange, Worker, WorkerGone, WorkInterrupted
from service.workers.requests import WorkItem
from service.workers.roster import STOPPING, Roster

LOGGER = logging.getLogger("workings")
ROOM = 2  # seconds that a worker holds a whole answer for which there is no room
AGAIN = 0.1  # seconds until a worker is interrupted again, for the question may still be on its way to it
GRACE = 2  # seconds that an interrupted worker has to become free, and then it is killed
ATTEMPTS = 2  # at a question whose worker was ended from outside


class Pool(Places):
    """A number of worker processes of one kind, and a number of requests that may wait for one.

    roster: the processes. answered_at: when a worker last became free.
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
        """Whether a question would be answered."""
        if self.roster.is_starting or self.roster.failed:
            return False
        is_full = self.occupied >= self.capacity
        return not is_full or monotonic() - self.answered_at < 2 * self.kind.longest

    @property
    def plans(self) -> int:
        """Bytes of the plans that the workers keep."""
        return sum(worker.plans for worker in [*self.workers])

    async def run(self, asked: WorkItem) -> Content:
        """Return the answer to a question, for which a place has to be held.

        Raises Problem if there is no answer, and ExactWanted if it is asked for in exact numbers elsewhere.
        """
        for attempt in range(1, ATTEMPTS + 1):
            question = self._question(asked)
            worker = await self.roster.acquire(asked.client)
            worker.client = asked.client
            try:
                return await self._ask(worker, question)
            except WorkInterrupted:  # meant for the question before
                if question.has_begun:
                    break
            except WorkerGone:
                if worker.offered is not None:
                    return Content(worker.offered, etag(worker.offered))
                problem = self._gone(worker)
                if not _was_ended(worker) or attempt == ATTEMPTS or question.has_begun:
                    raise problem from None
                asked.share.release()
        raise busy("the work on the answer was interrupted; try again in a moment")

    def _question(self, asked: WorkItem) -> Exchange:
        header = {
            **asked.header,
            "seconds": self.kind.seconds,
            "memory": self.kind.memory,
            "request_id": current_request_id.get(),
        }
        patience = self.kind.longest if asked.take else min(ROOM, self.kind.longest)
        return Exchange(orjson.dumps(header), asked.body, asked.share, patience, asked.take)

    async def _ask(self, worker: Worker, question: Exchange) -> Content:
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
            self.answered_at = monotonic()
            try:
                if not asking.done():
                    question.is_abandoned = True
                    await self._interrupt(worker, asking)
                elif not asking.cancelled():
                    asking.exception()  # seen, though this was cancelled in the same moment
            finally:  # also if this is cancelled once more
                await self.roster.take_back(worker)

    async def _interrupt(self, worker: Worker, asking: "asyncio.Future[Content]") -> None:
        """End the work of a worker, so that it is free, or has to be replaced."""
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
        if worker.was_killed and self.roster.is_open:
            return busy(f"no answer came in time on a busy machine; {reached(worker.reached)}")
        if not self.roster.is_open:
            return busy(STOPPING.format(answers))
        LOGGER.error("A worker for %s was ended by %s while it computed an answer.", answers, name)
        if code == -signal.SIGKILL:
            return busy("the process that computed the answer was killed, as systems short of memory do")
        return busy(
            f"the process that computed the answer was ended by {name}; the service's log says so too"
        )


def _was_ended(worker: Worker) -> bool:
    """Return whether somebody asked a worker to end, so that another may answer."""
    return worker.process.returncode == -signal.SIGTERM
