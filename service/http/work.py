"""A thread pool with a bounded queue."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from service.http.problems import Problem

T = TypeVar("T")
RETRY_AFTER = 1


class Places:
    """A limit on the number of requests that compute or wait.

    capacity: the limit. occupied: the number of places that are held.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.occupied = 0

    def take(self) -> None:
        """Take a place, to be given back by `leave`. Raises Problem 503 if all are taken."""
        if self.occupied >= self.capacity:
            raise Problem(
                "busy",
                f"all {self.capacity} places are taken; try again in a moment",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self.occupied += 1

    def leave(self) -> None:
        """Give a place back."""
        self.occupied -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while a request is read and computed. Raises Problem 503 if all are taken."""
        self.take()
        try:
            yield
        finally:
            self.leave()


class Workshop(Places):
    """A thread pool.

    workers: number of threads. queue: number of requests that may wait for one.
    """

    def __init__(self, workers: int, queue: int) -> None:
        super().__init__(workers + queue)
        self._new_threads = partial(ThreadPoolExecutor, workers, thread_name_prefix="compute")
        self._threads = self._new_threads()

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread and return its result. The caller has to hold a place."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def close(self) -> None:
        """Wait for running functions and cancel those in the queue. A later `run` starts new threads."""
        threads, self._threads = self._threads, self._new_threads()
        threads.shutdown(wait=True, cancel_futures=True)
