"""Connections of one server process: admitted within bounds, watched by one periodic walk, counted."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Protocol

from service.files import most_connections
from service.settings import Settings

LOGGER = logging.getLogger("workings")
STATE = "connections"  # of the watch in the state that the lifespan hands to the server
INTERVAL = 0.5  # seconds between two walks
MINUTE = 60.0  # seconds between two warnings of one kind
LINGERING = 256  # connections that may wait for their clients to close them
EXPLANATIONS = {
    "refused": "connections refused, because as many are open as WORKINGS_MAX_CONNECTIONS or"
    " WORKINGS_MAX_CLIENT_CONNECTIONS allow",
    "crowded": "requests refused, because their client has as many as WORKINGS_MAX_CLIENT_CONNECTIONS allows",
    "slow_heads": "connections closed, because no whole head came within WORKINGS_HEAD_TIMEOUT",
    "slow_readers": "connections dropped, because their clients read more slowly than WORKINGS_MIN_RATE",
    "long_heads": "requests refused, because their heads exceed WORKINGS_MAX_HEAD_BYTES or 100 headers",
    "malformed": "connections closed, because what came is not HTTP/1.1",
    "unfinished": "requests broken off, because the server stops",
}


class Connection(Protocol):
    """A connection as the watch knows it."""

    client: tuple[str, int] | None

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow."""

    def give_up(self) -> None:
        """End a connection of a server that has waited long enough for its answer."""


class Watch:
    """The connections of one server process.

    settings: the bounds. The system may let the process have fewer connections open than they allow.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.most = most_connections(settings.max_connections)
        self.counts = Counter[str]()
        self.lingering: set[Connection] = set()
        self._trusted = [ip_network(one) for one in settings.trusted_proxies]
        # The key of each connection's client; empty for those that do not count for it.
        self._open: dict[Connection, str] = {}
        self._by_client = Counter[str]()
        self._requests = Counter[str]()
        self._warned: dict[str, tuple[float, int]] = {}
        self._timer: TimerHandle | None = None
        self._stops_at: float | None = None
        self._lost = 0.0  # seconds

    def figures(self) -> dict[str, int]:
        """Return the number of open connections, and of those that were refused and dropped so far."""
        return {"open": len(self._open), **{kind: self.counts[kind] for kind in EXPLANATIONS}}

    def admit(self, connection: Connection, loop: AbstractEventLoop) -> bool:
        """Add a connection, and return whether there is room for what it asks."""
        self._open[connection] = ""
        if self._timer is None:
            self._timer = loop.call_later(INTERVAL, self._tick, loop)
        host = connection.client[0] if connection.client else ""
        client = "" if self.is_trusted(host) else prefix(host)
        limit = self.settings.max_client_connections
        is_crowded = bool(client and limit and self._by_client[client] >= limit)
        # Those that only wait for their clients to close them take no room.
        if is_crowded or len(self._open) - len(self.lingering) > self.most:
            self.counts["refused"] += 1
            return False
        if client:
            self._open[connection] = client
            self._by_client[client] += 1
        return True

    def leave(self, connection: Connection) -> None:
        """Take a connection out that is closed."""
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
        """Return whether an address is that of a proxy whose clients count instead of itself."""
        if not self._trusted:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)

    @property
    def counts_requests(self) -> bool:
        """Whether there are proxies, so that requests have to be counted beside connections."""
        return bool(self._trusted and self.settings.max_client_connections)

    @contextmanager
    def request(self, host: str) -> Iterator[bool]:
        """Count a request of a client behind a proxy, and give whether there is room for it."""
        if self.is_trusted(host):  # the proxy itself, asking after health
            yield True
            return
        client = prefix(host)
        has_room = self._requests[client] < self.settings.max_client_connections
        if not has_room:
            self.counts["crowded"] += 1
        self._requests[client] += 1
        try:
            yield has_room
        finally:
            _decrease(self._requests, client)

    def stop(self, loop: AbstractEventLoop) -> None:
        """Give the connections the time that settings allow them, and end them then."""
        if self._stops_at is None:
            self._stops_at = loop.time() + self.settings.stop_seconds

    def time(self, loop: AbstractEventLoop) -> float:
        """Return the time without that in which the loop was busy, when it neither read nor wrote."""
        return loop.time() - self._lost

    def walk(self, now: float) -> None:
        """Close the connections whose clients are too slow, and warn of what was refused."""
        # Whoever stops the server does not wait longer because the loop is busy.
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
        if late > INTERVAL:
            self._lost += late
        self._timer = None
        try:
            self.walk(self.time(loop))
        finally:
            if self._open:
                self._timer = loop.call_later(INTERVAL, self._tick, loop)


def prefix(host: str) -> str:
    """Return what tells clients apart: an IPv4 address, or the /64 network that a client of IPv6 has."""
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
    """Return the watch in the lifespan state of a server; a new one if the application has put none there."""
    if STATE not in state:
        state[STATE] = Watch(Settings())
    watch: Watch = state[STATE]
    return watch


def _decrease(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
