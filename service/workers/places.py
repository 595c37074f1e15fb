"""A limit on the requests that are computed or wait for it, shared fairly among clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.http.problems import busy

REFUSAL_DELAY = 0.2  # seconds, so that clients that ask again at once do not keep the event loop busy


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

    @asynccontextmanager
    async def place(self, client: str = "") -> AsyncIterator[None]:
        """Hold a place while a request waits and is computed.

        client: the address that the request comes from. Raises Problem 503 after a delay if no place is free.
        """
        if refusal := self._refusal(client):
            await asyncio.sleep(REFUSAL_DELAY)
            raise busy(f"{refusal}; try again in a moment")
        self.occupied += 1
        self._held[client] += 1
        try:
            yield
        finally:
            self.occupied -= 1
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]

    def _refusal(self, client: str) -> str | None:
        if self.occupied >= self.capacity:
            return f"all {self.capacity} places are taken"
        if self._held[client] >= self.most:
            return f"your address holds {self.most} of {self.capacity} places"
        return None
