"""What a connection can take of the server, by protocols whose clock and transport are those of a test."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.http import h11_protocol, protocol
from service.http.watch import INTERVAL, LINGERING, STATE, Watch
from service.http.watched import LINGER, WINDOW
from service.settings import Settings
from tests.service.http.wires import Wire

PROTOCOLS: list[Any] = [protocol.Protocol, h11_protocol.Protocol]
GET = b"GET / HTTP/1.1\r\nHost: workings\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: workings\r\n"
LENGTH = POST + b"Content-Length: 10\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Place:
    """A server without sockets. Its application answers at once, or after the body, or when it may."""

    def __init__(self, kind: Any, **settings: Any) -> None:
        self.kind = kind
        self.watch = Watch(Settings(**settings))
        self.loop = asyncio.get_running_loop()
        self.state = ServerState()
        self.config = Config(
            self.app,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=65_536,
        )
        self.requests: list[Any] = []
        self.most_waiting = 0
        self.reads_body = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.ends = True

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append(scope)
        more = self.reads_body
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.requests.append("disconnected")
                return
            more = message["more_body"]
        await self.may_answer.wait()
        length = (b"content-length", b"10000")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"a" * 9_999, "more_body": True})
        if self.ends:
            await send({"type": "http.response.body", "body": b"a"})
        else:
            assert (await receive())["type"] == "http.disconnect"

    def connect(self, host: str = "192.0.2.1") -> tuple[Any, Wire]:
        made = self.kind(
            config=self.config, server_state=self.state, app_state={STATE: self.watch}, _loop=self.loop
        )
        wire = Wire(host)
        made.connection_made(wire)
        return made, wire

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def walk(self, seconds: float) -> None:
        """Have the watch walk as so many seconds from now."""
        self.watch.walk(self.loop.time() + seconds)


Scenario = Callable[[Place], Awaitable[None]]


def play(scenario: Scenario, kind: Any, **settings: Any) -> None:
    async def run() -> None:
        place = Place(kind, **settings)
        try:
            await scenario(place)
        finally:
            for task in list(place.state.tasks):
                task.cancel()
            for connection in list(place.state.connections):
                connection.connection_lost(None)

    asyncio.run(run())


def problem(wire: Wire, status: int) -> Any:
    """The problem that was sent, of this status, and after which the server closed its side."""
    head, _, body = wire.sent.rpartition(b"\r\n\r\n")
    assert head.count(b"HTTP/1.1 ") == 1, "the problem is sent within another answer"
    assert head.startswith(b"HTTP/1.1 %d " % status), bytes(head)
    assert b"content-type: application/problem+json" in head and b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert wire.is_ended or wire.is_closed
    if status == 503:
        assert b"retry-after: 1" in head
    found = json.loads(body)
    assert found["status"] == status and found["errors"] == []
    return found


kinds = pytest.mark.parametrize("kind", PROTOCOLS, ids=["httptools", "h11"])


@kinds
def test_connections_are_bounded(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        (first, _), (_, second) = place.connect(), place.connect("192.0.2.2")
        refused, third = place.connect("192.0.2.3")
        assert problem(third, 503)["type"] == "/problems/busy"
        refused.data_received(GET)
        await place.settle()
        assert place.requests == [] and second.sent == b""
        assert place.watch.figures()["open"] == 3 and place.watch.figures()["refused"] == 1
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


def test_no_bound_for_a_client() -> None:
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
        place.walk(LINGER - INTERVAL)
        assert not any(wire.is_aborted for wire in wires)
        place.walk(LINGER + INTERVAL)
        assert sum(wire.is_aborted for wire in wires) == LINGERING

    play(scenario, protocol.Protocol, max_connections=1)


LONG_HEADS = {
    "one header": b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000,
    "a path": b"GET /" + b"a" * 70_000,
    "a method": b"G" * 70_000,
    "headers": b"GET / HTTP/1.1\r\n" + b"X: " + (b"a" * 1_000 + b"\r\nX: ") * 70,
}


@kinds
@pytest.mark.parametrize("head", LONG_HEADS.values(), ids=LONG_HEADS)
@pytest.mark.parametrize("size", [100, 10**9])
def test_a_head_is_bounded(kind: Any, head: bytes, size: int) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        for at in range(0, len(head), size):
            made.data_received(head[at : at + size])
        found = problem(wire, 400 if head.startswith(b"GG") and kind is protocol.Protocol else 431)
        assert "received" not in found
        made.data_received(GET)
        await place.settle()
        assert place.requests == []

    play(scenario, kind)


@kinds
def test_a_head_below_the_bound_is_read(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        made.data_received(GET[:-2] + b"X: " + b"a" * 60_000 + b"\r\n\r\n")
        await place.settle()
        assert wire.sent.startswith(b"HTTP/1.1 200") and not wire.is_closed

    play(scenario, kind)


def test_headers_are_bounded_in_number() -> None:
    async def scenario(place: Place) -> None:
        for offer in (b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"):
            made, wire = place.connect()
            made.data_received(GET[:-2] + b"a: b\r\n" * 99 + b"\r\n")
            await place.settle()
            assert wire.sent.startswith(b"HTTP/1.1 200")
            made, wire = place.connect()
            made.data_received(GET[:-2] + offer + b"a: b\r\n" * 100 + b"\r\n")
            await place.settle()
            problem(wire, 431)

    play(scenario, protocol.Protocol)


@kinds
@pytest.mark.parametrize("part", [b"2;" + b"a" * 70_000, b"0\r\n" + (b"a: " + b"b" * 1_000 + b"\r\n") * 70])
def test_what_frames_a_body_is_bounded(kind: Any, part: bytes) -> None:
    async def scenario(place: Place) -> None:
        place.reads_body = True
        made, wire = place.connect()
        made.data_received(CHUNKED)
        await place.settle()
        made.data_received(part)
        await place.settle()
        problem(wire, 431)
        assert place.requests[1:] == ["disconnected"]

    play(scenario, kind)


@kinds
def test_trailers_are_no_headers(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, _ = place.connect()
        made.data_received(CHUNKED + b"1\r\na\r\n0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n" + GET)
        await place.settle()
        assert [dict(scope["headers"]).keys() for scope in place.requests] == [
            {b"host", b"transfer-encoding"},
            {b"host"},
        ]

    play(scenario, kind)


@kinds
def test_what_is_not_http_is_refused_after_the_requests_before_it(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        made.data_received(b"\x16\x03\x01 this is TLS\r\n\r\n")
        problem(wire, 400)
        made, wire = place.connect()
        place.may_answer.clear()
        made.data_received(GET)
        await place.settle()
        made.data_received(b"\x16\x03\x01\r\n\r\n")
        place.may_answer.set()
        await place.settle()
        assert wire.sent.startswith(b"HTTP/1.1 200")
        assert wire.sent.partition(b"\r\n\r\n")[2].startswith(b"a" * 10_000)
        assert wire.is_ended or wire.is_closed

    play(scenario, kind)


@kinds
def test_a_head_has_a_limited_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        slow, first = place.connect()
        _, silent = place.connect()
        slow.data_received(GET[:10])
        place.walk(9)
        assert not first.sent and not silent.is_closed
        slow.data_received(GET[10:20])  # a byte now and then does not help
        place.walk(11)
        problem(first, 408)
        assert silent.is_closed and silent.sent == b""
        assert place.watch.figures()["slow_heads"] == 1

    play(scenario, kind, head_timeout=10)


@kinds
def test_a_connection_that_is_kept_alive_waits_for_a_limited_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        for _ in range(2):
            made.data_received(GET)
            await place.settle()
            place.walk(2)
            assert not wire.is_closed
        made.data_received(GET[:5])  # the head of a request has its own time
        place.walk(4)
        assert not wire.is_closed
        made.data_received(GET[5:])
        await place.settle()
        assert wire.sent.count(b"HTTP/1.1 200") == 3
        place.walk(4)
        assert wire.is_closed and wire.sent.count(b"HTTP/1.1") == 3

    play(scenario, kind, head_timeout=10, keep_alive=3)


@kinds
def test_a_request_that_is_answered_has_the_time_of_the_application(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        place.may_answer.clear()
        made, wire = place.connect()
        made.data_received(GET)
        await place.settle()
        place.walk(3600)
        assert not wire.is_closing() and not wire.sent
        place.may_answer.set()
        await place.settle()
        assert wire.sent.startswith(b"HTTP/1.1 200")

    play(scenario, kind)


@kinds
@pytest.mark.parametrize("ends", [True, False], ids=["the answer has ended", "more would follow"])
def test_a_client_that_does_not_read_is_dropped(kind: Any, ends: bool) -> None:
    async def scenario(place: Place) -> None:
        place.ends = ends
        made, wire = place.connect()
        wire.taken = 0
        made.data_received(GET)
        await place.settle()
        place.walk(0)
        wire.taken = 2_100  # more than the rate of a whole window within its first half
        place.walk(WINDOW / 2)
        place.walk(WINDOW)
        assert not wire.is_aborted
        wire.taken += 1_900
        place.walk(2 * WINDOW)
        assert wire.is_aborted and place.watch.figures()["slow_readers"] == 1

    play(scenario, kind, min_rate=100)


@kinds
def test_a_body_that_nobody_wants_cannot_hold_a_connection(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        (slow, held), (done, kept) = place.connect(), place.connect()
        for made in (slow, done):
            made.data_received(LENGTH)
            await place.settle()
        for made in (slow, done):
            made.data_received(b"a")
        done.data_received(b"a" * 9)
        place.walk(4)
        assert kept.is_closed and not held.is_ended
        place.walk(11)
        assert held.is_ended  # and a while later it is closed whatever comes
        slow.data_received(b"a")
        place.walk(11 + LINGER)
        assert held.is_aborted and held.sent.count(b"HTTP/1.1") == 1

    play(scenario, kind, head_timeout=10, keep_alive=3)


@kinds
def test_pipelined_requests_wait_unread(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        body = b"a" * 5_000
        made.data_received(POST + b"Content-Length: 5000\r\n\r\n" + body + GET * 1_000)
        waiting = []
        while len(place.requests) < 1_001 and len(waiting) < 100_000:
            waiting.append(len(getattr(made, "pipeline", ())))
            await asyncio.sleep(0)
            assert len(place.requests) < 1_000 or not waiting[-1] or waiting[-1] < 100
        await place.settle()
        assert max(waiting) < 100
        assert wire.sent.count(b"HTTP/1.1 200") == 1_001 and not wire.is_closed

    play(scenario, kind)


def test_what_waits_behind_a_request_is_bounded() -> None:
    async def scenario(place: Place) -> None:
        place.may_answer.clear()
        made, wire = place.connect()
        made.data_received(GET * 2_000)
        await place.settle()
        assert wire.is_paused
        for _ in range(8):
            made.data_received(GET * 2_000)
        assert len(made._held) < 2**20
        place.may_answer.set()
        while place.state.tasks:
            await place.settle()
        assert wire.is_ended or wire.is_closed

    play(scenario, protocol.Protocol)


@kinds
def test_stopping_answers_what_was_accepted_and_ends(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        place.may_answer.clear()
        _, idle = place.connect()
        made, answered = place.connect()
        made.data_received(GET)
        await place.settle()
        for connection in list(place.state.connections):
            connection.shutdown()
        assert idle.is_closed
        place.walk(2)
        assert not answered.is_closing() and not answered.is_ended
        place.may_answer.set()
        await place.settle()
        assert answered.sent.startswith(b"HTTP/1.1 200") and answered.is_closed

    play(scenario, kind, stop_seconds=3)


@kinds
def test_stopping_gives_up_what_is_not_done_in_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        place.reads_body, place.ends = True, False
        (half, refused), (started, broken) = place.connect(), place.connect()
        half.data_received(LENGTH + b"a")
        started.data_received(GET)
        await place.settle()
        for connection in list(place.state.connections):
            connection.shutdown()
        place.walk(4)
        await place.settle()
        assert "stops" in problem(refused, 503)["detail"]
        assert place.requests[2:] == ["disconnected"]
        assert broken.is_ended and place.watch.figures()["unfinished"] == 2
        place.walk(4 + INTERVAL)
        assert broken.is_aborted and refused.is_aborted

    play(scenario, kind, stop_seconds=3)


def test_each_kind_of_refusal_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(place: Place) -> None:
        for _ in range(20):
            made, _ = place.connect()
            made.data_received(b"no request\r\n\r\n")
        place.walk(0)
        place.connect()[0].data_received(b"no request\r\n\r\n")
        place.walk(59)
        place.walk(61)
        place.walk(200)

    play(scenario, protocol.Protocol)
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "20 connections closed",
        "1 connections closed",
    ]
