"""A small load generator: keep-alive connections that repeat one request.

It hardly processes the answers, so that the server is measured and not the client.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Counter:
    """The number of answers received, and whether to continue."""

    answers: int = 0
    failures: int = 0
    going: bool = True
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class Connection(asyncio.Protocol):
    """A connection that sends a request as soon as the previous answer is complete."""

    def __init__(self, request: bytes, counter: Counter) -> None:
        self.request, self.counter = request, counter
        self.missing = 0
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.missing:
            self.head += data
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.counter.failures += not head.startswith(b"HTTP/1.1 200")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.head, self.missing = b"", int(length) - len(body)
        else:
            self.missing -= len(data)
        if self.missing == 0:
            self.counter.answers += 1
            if self.counter.going:
                self.transport.write(self.request)
            else:
                self.transport.close()


def post(path: str, body: bytes) -> bytes:
    """Return the bytes of a POST request."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _measure(port: int, request: bytes, connections: int, seconds: float) -> float:
    loop, counter = asyncio.get_running_loop(), Counter()
    start = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(request, counter), "127.0.0.1", port)
    while time.perf_counter() - start < seconds or counter.answers < 2 * connections:
        await asyncio.sleep(0.01)
    answers, elapsed = counter.answers, time.perf_counter() - start
    counter.going = False
    if counter.failures:
        raise RuntimeError(f"{counter.failures} answers were no 200")
    return answers / elapsed


def measure(port: int, request: bytes, connections: int = 8, seconds: float = 2) -> float:
    """Return the number of answers per second."""
    runner = asyncio.Runner()
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every system

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        return runner.run(_measure(port, request, connections, seconds))
