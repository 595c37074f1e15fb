"""Point: memory is limited by bytes."""

import asyncio
import gzip
from typing import Any

from tests.attacks.clients import Connection, ask, ask_together, encode, request
from tests.attacks.health import large_answer
from tests.attacks.planning import named_steps
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

WORKERS = 2
IDLE = 480  # MB of a server with two workers of each kind while it starts, the most that it takes idle
ANSWER = 76  # MB


@attack(workers=WORKERS)
async def kept_plans(server: Server, report: Report) -> None:
    """50 questions of 100 bytes with different lengths, one after another: the memory of cached plans.

    Of 300 such questions, 5.8 GB were kept.
    """
    report.add("bytes of the question", len(encode(named_steps(1_500, select=["h.hidden[1]"]))))
    for at in range(50):
        await ask(server, "/v1/graph", named_steps(1_500 + at, select=["h.hidden[1]"]), patience=10)
    report.add("memory kept", server.memory(), "MB", most=IDLE + (1 + WORKERS) * 64 * 1.5)


@attack(workers=WORKERS)
async def different_small_questions(server: Server, report: Report) -> None:
    """3,000 different small questions: the memory of caches."""
    for at in range(30):
        await asyncio.gather(
            *(
                ask(server, "/v1/graph", {"program": [f"y{at}_{one} = x + {one}"], "inputs": {"x": at}})
                for one in range(100)
            )
        )
    report.add("memory kept", server.memory(), "MB", most=IDLE + 64 * 1.5)  # of plans, in the serving process


@attack(megabytes=700)
async def memory_error(server: Server, report: Report) -> None:
    """Large answers and bodies at once, with 700 MB of address space for each process."""
    body = b'{"x":[' + b"1.5," * (20 * 2**20 // 4) + b"1]}"
    answers = await asyncio.gather(
        ask_together(server, 12, "/v1/graph", large_answer()),
        ask_together(server, 12, "/v1/softmax", body),
    )
    found = [one.status for group in answers for one in group]
    report.add("answered", found.count(200))
    report.add("refused", found.count(413) + found.count(422) + found.count(503))
    report.note("answered or refused, all", all(one in (200, 413, 422, 503) for one in found))


@attack()
async def gzip_bombs(server: Server, report: Report) -> None:
    """64 bodies of 32 KB that decompress to 32 MB of spaces, and 16 that would decompress to 1 GB."""
    allowed = gzip.compress(b" " * (31 * 2**20) + b'{"x":[1]}')
    beyond = gzip.compress(b" " * 2**30, 1)
    headers = ["Content-Encoding: gzip"]
    answers = await ask_together(server, 64, "/v1/softmax", allowed, headers=headers)
    answers += await ask_together(server, 4, "/v1/softmax", beyond[: 2**20], headers=headers)
    report.add("bytes of a bomb", len(allowed))
    report.note("answered or refused, all", all(one.status in (200, 400, 413, 503) for one in answers))
    report.add("memory at its peak", server.peak, "MB", most=IDLE + 1024)


@attack(min_rate=4096)
async def documents_unread(server: Server, report: Report) -> None:
    """200 clients ask for the OpenAPI document three times each, and read nothing."""
    await ask(server, "/openapi.json")
    question = request("/openapi.json") * 3
    before = server.memory()
    connections = [await Connection(server).__aenter__() for _ in range(200)]
    for one in connections:
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await one.send(question)
    await asyncio.sleep(2)
    report.add("memory that it takes", server.memory() - before, "MB", most=256)
    for one in connections:
        await one.__aexit__()
    await asyncio.sleep(0.5)
    report.add("memory that it leaves", server.memory() - before, "MB", most=100)


@attack()
async def budget_of_bodies(server: Server, report: Report) -> None:
    """40 clients send all but the last byte of 31 MB; meanwhile another sends 100 KB and is answered."""
    body = b" " * (31 * 2**20)
    whole = request("/v1/softmax", body)
    connections = [await Connection(server).__aenter__() for _ in range(40)]
    sending = asyncio.gather(*(one.send(whole[:-1]) for one in connections))
    await asyncio.wait([sending], timeout=8)
    small: dict[str, Any] = {"x": [[1, 2, 3]] * 12_000, "select": ["output"]}
    answer = await ask(server, "/v1/softmax", small, source="127.0.0.3", patience=10)
    report.add("status of another client", answer.status)
    report.note("another client is answered or refused", answer.status in (200, 503))
    report.add("memory at its peak", server.peak, "MB", most=IDLE + 512 * 1.5 + 300)
    sending.cancel()
    for one in connections:
        await one.__aexit__()
