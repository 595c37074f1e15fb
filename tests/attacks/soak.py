"""A soak: a realistic mixture for minutes, after which memory is what it was and no request is lost.

python -m tests.attacks.soak [SECONDS]    ten minutes by default
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import openapi
from service.document import url_of
from tests.attacks.clients import Connection, ask, encode, request, wait_until_answering
from tests.attacks.health import add_health, large_answer
from tests.attacks.numbers import DIGITS
from tests.attacks.planning import lstm_calls, named_steps
from tests.attacks.printing import show
from tests.attacks.probe import measure_health
from tests.attacks.report import Report
from tests.attacks.server import Server, serve
from tests.attacks.work import pool

CLIENTS = 16
GROWTH = 1.15  # of the memory, once the caches are full
REFUSALS = {400, 408, 413, 422, 501, 503}


def _examples() -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Return the questions of the examples: those about floats, and those about exact numbers."""
    floats: list[tuple[str, bytes]] = []
    exact: list[tuple[str, bytes]] = []
    for file in sorted(Path(openapi.__file__).parent.glob("examples/*.json")):
        example = json.loads(file.read_text())
        question = (url_of(example), encode(example["request"]))
        is_exact = example["request"].get("arithmetic") == "exact" or example["path"].endswith("solve")
        (exact if is_exact else floats).append(question)
    return floats, exact


def _large(source: random.Random) -> tuple[str, bytes]:
    """Return a question of about a second: many numbers sent, many sent back, or much work."""
    rows, columns = source.randint(200, 800), source.randint(100, 400)
    kind = source.randrange(3)
    if kind == 0:
        numbers = [[source.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]
        return "/v1/softmax", encode({"x": numbers})
    if kind == 1:
        return "/v1/graph", encode(large_answer(source.randint(1, 20)))
    line = f"a = sin(expand(positions(count={rows + 400})) * positions(count={rows + 400}))"
    return "/v1/graph", encode({"program": [line, "y = sum(a @ a @ a)"], "select": ["y"]})


def _hostile(source: random.Random) -> tuple[str, bytes]:
    """Return a question that is meant to do harm."""
    return source.choice([
        ("/v1/graph", encode(lstm_calls(2, source.randint(1_000, 1_800)))),
        ("/v1/graph", encode(named_steps(source.randint(300, 800), select=["h.hiden[1]"]))),
        ("/v1/average_pool1d", encode(pool("average_pool1d", 10**6))),
        ("/v1/softmax", b'{"x":[' + b"[]," * 50_000 + b"[]]}"),
        ("/v1/softmax", b'{"x":' + b"[" * 50_000),
        ("/v1/activation", encode({"function": "relu", "x": [DIGITS], "arithmetic": "exact"})),
        ("/v1/softmax", b'{"x":[1e999,NaN]}'),
    ])  # fmt: skip


class _Mixture:
    """Clients that ask, and what became of their questions, by kind and status."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server, self.ends = server, time.monotonic() + seconds
        self.floats, self.exact = _examples()
        self.found: Counter[tuple[str, int]] = Counter()
        self.wrong: Counter[str] = Counter()

    async def client(self, number: int) -> None:
        """Ask one question after another, as a student or a program of one address does."""
        source = random.Random(number)
        while time.monotonic() < self.ends:
            share = source.random()
            address = f"127.0.3.{number + 1}"
            if share < 0.005:
                await self._leave(source, address)
                continue
            if share < 0.01:
                kind, (path, body) = "hostile", _hostile(source)
            elif share < 0.02:
                kind, (path, body) = "exact", source.choice(self.exact)
            elif share < 0.06:
                kind, (path, body) = "large", _large(source)
            else:
                kind, (path, body) = "exam", source.choice(self.floats)
            answer = await ask(self.server, path, body, source=address, patience=120)
            self.found[kind, answer.status] += 1
            allowed = {200} | (REFUSALS if kind != "exam" else {503})
            if answer.status not in allowed:
                self.wrong[f"{kind}: {answer.status}"] += 1
            if answer.status in REFUSALS and not answer.fields["detail"]:
                self.wrong[f"{kind}: {answer.status} without a reason"] += 1
            await asyncio.sleep(source.expovariate(20))

    async def _leave(self, source: random.Random, address: str) -> None:
        """Ask, and leave before the answer, or before the body is sent."""
        path, body = _large(source)
        whole = request(path, body)
        async with Connection(self.server, address) as connection:
            await connection.send(whole[: source.choice([len(whole), len(whole) // 2])])
            await asyncio.sleep(source.random())
        self.found["left", 0] += 1


async def soak(server: Server, report: Report, seconds: float) -> None:
    """Ask for a third of the time, which fills caches, and for the rest; compare the memory after each."""
    warm = _Mixture(server, seconds / 3)
    await asyncio.gather(*(warm.client(100 + number) for number in range(CLIENTS)))
    before = await _quiet_memory(server)
    mixture = _Mixture(server, seconds * 2 / 3)
    async with measure_health(server) as waits:
        await asyncio.gather(*(mixture.client(number) for number in range(CLIENTS)))
    after = await _quiet_memory(server)
    for (kind, status), count in sorted(mixture.found.items()):
        report.add(f"{kind}: {status}", count)
    for name, count in mixture.wrong.items():
        report.add(f"wrong: {name}", count, most=0)
    report.add("questions", sum(mixture.found.values()))
    report.add("lost", server.seen["lost"] + server.seen["cut"], most=0)
    report.add("not answered in two minutes", server.seen["left"], most=0)
    report.add("memory at the start", before, "MB")
    report.add("memory at the end", after, "MB", most=before * GROWTH + 30)
    report.add("memory at its peak", server.peak, "MB")
    report.note("no traceback in the log", "Traceback" not in server.log)
    add_health(report, waits)


async def _quiet_memory(server: Server) -> float:
    """Return the memory of all processes once nothing is asked."""
    await wait_until_answering(server)
    await asyncio.sleep(2)
    return server.memory()


def main(arguments: list[Any]) -> int:
    """Return 1 if a figure is beyond its bounds."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seconds, report = float(arguments[0]) if arguments else 600.0, Report()
    with serve({}, 8192) as server:
        asyncio.run(soak(server, report, seconds))
    return min(show(f"soak of {seconds:g} s", report), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
