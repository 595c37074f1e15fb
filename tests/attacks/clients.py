"""Clients that send raw bytes and parse responses with little code in between."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.attacks.server import Server
from tests.conftest import EXAM

PATIENCE = 30.0  # seconds that a client waits for an answer
KEPT = 2**16  # bytes of an answer that are kept; the rest is counted
CHUNK = 2**18
INTERVAL = 0.5  # seconds in which resting processes take no processor time


@dataclass(frozen=True)
class Answer:
    """A response.

    status: 0 if the connection ended without an answer, -1 if the client left first.
    body: the first bytes of the answer.
    size: bytes of the whole answer.
    seconds: from sending until the end of the answer.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int
    seconds: float

    @property
    def fields(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def request(
    path: str, body: bytes | None = None, headers: Iterable[str] = (), method: str | None = None
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1", "Host: workings", *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return fields as JSON without spaces."""
    return json.dumps(fields, separators=(",", ":")).encode()


class Connection:
    """A connection from an address of the loopback network, which represents one client."""

    def __init__(self, server: Server, source: str = "127.0.0.1") -> None:
        self.server, self.source = server, source
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> "Connection":
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.server.port, local_addr=(self.source, 0), limit=CHUNK
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Send bytes. It is not an error if the server has closed the connection."""
        if self.writer.is_closing():  # asyncio would warn of each attempt
            return
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def receive(self, patience: float = PATIENCE, keep: int = KEPT) -> Answer:
        """Return the next answer, and count its status."""
        start = time.monotonic()
        kept = bytearray()
        status, headers, size = 0, dict[str, str](), 0
        try:
            async with asyncio.timeout(patience):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")[:-2]
                headers = {
                    name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
                }
                async for part in self._parts(headers):
                    size += len(part)
                    kept += part[: max(0, keep - len(kept))]
                status = int(first.split()[1])
            self.server.seen[status] += 1
        except TimeoutError:
            status = -1
            self.server.seen["left"] += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.server.seen["cut" if headers else "lost"] += 1
        return Answer(status, headers, bytes(kept), size, time.monotonic() - start)

    async def _parts(self, headers: Mapping[str, str]) -> Any:
        if headers.get("transfer-encoding") == "chunked":
            while length := int(await self.reader.readuntil(b"\r\n"), 16):
                yield (await self.reader.readexactly(length + 2))[:-2]
            await self.reader.readuntil(b"\r\n")
            return
        missing = int(headers.get("content-length", "0"))
        while missing:
            part = await self.reader.read(min(missing, CHUNK))
            if not part:
                raise asyncio.IncompleteReadError(b"", missing)
            missing -= len(part)
            yield part


async def ask(
    server: Server,
    path: str,
    fields: Mapping[str, Any] | bytes | None = None,
    *,
    headers: Iterable[str] = (),
    source: str = "127.0.0.1",
    patience: float = PATIENCE,
    keep: int = KEPT,
) -> Answer:
    """Send one question over a connection of its own."""
    body = fields if fields is None or isinstance(fields, bytes) else encode(fields)
    start = time.monotonic()
    try:
        async with Connection(server, source) as connection:
            await connection.send(request(path, body, headers))
            found = await connection.receive(patience, keep)
    except OSError:
        server.seen["lost"] += 1
        return Answer(0, {}, b"", 0, time.monotonic() - start)
    return Answer(found.status, found.headers, found.body, found.size, time.monotonic() - start)


async def ask_together(server: Server, count: int, path: str, fields: Any, **options: Any) -> list[Answer]:
    """Send the same question over many connections at once."""
    body = fields if isinstance(fields, bytes) else encode(fields)
    return await asyncio.gather(*(ask(server, path, body, **options) for _ in range(count)))


def pad(fields: Mapping[str, Any], size: int = 5_000) -> bytes:
    """Return a body that is too large for the serving process to answer itself."""
    body = encode(fields)
    return body + b" " * max(0, size - len(body))


async def wait_until_answering(
    server: Server, patience: float = PATIENCE, source: str = "127.0.0.3"
) -> float:
    """Return the seconds until a worker answers a small question.

    Returns the patience if there is no answer by then.
    """
    start = time.monotonic()
    while (left := start + patience - time.monotonic()) > 0:
        answer = await ask(server, "/v1/self_attention", pad(EXAM), source=source, patience=left)
        if answer.status == 200:
            return time.monotonic() - start
        await asyncio.sleep(0.05)
    return patience


async def wait_until_ready(server: Server, patience: float = PATIENCE) -> float:
    """Return the seconds until the server is ready, or the patience if it is not by then."""
    start = time.monotonic()
    while (left := start + patience - time.monotonic()) > 0:
        if (await ask(server, "/health/ready", patience=left)).status == 200:
            return time.monotonic() - start
        await asyncio.sleep(0.05)
    return patience


async def wait_until_settled(server: Server, patience: float = PATIENCE) -> None:
    """Wait until the server is ready and all its processes have started and are idle."""
    end = time.monotonic() + patience
    await wait_until_ready(server, patience)
    before = -1.0
    while (taken := server.processor_seconds()) - before > INTERVAL / 10 and time.monotonic() < end:
        before = taken
        await asyncio.sleep(INTERVAL)
