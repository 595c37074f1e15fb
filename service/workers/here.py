"""Compute answers in a thread of the serving process, without limits on time and memory."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from time import perf_counter_ns
from types import MappingProxyType
from typing import Any

from service.asking import ask, send_lines
from service.endpoints import JOBS
from service.http.codings import decompress
from service.http.representations import Content, represent
from service.jobs import answer as answer_job
from service.telemetry.records import add_phase
from service.workers.places import Places
from service.workers.requests import WorkItem


class InProcess(Places):
    """Computes in a thread. For tests, for embedding, and for systems that cannot limit a process.

    It has the methods of `Pool`.
    """

    workers: frozenset[Any] = frozenset()
    is_ready = True
    plans = 0
    endings: Mapping[str, int] = MappingProxyType({})

    def __init__(self, queue: int) -> None:
        super().__init__(1, queue)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compute")

    @property
    def queued(self) -> int:
        """Number of requests that wait for the thread."""
        return max(0, self.occupied - 1)

    def start(self) -> None:
        """Do nothing: the thread starts with the first question."""

    def recover(self) -> None:
        """Do nothing: there is no process to restart."""

    async def run(self, item: WorkItem) -> Content:
        """Return the answer to a question; its place has to be held. Raises Problem.

        If this is cancelled, lines end after the current one.
        """
        abandoned = Event()
        submitted = perf_counter_ns()

        def answer() -> Content:
            add_phase("waiting", submitted)
            return _answer(item, abandoned)

        context = copy_context()  # which has the record of the request
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, context.run, answer)
        finally:
            abandoned.set()

    async def close(self) -> None:
        """Wait for the current answer. A later `run` starts a new thread."""
        thread, self._thread = self._thread, ThreadPoolExecutor(1, thread_name_prefix="compute")
        await asyncio.to_thread(thread.shutdown, wait=True, cancel_futures=True)


def _answer(item: WorkItem, abandoned: Event) -> Content:
    body = bytes(item.body)
    if item.is_gzipped:
        body = decompress(body, item.max_bytes)
    endpoint = JOBS[item.name]
    on_line = item.on_line
    if on_line is None:
        body = ask(endpoint, body, item.limits, answer_job)
        return represent(body, item.accepts_gzip)

    ask(endpoint, body, item.limits, lambda job: send_lines(job, on_line, abandoned.is_set))
    return Content(b"", "")
