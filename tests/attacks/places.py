"""Point: clients that send nothing, read nothing or have left cannot hold places."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from service.http.watch import LINGERING
from tests.attacks.clients import Connection, ask, encode, pad, request, wait_until_answering
from tests.attacks.health import MANY, add_health, large_answer, slow_question
from tests.attacks.probe import measure_health
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

LINES = ["Accept: application/x-ndjson"]
TRACE: dict[str, Any] = {
    "program": ["f = x**2 / 4"], "start": {"x": 1}, "steps": 500_000, "select": ["loss", "parameters"],
    "optimizer": {"name": "gradient_descent", "learning_rate": 1e-9},
}  # fmt: skip
SOON = 2.0  # seconds within which another client is answered


@asynccontextmanager
async def open_connections(
    server: Server, count: int, source: str = "127.0.0.1"
) -> AsyncIterator[list[Connection]]:
    """Open connections, as many as the server accepts."""
    wanted = count + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            try:
                found.append(await stack.enter_async_context(Connection(server, source)))
            except OSError:
                break
        yield found


async def _check_other_clients(server: Server, report: Report, patience: float = 15) -> None:
    seconds = await wait_until_answering(server, patience)
    report.add("until another client is answered", seconds, "s", most=SOON, by_clock=True)
    report.add("other clients answered", int(seconds < patience), least=1)


async def _is_closed(connection: Connection, patience: float) -> bool:
    """Return whether the server ends a connection within `patience` seconds."""
    try:
        async with asyncio.timeout(patience):
            while await connection.reader.read(2**16):
                pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


async def count_closed(connections: list[Connection], patience: float) -> int:
    """Return how many connections the server ends within `patience` seconds."""
    return sum(await asyncio.gather(*(_is_closed(one, patience) for one in connections)))


@attack()
async def declared_bodies(server: Server, report: Report) -> None:
    """34 sockets declare 5,000 bytes and send none."""
    head = request("/v1/linear", b" " * 5_000)[:-5_000]
    async with open_connections(server, MANY) as connections:
        for one in connections:
            await one.send(head)
        await asyncio.sleep(0.3)
        await _check_other_clients(server, report)


@attack(min_rate=4096, body_timeout=3)
async def slow_senders(server: Server, report: Report) -> None:
    """34 sockets send a body of 5,000 bytes, ten bytes each half second."""
    whole = request("/v1/linear", b" " * 5_000)

    async def send(connection: Connection) -> None:
        await connection.send(whole[:-4_990])
        for at in range(20):
            await asyncio.sleep(0.5)
            await connection.send(whole[-4_990 + 10 * at :][:10])

    async with open_connections(server, MANY) as connections:
        sending = asyncio.gather(*(send(one) for one in connections))
        await asyncio.sleep(0.5)
        await _check_other_clients(server, report)
        report.add("dropped", await count_closed(connections, 8), least=MANY)
        await sending


@attack(min_rate=4096, body_timeout=3)
async def slow_listeners(server: Server, report: Report) -> None:
    """34 clients ask for a long trace line by line, and read 64 bytes each half second."""
    head = request("/v1/optimizer/trace", encode(TRACE), LINES)

    async def listen(connection: Connection) -> None:
        connection.writer.transport.get_extra_info("socket").setsockopt(1, 8, 4096)  # SO_RCVBUF
        await connection.send(head)
        for _ in range(24):
            await connection.reader.read(64)
            await asyncio.sleep(0.5)

    async with open_connections(server, MANY) as connections:
        listening = asyncio.gather(*(listen(one) for one in connections), return_exceptions=True)
        await asyncio.sleep(2)
        await _check_other_clients(server, report, 10)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


@attack(min_rate=4096)
async def never_read(server: Server, report: Report) -> None:
    """20 clients ask for 76 MB and never read; then 20 more."""
    question = request("/v1/graph", encode(large_answer()))
    async with open_connections(server, 40) as connections, measure_health(server) as waits:
        for one in connections:
            one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for one in connections[:20]:
            await one.send(question)
        await asyncio.sleep(6)
        report.add("memory with 20", server.memory(), "MB")
        for one in connections[20:]:
            await one.send(question)
        await asyncio.sleep(4)
        # What the setting for bodies and answers allows, and what one answer takes while it is made.
        report.add("memory with 40", server.memory(), "MB", most=512 + 2 * 400 + 400)
        await _check_other_clients(server, report, 10)
    add_health(report, waits)


@attack()
async def abandoned_requests(server: Server, report: Report) -> None:
    """34 clients ask for two seconds of work each, and leave after half a second."""
    question = request("/v1/graph", pad(slow_question(2)))
    async with open_connections(server, MANY) as connections:
        for one in connections:
            await one.send(question)
        await asyncio.sleep(0.5)
    await _check_other_clients(server, report, 20)
    before = server.processor_seconds()
    await asyncio.sleep(1)
    report.add("processor time after they left", server.processor_seconds() - before, "s", most=0.5)


@attack(min_rate=4096)
async def abandoned_streams(server: Server, report: Report) -> None:
    """34 clients ask for a trace, read its first lines and leave."""
    question = request("/v1/optimizer/trace", encode(TRACE), LINES)
    async with open_connections(server, MANY) as connections:
        for one in connections:
            await one.send(question)
        await asyncio.sleep(1)
    await _check_other_clients(server, report)


@attack(max_connections=1_000, max_client_connections=300, head_timeout=3, keep_alive=3)
async def idle_connections(server: Server, report: Report) -> None:
    """2,000 connections of one client that send nothing; then other clients are answered."""
    async with open_connections(server, 2_000) as connections, measure_health(server) as waits:
        report.add("opened", len(connections))
        await _check_other_clients(server, report)
        report.add(
            "ended by the server within 6 s", await count_closed(connections, 6), least=len(connections)
        )
    add_health(report, waits)


@attack(max_connections=1_000, max_client_connections=300, head_timeout=60, keep_alive=60)
async def connections_of_many_addresses(server: Server, report: Report) -> None:
    """300 connections of each of five addresses, more than the server takes in all."""
    async with AsyncExitStack() as stack, measure_health(server) as waits:
        for at in range(5):
            await stack.enter_async_context(open_connections(server, 300, f"127.0.1.{at + 1}"))
        descriptors = server.descriptors()
        await asyncio.sleep(1)
    report.add("descriptors of the serving process", descriptors, most=1_000 + LINGERING + 50)
    report.add("health, longest", max(waits.waits, default=0), "ms")


@attack(head_timeout=3)
async def slow_heads(server: Server, report: Report) -> None:
    """200 connections send a head of one byte a second."""
    async with open_connections(server, 200) as connections:

        async def send(connection: Connection) -> None:
            for byte in request("/health/live")[:8]:
                await connection.send(bytes([byte]))
                await asyncio.sleep(1)

        sending = asyncio.gather(*(send(one) for one in connections))
        report.add(
            "ended by the server within 7 s", await count_closed(connections, 7), least=len(connections)
        )
        await sending
        await _check_other_clients(server, report)


@attack()
async def one_client_among_others(server: Server, report: Report) -> None:
    """One address keeps 100 questions of half a second waiting; five questions of others are answered."""
    body, going = pad(slow_question(0.3)), True

    async def hoard() -> None:
        while going:
            if (await ask(server, "/v1/graph", body, patience=30)).status != 200:
                await asyncio.sleep(0.05)

    hoarders = [asyncio.create_task(hoard()) for _ in range(100)]
    await asyncio.sleep(2)
    answers = []
    for at in range(5):
        answers.append(
            await ask(server, "/v1/linear", pad({"x": [[1]], "w": [[2]]}), source=f"127.0.2.{at + 1}")
        )
        await asyncio.sleep(0.5)
    going = False
    for one in hoarders:
        one.cancel()
    await asyncio.gather(*hoarders, return_exceptions=True)
    report.add("others answered, of 5", sum(one.status == 200 for one in answers))
    report.add("the longest wait of another", max(one.seconds for one in answers), "s")
