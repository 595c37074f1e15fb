"""Heads and chunk framing that are too long, and bytes that are not a request."""

from typing import Any

import pytest

from service.http import protocol
from tests.service.http.places import CHUNKED, GET, Place, kinds, play, problem

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
        refusal = problem(wire, 400 if head.startswith(b"GG") and kind is protocol.Protocol else 431)
        assert "received" not in refusal
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
def test_chunk_framing_is_limited(kind: Any, part: bytes) -> None:
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
def test_trailers_are_dropped(kind: Any) -> None:
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
def test_bytes_that_are_not_http_are_refused_after_earlier_requests(kind: Any) -> None:
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
