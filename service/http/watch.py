"""The connections of one server process: limited in number, checked periodically, and counted."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Protocol

from service.files import connection_limit
from service.settings import Settings

LOGGER = logging.getLogger("workings")
STATE = "connections"  # key of the watch in the lifespan state
INTERVAL = 0.5  # seconds between two checks
MINUTE = 60.0  # seconds between two warnings of one kind
LINGERING = 256  # most connections that may wait for their clients to close them
EXPLANATIONS = {
    "refused": "connections refused, because as many are open as WORKINGS_MAX_CONNECTIONS or"
    " WORKINGS_MAX_CLIENT_CONNECTIONS allow",
    "crowded": "requests refused, because their client has as many as WORKINGS_MAX_CLIENT_CONNECTIONS allows",
    "slow_heads": "connections closed, because no complete head arrived within WORKINGS_HEAD_TIMEOUT",
    "slow_readers": "connections dropped, because their clients read more slowly than WORKINGS_MIN_RATE",
    "long_heads": "requests refused, because their heads exceed WORKINGS_MAX_HEAD_BYTES or 100 headers",
    "malformed": "connections closed, because they did not send HTTP/1.1",
    "unfinished": "requests broken off, because the server stops",
}


class Connection(Protocol):
    """The interface of a connection to the watch."""

    client: tuple[str, int] | None

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow."""

    def give_up(self) -> None:
        """End the connection, because the server stops and has no more time for its answer."""


class Watch:
    """The connections of one server process.

    settings: the limits. The system's limit of open files may allow fewer connections.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.max_connections = connection_limit(settings.max_connections)
        self.counts = Counter[str]()
        self.lingering: set[Connection] = set()
        self._trusted = [ip_network(proxy) for proxy in settings.trusted_proxies]
        # The key of each connection's client; empty if the connection does not count for a client.
        self._open: dict[Connection, str] = {}
        self._by_client = Counter[str]()
        self._requests = Counter[str]()
        self._warned: dict[str, tuple[float, int]] = {}
        self._timer: TimerHandle | None = None
        self._stops_at: float | None = None
        self._lost = 0.0  # seconds
        self._lag = 0.0  # seconds

    def counters(self) -> dict[str, int]:
        """Return the number of open connections, and the counts of refused and dropped ones so far."""
        return {"open": len(self._open), **{kind: self.counts[kind] for kind in EXPLANATIONS}}

    def take_lag(self) -> float:
        """Return the longest delay of the event loop, in seconds, since this was last asked for."""
        lag, self._lag = self._lag, 0.0
        return lag

    def admit(self, connection: Connection, loop: AbstractEventLoop) -> bool:
        """Add a connection, and return whether its requests may be answered."""
        self._open[connection] = ""
        if self._timer is None:
            self._timer = loop.call_later(INTERVAL, self._tick, loop)
        host = connection.client[0] if connection.client else ""
        client = "" if self.is_trusted(host) else client_key(host)
        limit = self.settings.max_client_connections
        is_crowded = bool(client and limit and self._by_client[client] >= limit)
        # Connections that only wait for their clients to close them do not count.
        if is_crowded or len(self._open) - len(self.lingering) > self.max_connections:
            self.counts["refused"] += 1
            return False
        if client:
            self._open[connection] = client
            self._by_client[client] += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Remove a closed connection."""
        if client := self._open.pop(connection, ""):
            _decrease(self._by_client, client)
        self.lingering.discard(connection)

    def may_linger(self, connection: Connection) -> bool:
        """Return whether a connection may wait for its client to close it, and count it if so."""
        if len(self.lingering) >= LINGERING:
            return False
        self.lingering.add(connection)
        return True

    def is_trusted(self, host: str) -> bool:
        """Return whether an address is a trusted proxy's, whose clients are counted instead."""
        if not self._trusted:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)

    @property
    def counts_requests(self) -> bool:
        """True if requests are counted for each client, because there are trusted proxies."""
        return bool(self._trusted and self.settings.max_client_connections)

    @contextmanager
    def request(self, host: str) -> Iterator[bool]:
        """Count a request of a client behind a proxy. Yields whether the request may be answered."""
        if self.is_trusted(host):  # a health check by the proxy itself
            yield True
            return
        client = client_key(host)
        has_room = self._requests[client] < self.settings.max_client_connections
        if not has_room:
            self.counts["crowded"] += 1
        self._requests[client] += 1
        try:
            yield has_room
        finally:
            _decrease(self._requests, client)

    def stop(self, loop: AbstractEventLoop) -> None:
        """End all connections `stop_seconds` from now."""
        if self._stops_at is None:
            self._stops_at = loop.time() + self.settings.stop_seconds

    def time(self, loop: AbstractEventLoop) -> float:
        """Return the loop's time minus the time in which the loop was blocked and could not read or write."""
        return loop.time() - self._lost

    def check_all(self, now: float) -> None:
        """Close connections of slow clients, and log warnings about refused connections."""
        # Stopping does not take longer because the loop was blocked.
        gives_up = self._stops_at is not None and now + self._lost >= self._stops_at
        for connection in list(self._open):
            if gives_up:
                connection.give_up()
            connection.check(now)
        for kind, count in self.counts.items():
            self._warn(kind, count, now)

    def _warn(self, kind: str, count: int, now: float) -> None:
        at, seen = self._warned.get(kind, (now - MINUTE, 0))
        if count > seen and now - at >= MINUTE:
            self._warned[kind] = now, count
            LOGGER.warning("%d %s.", count - seen, EXPLANATIONS[kind])

    def _tick(self, loop: AbstractEventLoop) -> None:
        assert self._timer is not None
        late = loop.time() - self._timer.when()
        self._lag = max(self._lag, late)
        if late > INTERVAL:
            self._lost += late
        self._timer = None
        try:
            self.check_all(self.time(loop))
        finally:
            if self._open:
                self._timer = loop.call_later(INTERVAL, self._tick, loop)


def client_key(host: str) -> str:
    """Return the key of a client: its IPv4 address, or its /64 network for IPv6."""
    if ":" not in host:
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.version == 4 or (mapped := address.ipv4_mapped) is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(mapped)


def watch_of(state: MutableMapping[str, Any]) -> Watch:
    """Return the watch in the lifespan state of a server; add one if the application has not."""
    if STATE not in state:
        state[STATE] = Watch(Settings())
    watch: Watch = state[STATE]
    return watch


def _decrease(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
