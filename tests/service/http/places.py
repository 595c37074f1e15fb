"""A server without sockets, with protocols on a fake clock and fake transports."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.http import h11_protocol, protocol
from service.http.watch import STATE, Watch
from service.settings import Settings
from tests.service.http.wires import Wire

PROTOCOLS: list[Any] = [protocol.Protocol, h11_protocol.Protocol]
GET = b"GET / HTTP/1.1\r\nHost: workings\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: workings\r\n"
LENGTH = POST + b"Content-Length: 10\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Place:
    """A server without sockets. Its application answers at once, after the body, or when it is released."""

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
        protocol = self.kind(
            config=self.config, server_state=self.state, app_state={STATE: self.watch}, _loop=self.loop
        )
        wire = Wire(host)
        protocol.connection_made(wire)
        return protocol, wire

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def check_all(self, seconds: float) -> None:
        """Check all connections as if `seconds` had passed."""
        self.watch.check_all(self.loop.time() + seconds)


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
    """Return the problem of this status, after which the server must have closed its side."""
    head, _, body = wire.sent.rpartition(b"\r\n\r\n")
    assert head.count(b"HTTP/1.1 ") == 1, "the problem is sent within another answer"
    assert head.startswith(b"HTTP/1.1 %d " % status), bytes(head)
    assert b"content-type: application/problem+json" in head and b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert wire.is_ended or wire.is_closed
    if status == 503:
        assert b"retry-after: 1" in head
    body_fields = json.loads(body)
    assert body_fields["status"] == status and body_fields["errors"] == []
    return body_fields


kinds = pytest.mark.parametrize("kind", PROTOCOLS, ids=["httptools", "h11"])
