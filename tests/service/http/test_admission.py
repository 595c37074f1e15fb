"""Connections that a server accepts or refuses."""

from typing import Any

from service.http import protocol
from service.http.watch import INTERVAL, LINGERING
from service.http.watched import LINGER
from tests.service.http.places import GET, Place, kinds, play, problem


@kinds
def test_connections_are_bounded(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        (first, _), (_, second) = place.connect(), place.connect("192.0.2.2")
        refused, third = place.connect("192.0.2.3")
        assert problem(third, 503)["type"] == "/problems/busy"
        refused.data_received(GET)
        await place.settle()
        assert place.requests == [] and second.sent == b""
        assert place.watch.counters()["open"] == 3 and place.watch.counters()["refused"] == 1
        first.connection_lost(None)
        fourth, wire = place.connect("192.0.2.4")
        fourth.data_received(GET)
        await place.settle()
        assert wire.sent.startswith(b"HTTP/1.1 200")

    play(scenario, kind, max_connections=2)


@kinds
def test_connections_of_one_client_are_bounded(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        for host in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "10.0.0.1"):
            assert place.connect(host)[1].sent == b""
        assert place.connect("10.0.0.1")[1].sent == place.connect("10.0.0.1")[1].sent == b""  # a proxy
        problem(place.connect("192.0.2.1")[1], 503)
        leaving, wire = place.connect("2001:db8::3")
        problem(wire, 503)
        leaving.connection_lost(None)  # leaves no room, since it has taken none
        problem(place.connect("2001:db8::3")[1], 503)

    play(scenario, kind, max_client_connections=2, trusted_proxies=["10.0.0.0/8"])


def test_no_limit_for_a_client() -> None:
    async def scenario(place: Place) -> None:
        assert not any(place.connect()[1].sent for _ in range(600))

    play(scenario, protocol.Protocol, max_client_connections=0)


def test_refused_connections_do_not_stay() -> None:
    async def scenario(place: Place) -> None:
        place.connect()
        wires = [place.connect()[1] for _ in range(LINGERING + 5)]
        for wire in wires:
            problem(wire, 503)
        assert sum(wire.is_closed for wire in wires) == 5  # the others wait for their clients to close them
        place.check_all(LINGER - INTERVAL)
        assert not any(wire.is_aborted for wire in wires)
        place.check_all(LINGER + INTERVAL)
        assert sum(wire.is_aborted for wire in wires) == LINGERING

    play(scenario, protocol.Protocol, max_connections=1)
