"""Point: health is answered within 50 ms during any other work."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import numpy as np

from tests.attacks.clients import PATIENCE, Connection, ask, ask_together, encode, pad, request
from tests.attacks.probe import Waits, measure_health
from tests.attacks.report import Report, attack
from tests.attacks.server import Server

WAIT = 50  # milliseconds at the 99th percentile
MANY = 34  # requests: two compute and 32 wait, with the default settings on two processors


def add_health(report: Report, waits: Waits) -> None:
    """Record how long health took, bounded by the promise plus the delay of the machine itself."""
    report.add("health, median", waits.percentile(50), "ms")
    report.add("health, 99th percentile", waits.percentile(99), "ms", most=WAIT + waits.noise, by_clock=True)
    report.add("health, longest", max(waits.waits, default=0), "ms")
    report.add("health, not answered", waits.failures, most=0)


def large_answer(megabytes: int = 76) -> dict[str, Any]:
    """Return a question of about a hundred bytes with an answer of many megabytes."""
    side = int((megabytes * 2**20 / 20) ** 0.5)
    count = f"positions(count={side})"
    return {"program": [f"a = sin({count})", "y = expand(a) * cos(a) / 3"], "inputs": {}, "select": ["y"]}


def slow_question(seconds: float = 1) -> dict[str, Any]:
    """Return a small question with a small answer that takes about `seconds` of processor time."""
    line = f"y = sum(lstm(expand(positions(count={int(30_000 * seconds)})), w, w))"
    return {"program": [line], "inputs": {"w": [[1, 1, 1, 1]]}, "select": ["y"]}


def matrix_products() -> dict[str, Any]:
    """Return a question of 15 products of matrices of 1,000 by 1,000."""
    lines = [f"a{at} = tanh(a{at - 1 or ''} @ a)" for at in range(1, 16)]
    return {
        "program": ["a = sin(expand(positions(count=1000)) * positions(count=1000))", *lines, "y = sum(a15)"],
        "inputs": {},
        "select": ["y"],
    }


@attack()
async def large_answers(server: Server, report: Report) -> None:
    """34 clients ask for 76 MB each at once and read as fast as they can."""
    async with measure_health(server) as waits:
        answers = await ask_together(server, MANY, "/v1/graph", large_answer(), patience=120)
    report.add("answered", sum(one.status == 200 for one in answers))
    report.add("bytes of an answer", max(one.size for one in answers) / 2**20, "MB")
    report.note("all answered or refused", all(one.status in (200, 413, 503) for one in answers))
    add_health(report, waits)


@attack()
async def large_answers_compressed(server: Server, report: Report) -> None:
    """Eight clients ask for 76 MB each, compressed."""
    async with measure_health(server) as waits:
        answers = await ask_together(
            server, 8, "/v1/graph", large_answer(), headers=["Accept-Encoding: gzip"], patience=120
        )
    report.note("all answered or refused", all(one.status in (200, 413, 503) for one in answers))
    add_health(report, waits)


@attack()
async def large_bodies(server: Server, report: Report) -> None:
    """16 bodies of 31 MB of numbers are sent at once."""
    numbers = b",".join(b"%.17g" % one for one in np.random.default_rng(0).normal(size=1000))
    row = b"[" + numbers + b"]"
    body = b'{"x":[' + b",".join([row] * (31 * 2**20 // len(row))) + b'],"select":["row_max"]}'
    async with measure_health(server) as waits:
        answers = await ask_together(server, 16, "/v1/softmax", body, patience=120)
    report.note("all answered or refused", all(one.status in (200, 413, 422, 503) for one in answers))
    add_health(report, waits)


@attack()
async def brackets(server: Server, report: Report) -> None:
    """Two bodies of 31 MB of `[[],[],...]`."""
    body = b'{"x":[' + b"[]," * (31 * 2**20 // 3) + b"[]]}"
    async with measure_health(server) as waits:
        answers = await ask_together(server, 2, "/v1/softmax", body, patience=15)
    report.note("all refused", all(one.status in (413, 422, 503) for one in answers))
    add_health(report, waits)


@attack()
async def many_keys(server: Server, report: Report) -> None:
    """Two bodies of 31 MB that are one object of many keys."""
    body = b"{" + b",".join(b'"k%d":0' % one for one in range(2_200_000)) + b"}"
    async with measure_health(server) as waits:
        answers = await ask_together(server, 2, "/v1/softmax", body, patience=15)
    report.note("all refused", all(one.status in (413, 422, 503) for one in answers))
    add_health(report, waits)


@attack(exact_seconds=1)
async def exact_work(server: Server, report: Report) -> None:
    """Exact questions that take a second each keep all exact workers busy."""
    body = {
        "x": [[f"a{row}{column}" for column in range(3)] for row in range(3)],
        "w_q": [["q1"], ["q2"], ["q3"]], "w_k": [["k1"], ["k2"], ["k3"]], "w_v": [["v1"], ["v2"], ["v3"]],
        "arithmetic": "exact", "upstream": {"output": [[1]] * 3},
    }  # fmt: skip
    async with measure_health(server) as waits:
        answers = await ask_together(server, 4, "/v1/self_attention", body, patience=120)
    report.note("all answered or refused", all(one.status in (200, 422, 503) for one in answers))
    add_health(report, waits)


@attack()
async def heavy_questions(server: Server, report: Report) -> None:
    """200 clients ask for two seconds of work each, and leave after ten seconds."""
    async with measure_health(server) as waits:
        answers = await ask_together(server, 200, "/v1/graph", pad(slow_question(2)), patience=10)
    report.add("answered", sum(one.status == 200 for one in answers), least=1)
    report.add("refused as busy", sum(one.status == 503 for one in answers))
    report.note("no other answer", all(one.status in (200, 503, -1) for one in answers))
    add_health(report, waits)


@attack()
async def first_document(server: Server, report: Report) -> None:
    """The first `/openapi.json` after the start, which takes long to generate."""
    async with measure_health(server) as waits:
        await asyncio.sleep(0.2)
        answers = [await ask(server, path) for path in ("/openapi.json", "/openapi-3.0.json", "/docs")]
        await asyncio.sleep(0.2)
    report.add("first /openapi.json", answers[0].seconds * 1000, "ms", most=WAIT, by_clock=True)
    report.note("all answered", all(one.status == 200 for one in answers))
    add_health(report, waits)


@attack()
async def blas_threads(server: Server, report: Report) -> None:
    """16 questions of matrix products at once, which are slower with more threads than processors."""
    body = pad(matrix_products())
    await ask(server, "/v1/graph", body)  # the plan is kept
    before = server.processor_seconds()
    await ask(server, "/v1/graph", body)
    alone = server.processor_seconds() - before
    before = server.processor_seconds()
    answers = await ask_together(server, 16, "/v1/graph", body)
    taken = server.processor_seconds() - before
    report.note("all answered", all(one.status == 200 for one in answers))
    report.add("processor time of one alone", alone, "s")
    report.add("processor time of 16 at once", taken, "s")
    report.add("times 16 alone", taken / 16 / max(alone, 0.01), least=0, most=1.5, by_clock=True)


@attack()
async def idle(server: Server, report: Report) -> None:
    """Only health is requested, to measure the delay of the machine itself."""
    async with measure_health(server) as waits:
        await asyncio.sleep(3)
    report.add("machine late, 99th percentile", waits.noise, "ms")
    add_health(report, waits)


@attack()
async def retry_storm(server: Server, report: Report) -> None:
    """100 clients of one address retry as soon as they are refused; another client is answered."""
    body = pad(slow_question(0.3))
    ends = asyncio.get_running_loop().time() + 5

    async def storm() -> None:
        while asyncio.get_running_loop().time() < ends:
            await ask(server, "/v1/graph", body, patience=5)

    waits_of_another: list[float] = []

    async def polite() -> None:
        while asyncio.get_running_loop().time() < ends:
            answer = await ask(server, "/v1/linear", pad({"x": [[1]], "w": [[2]]}), source="127.0.0.3")
            if answer.status == 200:
                waits_of_another.append(answer.seconds)
            await asyncio.sleep(random.uniform(0, 0.1))

    async with measure_health(server) as waits:
        await asyncio.gather(polite(), *(storm() for _ in range(100)))
    report.add("answers to another client", len(waits_of_another), least=1, by_clock=True)
    report.add("refused as busy", server.seen[503])
    add_health(report, waits)


@attack()
async def many_large_requests_in_one_connection(server: Server, report: Report) -> None:
    """One connection sends 1,000 small questions without waiting for an answer."""
    body = encode({"x": [[1, 2]], "w": [[1], [2]]})
    async with measure_health(server) as waits, Connection(server) as connection:
        sending = asyncio.create_task(connection.send(request("/v1/linear", body) * 1000))
        answers = [(await connection.receive(PATIENCE)).status for _ in range(1000)]
        with suppress(asyncio.CancelledError):
            sending.cancel()
    report.note("answered in order", answers == [200] * 1000)
    add_health(report, waits)
