"""Limit the requests that are computed or wait, shared fairly among clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.http.problems import NoPlace

REFUSAL_DELAY = 0.2  # seconds; otherwise clients that retry at once would keep the event loop busy


class Places:
    """A fixed number of places for requests that are computed or wait.

    capacity: number of places, for computing and waiting together.
    max_per_client: places that one client may hold: all for computing, and half of those for waiting.
    occupied: number of places held.
    """

    def __init__(self, computing: int, waiting: int) -> None:
        self.capacity = computing + waiting
        self.max_per_client = computing + -(-waiting // 2)
        self.occupied = 0
        self._held = Counter[str]()

    @asynccontextmanager
    async def hold_place(self, client: str = "") -> AsyncIterator[None]:
        """Hold a place while a request waits and is computed.

        client: key of the client's address. Raises NoPlace after a delay if no place is free.
        """
        if refusal := self._refusal(client):
            await asyncio.sleep(REFUSAL_DELAY)
            raise NoPlace(f"{refusal}; try again in a moment")
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
        if self._held[client] >= self.max_per_client:
            return f"your address holds {self.max_per_client} of {self.capacity} places"
        return None
