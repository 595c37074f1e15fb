"""Timeouts of clients, pipelined requests, and stopping a server."""

import asyncio
from typing import Any

import pytest

from service.http import protocol
from service.http.watch import INTERVAL
from service.http.watched import LINGER, WINDOW
from tests.service.http.places import GET, LENGTH, POST, Place, kinds, play, problem


@kinds
def test_a_head_has_a_limited_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        slow, first = place.connect()
        _, silent = place.connect()
        slow.data_received(GET[:10])
        place.check_all(9)
        assert not first.sent and not silent.is_closed
        slow.data_received(GET[10:20])  # a byte now and then does not help
        place.check_all(11)
        problem(first, 408)
        assert silent.is_closed and silent.sent == b""
        assert place.watch.counters()["slow_heads"] == 1

    play(scenario, kind, head_timeout=10)


@kinds
def test_an_idle_connection_is_closed(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        for _ in range(2):
            made.data_received(GET)
            await place.settle()
            place.check_all(2)
            assert not wire.is_closed
        made.data_received(GET[:5])  # the head of a request has its own time
        place.check_all(4)
        assert not wire.is_closed
        made.data_received(GET[5:])
        await place.settle()
        assert wire.sent.count(b"HTTP/1.1 200") == 3
        place.check_all(4)
        assert wire.is_closed and wire.sent.count(b"HTTP/1.1") == 3

    play(scenario, kind, head_timeout=10, keep_alive=3)


@kinds
def test_a_request_being_answered_has_no_timeout(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        place.may_answer.clear()
        made, wire = place.connect()
        made.data_received(GET)
        await place.settle()
        place.check_all(3600)
        assert not wire.is_closing() and not wire.sent
        place.may_answer.set()
        await place.settle()
        assert wire.sent.startswith(b"HTTP/1.1 200")

    play(scenario, kind)


@kinds
@pytest.mark.parametrize("ends", [True, False], ids=["the answer has ended", "more would follow"])
def test_a_client_that_does_not_read_is_disconnected(kind: Any, ends: bool) -> None:
    async def scenario(place: Place) -> None:
        place.ends = ends
        made, wire = place.connect()
        wire.taken = 0
        made.data_received(GET)
        await place.settle()
        place.check_all(0)
        wire.taken = 2_100  # more than the rate of a whole window within its first half
        place.check_all(WINDOW / 2)
        place.check_all(WINDOW)
        assert not wire.is_aborted
        wire.taken += 1_900
        place.check_all(2 * WINDOW)
        assert wire.is_aborted and place.watch.counters()["slow_readers"] == 1

    play(scenario, kind, min_rate=100)


@kinds
def test_a_refused_body_has_a_limited_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        (slow, held), (done, kept) = place.connect(), place.connect()
        for made in (slow, done):
            made.data_received(LENGTH)
            await place.settle()
        for made in (slow, done):
            made.data_received(b"a")
        done.data_received(b"a" * 9)
        place.check_all(4)
        assert kept.is_closed and not held.is_ended
        place.check_all(11)
        assert held.is_ended  # and a while later it is closed whatever comes
        slow.data_received(b"a")
        place.check_all(11 + LINGER)
        assert held.is_aborted and held.sent.count(b"HTTP/1.1") == 1

    play(scenario, kind, head_timeout=10, keep_alive=3)


@kinds
def test_pipelined_requests_wait_unread(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        made, wire = place.connect()
        body = b"a" * 5_000
        made.data_received(POST + b"Content-Length: 5000\r\n\r\n" + body + GET * 1_000)
        waiting: list[int] = []
        while len(place.requests) < 1_001 and len(waiting) < 100_000:
            waiting.append(len(getattr(made, "pipeline", ())))
            await asyncio.sleep(0)
            assert len(place.requests) < 1_000 or not waiting[-1] or waiting[-1] < 100
        await place.settle()
        assert max(waiting) < 100
        assert wire.sent.count(b"HTTP/1.1 200") == 1_001 and not wire.is_closed

    play(scenario, kind)


def test_pipelined_bytes_are_limited() -> None:
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
        place.check_all(2)
        assert not answered.is_closing() and not answered.is_ended
        place.may_answer.set()
        await place.settle()
        assert answered.sent.startswith(b"HTTP/1.1 200") and answered.is_closed

    play(scenario, kind, stop_seconds=3)


@kinds
def test_stopping_refuses_requests_that_are_not_done_in_time(kind: Any) -> None:
    async def scenario(place: Place) -> None:
        place.reads_body, place.ends = True, False
        (half, refused), (started, broken) = place.connect(), place.connect()
        half.data_received(LENGTH + b"a")
        started.data_received(GET)
        await place.settle()
        for connection in list(place.state.connections):
            connection.shutdown()
        place.check_all(4)
        await place.settle()
        assert "stopping" in problem(refused, 503)["detail"]
        assert place.requests[2:] == ["disconnected"]
        assert broken.is_ended and place.watch.counters()["unfinished"] == 2
        place.check_all(4 + INTERVAL)
        assert broken.is_aborted and refused.is_aborted

    play(scenario, kind, stop_seconds=3)


def test_each_kind_of_refusal_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(place: Place) -> None:
        for _ in range(20):
            made, _ = place.connect()
            made.data_received(b"no request\r\n\r\n")
        place.check_all(0)
        place.connect()[0].data_received(b"no request\r\n\r\n")
        place.check_all(59)
        place.check_all(61)
        place.check_all(200)

    play(scenario, protocol.Protocol)
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "20 connections closed",
        "1 connections closed",
    ]
