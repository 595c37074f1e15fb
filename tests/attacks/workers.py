"""Point: workers are honest about why they end, and so is readiness."""

import asyncio
import signal
from typing import Any

from tests.attacks.clients import Answer, ask, ask_together, pad, wait_until_answering
from tests.attacks.health import slow_question
from tests.attacks.report import Report, attack
from tests.attacks.server import Server
from tests.conftest import EXAM

SHORT = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
# Of the second value the sign would take minutes to know.
ENDLESS = {
    "program": ["a = x + 1", "f = relu(sin(exp(9000000)) * x**3) - x"],
    "inputs": {"x": 2},
    "arithmetic": "exact",
}
SIGNALS = (signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL, signal.SIGABRT)
READY = "/health/ready"


async def _busy_worker(server: Server) -> int | None:
    """Return a worker that computes, once there is one; none if none does within some seconds."""
    for _ in range(50):
        before = {one: server.processor_seconds_of(one) for one in server.workers()}
        await asyncio.sleep(0.2)
        spent = {one: server.processor_seconds_of(one) - took for one, took in before.items()}
        busy = max(spent, key=lambda one: spent[one], default=None)
        if busy is not None and spent[busy] > 0.05:
            return busy
    return None


async def _all_idle(server: Server) -> None:
    """Wait until no worker computes or starts, for some seconds at most."""
    for _ in range(50):
        before = {worker: server.processor_seconds_of(worker) for worker in server.workers()}
        await asyncio.sleep(0.2)
        if all(server.processor_seconds_of(worker) - spent < 0.02 for worker, spent in before.items()):
            return


async def _killed(server: Server, number: signal.Signals, path: str, fields: Any) -> tuple[Answer, bool]:
    await _all_idle(server)
    asking = asyncio.create_task(ask(server, path, fields, patience=20))
    busy = await _busy_worker(server)
    if busy is not None:
        server.send(number, busy)
    return await asking, busy is not None


def _honest(number: signal.Signals, asked_again: int) -> tuple[int, ...]:
    """Return the statuses of an answer whose worker a signal ended: no fault of the question."""
    return (503, asked_again) if number is signal.SIGTERM else (503,)


@attack(exact_seconds=60)
async def killed_exact_workers(server: Server, report: Report) -> None:
    """A worker that answers an exact question dies of SIGSEGV, SIGTERM, SIGKILL, SIGABRT."""
    for number in SIGNALS:
        answer, was_killed = await _killed(server, number, "/v1/graph", ENDLESS)
        report.note(f"{number.name}: a worker was killed", was_killed)
        report.add(f"{number.name}: status", answer.status)
        # Whoever ends a worker by SIGTERM has its question asked again, and this one takes minutes.
        report.note(f"{number.name}: refused as busy, or asked again", answer.status in _honest(number, -1))
        again = await ask(server, "/v1/graph", SHORT, patience=30)
        report.note(f"{number.name}: the next is answered", again.status == 200)
    report.add("lines logged", len(server.log.splitlines()), least=len(SIGNALS))


@attack(workers=2)
async def killed_float_workers(server: Server, report: Report) -> None:
    """The same for questions about floats."""
    for number in SIGNALS:
        answer, was_killed = await _killed(server, number, "/v1/graph", pad(slow_question(4)))
        report.note(f"{number.name}: a worker was killed", was_killed)
        report.note(f"{number.name}: refused as busy, or answered", answer.status in _honest(number, 200))
        report.add(f"{number.name}: status", answer.status)
        report.add(
            f"{number.name}: until the next",
            await wait_until_answering(server, 10),
            "s",
            most=5,
            by_clock=True,
        )


@attack(max_seconds=1, workers=2)
async def restarted_workers(server: Server, report: Report) -> None:
    """For eight seconds, 20 clients send questions that end their worker; another one asks small ones."""
    loop, body = asyncio.get_running_loop(), pad(slow_question(6))
    ends, waits = loop.time() + 8, list[float]()

    async def end_workers() -> None:
        while loop.time() < ends:
            if (await ask(server, "/v1/graph", body, patience=5)).status != 200:
                await asyncio.sleep(0.1)

    async def other() -> None:
        while loop.time() < ends:
            answer = await ask(server, "/v1/linear", pad({"x": [[1]], "w": [[2]]}), source="127.0.0.3")
            if answer.status == 200:
                waits.append(answer.seconds)
            await asyncio.sleep(0.2)

    await asyncio.gather(other(), *(end_workers() for _ in range(20)))
    report.add("answers to another client", len(waits), least=1)
    report.add("its longest wait", max(waits, default=0), "s")


@attack(megabytes=400)
async def small_address_space(server: Server, report: Report) -> None:
    """Exact questions where no process may have more than 400 MB of address space."""
    answers = [await ask(server, "/v1/graph", SHORT, patience=40) for _ in range(3)]
    ready = await ask(server, READY)
    small = await ask(server, "/v1/self_attention", EXAM)
    handed_on = await ask(server, "/v1/self_attention", pad(EXAM), patience=20)
    report.add("exact question: status", answers[-1].status)
    report.note(
        "answered, or said that no worker can be had", all(one.status in (200, 503) for one in answers)
    )
    report.add("ready: status", ready.status)
    is_answered = answers[-1].status == 200
    report.note("readiness is true", (ready.status == 200) == is_answered)
    report.note("small questions are answered", small.status == 200)
    report.note("others are answered or refused", handed_on.status in (200, 503))
    report.note("something is logged", is_answered or bool(server.log))


@attack(workers=2, queue=2)
async def readiness_when_stuck(server: Server, report: Report) -> None:
    """All places are held by heavy questions: readiness says so, and says otherwise afterwards."""
    asking = asyncio.create_task(ask_together(server, 6, "/v1/graph", pad(slow_question(4)), patience=5))
    await asyncio.sleep(1.5)
    ready = await ask(server, READY)
    report.add("ready while full: status", ready.status)
    report.note("it tells how full", b'"occupied":0' not in ready.body.split(b"exact")[0].replace(b" ", b""))
    await asking
    await wait_until_answering(server, 20)
    await asyncio.sleep(0.3)
    after = await ask(server, READY)
    report.note("ready afterwards", after.status == 200 and b'"occupied":0' in after.body.replace(b" ", b""))


@attack(workers=2)
async def stopped_workers(server: Server, report: Report) -> None:
    """Workers are stopped by SIGSTOP while idle: the next questions are answered or refused in time."""
    await wait_until_answering(server)
    await ask(server, "/v1/graph", SHORT)
    stopped = server.workers()
    for one in stopped:
        server.send(signal.SIGSTOP, one)
    answer = await ask(server, "/v1/self_attention", pad(EXAM), patience=5)
    small = await ask(server, "/v1/self_attention", EXAM, patience=5)
    for one in stopped:
        server.send(signal.SIGCONT, one)
    report.add("stopped processes", len(stopped))
    report.add("status while they were stopped", answer.status)
    report.note("small questions are answered", small.status == 200)
