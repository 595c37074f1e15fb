"""Requests with upgrade offers keep their bodies, or are refused at once."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.http.protocol import Protocol
from tests.service.http.wires import Wire
from tests.service.servers import LONG, PORT, UVICORN, serving

SERVED = ("service", "serve", "--port", PORT)
PLAIN = (*UVICORN, "--http", "httptools")
BODY = json.dumps({"program": ["y = x**2"], "inputs": {"x": 3}}).encode()
LINE = b"POST /v1/graph HTTP/1.1\r\nHost: workings\r\nContent-Type: application/json\r\n"
# What Java's HTTP client sends by default, and curl with --http2.
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:])
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: workings\r\n"
HEAD = LINE + OFFER + LENGTH


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    with serving(SERVED) as port:
        yield port


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    with serving(PLAIN) as port:
        yield port


def response(stream: BinaryIO) -> tuple[int, dict[str, str], Any]:
    """Return the next response on a connection."""
    status = int(stream.readline().split()[1])
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return status, headers, json.loads(body) if body else None


def exchange(port: int, *parts: bytes | int) -> list[tuple[int, dict[str, str], Any]]:
    """Send bytes, and check that the server sends exactly these responses."""
    responses = []
    with socket.create_connection(("127.0.0.1", port), LONG) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        for part in parts:
            if isinstance(part, bytes):
                connection.sendall(part)
            else:
                responses += [response(stream) for _ in range(part)]
        connection.shutdown(socket.SHUT_WR)
        assert stream.read() == b""
    return responses


# A number stands for so many responses, which are read before more is sent. Where a body has to come in a
# packet of its own, the answer to a request before its head shows that the head has been read.
EXCHANGES: dict[str, list[bytes | int]] = {
    "body in the same packet": [HEAD + BODY, 1],
    "body in a packet of its own": [HEALTH + b"\r\n" + HEAD, 1, BODY, 1],
    "body in two packets": [HEALTH + b"\r\n" + HEAD + BODY[:5], 1, BODY[5:], 1],
    "chunks in the same packet": [LINE + OFFER + CHUNKED + CHUNKS, 1],
    "chunks in a packet of their own": [HEALTH + b"\r\n" + LINE + OFFER + CHUNKED, 1, CHUNKS, 1],
    "a second request": [HEAD + BODY, 1, LINE + LENGTH + BODY, 1],
    "a second request in the same packet": [HEAD + BODY + LINE + LENGTH + BODY, 2],
    "two offers": [HEAD + BODY, 1, HEAD + BODY, 1],
    "many offers in one packet": [(HEAD + BODY) * 50, 50],
    "an expectation": [LINE + OFFER + b"Expect: 100-continue\r\n" + LENGTH, 1, BODY, 1],
    "the last request": [HEAD.replace(b"Upgrade,", b"close, Upgrade,") + BODY, 1],
    "HTTP/1.0": [HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + BODY, 1],
    "WebSocket": [HEAD.replace(b"h2c", b"websocket") + BODY, 1],
    "no body, and another request": [HEALTH + OFFER + b"\r\n" + LINE + LENGTH + BODY, 2],
    "an empty offer": [LINE + b"Connection: Upgrade\r\nUpgrade:\r\n" + LENGTH + BODY, 1],
}


@pytest.mark.parametrize("parts", EXCHANGES.values(), ids=EXCHANGES)
def test_a_body_after_an_offer_arrives(served: int, parts: list[bytes | int]) -> None:
    responses = exchange(served, *parts)
    assert {status for status, _, _ in responses} <= {100, 200}
    answers = [body["values"] for _, _, body in responses if body and "values" in body]
    assert answers == [{"y": 9.0}] * sum(part.count(b"POST") for part in parts if isinstance(part, bytes))
    assert not any("upgrade" in headers for _, headers, _ in responses)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3\r\n" + CHUNKED + CHUNKS, b"Content-Length: 3, 4\r\n\r\n{}"]
)
def test_an_offer_does_not_hide_a_body_with_an_ambiguous_end(served: int, framing: bytes) -> None:
    """A proxy might read such a request differently and take the rest for another request."""
    with socket.create_connection(("127.0.0.1", served), LONG) as connection:
        connection.sendall(LINE + OFFER + framing)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("parts", [LENGTH + BODY, CHUNKED + CHUNKS], ids=["length", "chunks"])
def test_a_request_is_refused_if_the_server_loses_its_body(plain: int, parts: bytes) -> None:
    with socket.create_connection(("127.0.0.1", plain), LONG) as connection:
        connection.sendall(LINE + OFFER + parts)
        stream = connection.makefile("rb")
        status, headers, problem = response(stream)
        assert stream.read() == b""  # closed, so that nothing that comes is read as a request
    assert (status, headers["connection"]) == (400, "close")
    assert headers["content-type"] == "application/problem+json"
    assert "`Upgrade`" in problem["detail"] and "workings serve" in problem["detail"]


async def read(packets: list[bytes]) -> list[tuple[str, list[tuple[bytes, bytes]], bytes]]:
    """Return the requests, with headers and body, that an application receives from these packets."""
    responses = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        responses.append((scope["path"], scope["headers"], body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    state = ServerState()
    config = Config(app, ws="none", lifespan="off")
    protocol = Protocol(config=config, server_state=state, app_state={}, _loop=asyncio.get_running_loop())
    protocol.connection_made(Wire())
    for packet in packets:
        protocol.data_received(packet)
    while state.tasks:
        await asyncio.gather(*state.tasks)
    protocol.connection_lost(None)
    return responses


def test_a_packet_may_end_anywhere() -> None:
    message = HEAD + BODY + LINE + OFFER + CHUNKED + CHUNKS
    splits = [[message[:cut], message[cut:]] for cut in range(1, len(message))]
    splits.append([message[index : index + 1] for index in range(len(message))])

    async def scenario() -> None:
        for packets in splits:
            first, second = await read(packets)
            assert first[2] == second[2] == BODY
            assert dict(first[1]) == {
                b"host": b"workings",
                b"content-type": b"application/json",
                b"connection": b"Upgrade, HTTP2-Settings",
                b"http2-settings": b"AAMAAABkAAQAAP__",
                b"content-length": str(len(BODY)).encode(),
            }

    asyncio.run(scenario())
