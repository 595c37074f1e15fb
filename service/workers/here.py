"""Answers computed in the serving process, without bounds of time and memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from service.asking import ask, hand_over
from service.endpoints import ENDPOINTS
from service.http.codings import decompress
from service.http.representations import Content, represent
from service.workers.places import Places
from service.workers.requests import WorkItem


class InProcess(Places):
    """Computes in a thread: for tests, for embedding, and for systems that cannot bound a process.

    It has the methods of `Pool`.
    """

    workers: frozenset[Any] = frozenset()
    is_ready = True
    plans = 0

    def __init__(self, queue: int) -> None:
        super().__init__(1, queue)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compute")

    def start(self) -> None:
        """Nothing has to be started."""

    def recover(self) -> None:
        """Nothing can fail to start."""

    async def run(self, asked: WorkItem) -> Content:
        """Return the answer to a question, for which a place has to be held. Raises Problem.

        Where nobody waits for it any more, lines end behind the one that is computed.
        """
        left = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, _answer, asked, left)
        finally:
            left.set()

    async def close(self) -> None:
        """Wait for the answer that is computed. A later `run` starts a new thread."""
        thread, self._thread = self._thread, ThreadPoolExecutor(1, thread_name_prefix="compute")
        await asyncio.to_thread(thread.shutdown, wait=True, cancel_futures=True)


def _answer(asked: WorkItem, left: Event) -> Content:
    body = bytes(asked.body)
    if asked.is_gzipped:
        body = decompress(body, asked.most)
    endpoint = ENDPOINTS[asked.name]
    take = asked.take
    if take is None:
        answer = ask(endpoint, body, asked.limits, lambda job: job.answer())
        return represent(answer, asked.accepts_gzip)

    ask(endpoint, body, asked.limits, lambda job: hand_over(job, take, left.is_set))
    return Content(b"", "")
