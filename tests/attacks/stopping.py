"""Point: the server stops in time, after accepted requests are answered."""

import asyncio
import signal

from tests.attacks.clients import Answer, Connection, ask, encode, pad, request
from tests.attacks.health import large_answer, slow_question
from tests.attacks.report import Report, attack
from tests.attacks.server import Server, wait_until_ended

STOP = 8.0  # seconds, as docs/settings.md has it
PATIENCE = 25.0


async def _stop(server: Server, report: Report) -> None:
    server.processes()
    server.send(signal.SIGTERM, server.process.pid)
    seconds = await wait_until_ended(server, PATIENCE)
    report.add("until it has ended", seconds, "s", most=STOP + 2, by_clock=True)
    report.add("ended", int(seconds < PATIENCE), least=1)
    await asyncio.sleep(0.2)
    report.add("processes left behind", len(server.left_behind()), most=0)


@attack(ends_server=True)
async def stopping_idle(server: Server, report: Report) -> None:
    """SIGTERM while the server is idle, and one connection is kept open."""
    async with Connection(server) as connection:
        await connection.send(request("/health/live"))
        await connection.receive()
        await _stop(server, report)


@attack(ends_server=True, stop_seconds=8)
async def stopping_unread(server: Server, report: Report) -> None:
    """SIGTERM while a client does not read its 76 MB, and another has sent half a body."""
    async with Connection(server) as one, Connection(server) as other:
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await one.send(request("/v1/graph", encode(large_answer())))
        await other.send(request("/v1/linear", b" " * 5_000)[:-100])
        await asyncio.sleep(4)
        await _stop(server, report)


@attack(ends_server=True, stop_seconds=8)
async def stopping_at_work(server: Server, report: Report) -> None:
    """SIGTERM while four questions of a second or two are computed or wait: all are answered or refused."""
    asking = [
        asyncio.create_task(ask(server, "/v1/graph", pad(slow_question(0.7)), patience=PATIENCE))
        for _ in range(4)
    ]
    await asyncio.sleep(0.7)
    await _stop(server, report)
    answers: list[Answer] = await asyncio.gather(*asking)
    report.add("answered", sum(one.status == 200 for one in answers))
    report.note("answered or refused, all", all(one.status in (200, 503) for one in answers))


@attack(ends_server=True, stop_seconds=8)
async def stopping_long_work(server: Server, report: Report) -> None:
    """SIGTERM while two questions are computed that take far longer than the time to stop."""
    asking = [
        asyncio.create_task(ask(server, "/v1/graph", pad(slow_question(15)), patience=PATIENCE))
        for _ in range(2)
    ]
    await asyncio.sleep(1)
    await _stop(server, report)
    await asyncio.gather(*asking)


@attack(ends_server=True, stop_seconds=8)
async def stopping_streams(server: Server, report: Report) -> None:
    """SIGTERM while a long trace is sent line by line."""
    fields = {
        "program": ["f = x**2 / 4"], "start": {"x": 1}, "steps": 500_000, "select": ["loss"],
        "optimizer": {"name": "gradient_descent", "learning_rate": 1e-9},
    }  # fmt: skip
    async with Connection(server) as connection:
        await connection.send(
            request("/v1/optimizer/trace", encode(fields), ["Accept: application/x-ndjson"])
        )
        await connection.reader.readuntil(b"\r\n\r\n")
        await _stop(server, report)


@attack(ends_server=True)
async def killed_server(server: Server, report: Report) -> None:
    """SIGKILL of the serving process leaves no worker behind, at work or idle."""
    asking = asyncio.create_task(ask(server, "/v1/graph", pad(slow_question(4)), patience=10))
    await asyncio.sleep(1)
    report.add("workers", len(server.workers()))
    server.send(signal.SIGKILL, server.process.pid)
    await wait_until_ended(server, 5)
    await asking
    for _ in range(100):
        if server.left_behind():
            await asyncio.sleep(0.1)
    report.add("processes left behind after 10 s", len(server.left_behind()), most=0)
