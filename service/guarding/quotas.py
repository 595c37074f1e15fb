"""Rates of requests, and daily budgets of work, in memory or in Redis."""

import logging
from math import ceil
from time import monotonic, time
from typing import Any

from limits import RateLimitItem
from limits.aio.strategies import MovingWindowRateLimiter
from limits.storage import storage_from_string

LOGGER = logging.getLogger("workings")
DAY = 86_400  # seconds
MINUTE = 60.0  # seconds between two warnings


class Quotas:
    """Counts of requests and of work.

    address: `redis://...`; empty for the memory of this process. If Redis cannot be reached, everything is
        let through, and a warning is logged at most once a minute.
    """

    def __init__(self, address: str = "") -> None:
        redis = {"implementation": "redispy"} if address else {}
        self._storage: Any = storage_from_string(f"async+{address or 'memory://'}", **redis)
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._warned_at = -MINUTE

    async def hit(self, rate: RateLimitItem, who: str) -> int:
        """Count a request. Return 0, or after how many seconds to try again."""
        try:
            if await self._limiter.hit(rate, who):
                return 0
            reset, _ = await self._limiter.get_window_stats(rate, who)
        except self._storage.base_exceptions as error:
            self._warn(error)
            return 0
        return max(1, ceil(reset - time()))

    async def overspent(self, who: str, budget: int) -> int:
        """Return 0 if work is left of a daily budget, or the seconds until it is renewed."""
        now = time()
        try:
            spent = await self._storage.get(_day(who, now))
        except self._storage.base_exceptions as error:
            self._warn(error)
            return 0
        return 0 if spent < budget else max(1, ceil(DAY - now % DAY))

    async def spend(self, who: str, work: int) -> None:
        """Charge work, in elementary operations, to a daily budget."""
        try:
            await self._storage.incr(_day(who, time()), 2 * DAY, amount=work)
        except self._storage.base_exceptions as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if monotonic() - self._warned_at >= MINUTE:
            self._warned_at = monotonic()
            LOGGER.warning("Rates and budgets are not counted: Redis fails (%s).", type(error).__name__)


def _day(who: str, now: float) -> str:
    return f"workings/work/{who}/{int(now // DAY)}"
