"""A limit on the requests that are computed or wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.http.problems import busy


class Places:
    """The places of requests that compute or wait.

    capacity: how many there are. occupied: how many are held.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.occupied = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while a request waits and is computed. Raises Problem 503 if all are taken."""
        if self.occupied >= self.capacity:
            raise busy(f"all {self.capacity} places are taken; try again in a moment")
        self.occupied += 1
        try:
            yield
        finally:
            self.occupied -= 1
