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
PATIENCE = 1.0  # seconds that a request waits for Redis


class NoRedis(Exception):
    """Redis is wanted, but the library that speaks to it is not installed."""


class Quotas:
    """Counts of requests and of work.

    address: `redis://...`; empty for the memory of this process. If Redis cannot be reached, everything is
        let through, and a warning is logged at most once a minute.
    """

    def __init__(self, address: str = "") -> None:
        self._connections = _connect(address) if address else None
        options: dict[str, Any] = {}
        if self._connections is not None:
            options = {"implementation": "redispy", "connection_pool": self._connections}
        self._storage: Any = storage_from_string(f"async+{address or 'memory://'}", **options)
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

    async def close(self) -> None:
        """Close the connections to Redis. Later counts open new ones."""
        if self._connections is not None:
            await self._connections.aclose()

    def _warn(self, error: Exception) -> None:
        if monotonic() - self._warned_at >= MINUTE:
            self._warned_at = monotonic()
            LOGGER.warning("Rates and budgets are not counted: Redis fails (%s).", type(error).__name__)


def _connect(address: str) -> Any:
    """Return connections to a Redis server, which has a second for each answer. Raises NoRedis."""
    try:
        from redis.asyncio import ConnectionPool  # noqa: PLC0415 - an extra, which few deployments need
    except ImportError:
        raise NoRedis("it needs the package redis: pip install 'workings[redis]'") from None
    return ConnectionPool.from_url(address, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


def _day(who: str, now: float) -> str:
    return f"workings/work/{who}/{int(now // DAY)}"
