"""Where computing happens: threads beside the event loop, as many at once as fit."""

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
    """A number of requests that may be at work or wait, counted."""

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
    """A number of threads, and a number of requests that may wait for one."""

    def __init__(self, workers: int, queue: int) -> None:
        super().__init__(workers + queue)
        self._new_threads = partial(ThreadPoolExecutor, workers, thread_name_prefix="compute")
        self._threads = self._new_threads()

    async def run(self, function: Callable[[], T]) -> T:
        """The function's result, computed by a thread. A place has to be held."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def close(self) -> None:
        """Let the threads finish what they have begun. A function that comes later has new ones."""
        threads, self._threads = self._threads, self._new_threads()
        threads.shutdown(wait=True, cancel_futures=True)
