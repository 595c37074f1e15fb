"""A limit on the requests that are computed or wait for it, shared fairly among clients."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.http.problems import busy


class Places:
    """The places of requests that compute or wait.

    capacity: how many there are, for those that compute and those that wait. most: how many of them one
    client may hold: as many as compute, and half of those that wait. occupied: how many are held.
    """

    def __init__(self, computing: int, waiting: int) -> None:
        self.capacity = computing + waiting
        self.most = computing + -(-waiting // 2)
        self.occupied = 0
        self._held = Counter[str]()

    @contextmanager
    def place(self, client: str = "") -> Iterator[None]:
        """Hold a place while a request waits and is computed. Raises Problem 503 if there is none.

        client: the address that the request comes from.
        """
        if self.occupied >= self.capacity:
            raise busy(f"all {self.capacity} places are taken; try again in a moment")
        if self._held[client] >= self.most:
            raise busy(f"your address holds {self.most} of {self.capacity} places; try again in a moment")
        self.occupied += 1
        self._held[client] += 1
        try:
            yield
        finally:
            self.occupied -= 1
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
