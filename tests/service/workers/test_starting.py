"""Workers that fail to start: logged, reported to waiting requests, and tried again."""

import asyncio
import logging
import os
import signal
from threading import Thread
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.workers.roster import NOT_STARTED, STOPPING
from tests.conftest import errors
from tests.service.workers.test_pool import PATH, SHORT, service

# A worker that starts at once, for it loads nothing of SymPy, and has one answer.
WILLING = """
import json, sys
from service.workers.frames import ANSWER, READY, frame
sys.stdout.buffer.write(frame(READY)); sys.stdout.buffer.flush()
header = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(header["length"])
sys.stdout.buffer.write(frame(ANSWER, b'{"answered": 1}')); sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""


PROGRAM = "service.workers.kinds.Kind.program"


def no_memory(*_: Any, **__: Any) -> None:
    raise MemoryError("nothing left")


def messages(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """The messages of the service, without the lines of requests."""
    return [record for record in caplog.records if record.name == "workings"]


def no_thread(*_: Any) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("target", "failure", "message"),
    [
        ("service.workers.process.subprocess.Popen", no_memory, "nothing left"),
        ("service.workers.roster.Worker.wait_until_ready", no_memory, "nothing left"),
        ("service.workers.roster.Thread.start", no_thread, "can't start new thread"),
        (
            "service.workers.kinds.Kind.program",
            "raise SystemExit(1)",
            "the process ended before it was ready",
        ),
    ],
    ids=["process", "readiness", "thread", "exit"],
)
def test_a_worker_that_does_not_start_is_logged_and_the_next_request_starts_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, target: str, failure: Any, message: str
) -> None:
    async def scenario() -> None:
        # The lifespan, which would start a worker by itself, is not run.
        app = create_app(Settings(workers=0, exact_workers=1))
        pool = app.state.answerer.exact
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            with monkeypatch.context() as patch:
                patch.setattr(target, failure)
                async with asyncio.timeout(600):
                    refused = await client.post(PATH, json=SHORT)
            errors(refused, 503)
            assert refused.json()["detail"] == NOT_STARTED.format("exact arithmetic")
            assert refused.headers["retry-after"]
            assert message in caplog.text
            assert (pool.occupied, len(pool.workers)) == (0, 0)
            monkeypatch.setattr("service.workers.kinds.Kind.program", WILLING)
            assert (await client.post(PATH, json=SHORT)).json() == {"answered": 1}
            await pool.close()

    asyncio.run(scenario())


def test_a_worker_that_is_killed_while_it_starts_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", "import sys; sys.stdin.read()")

    async def scenario() -> None:
        async with service() as (client, pool):
            waiting = asyncio.create_task(client.post(PATH, json=SHORT))
            while not pool.workers:
                await asyncio.sleep(0.01)
        refused = await waiting
        errors(refused, 503)
        assert refused.json()["detail"] == STOPPING.format("exact arithmetic")
        assert not pool.workers and not messages(caplog)

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_stops_servers_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The signal may reach a worker that has just been started."""
    number = f"signal.{name}"
    code = f"import os, signal; signal.signal({number}, signal.SIG_DFL); os.kill(os.getpid(), {number})"
    monkeypatch.setattr("service.workers.kinds.Kind.program", code)

    async def scenario() -> None:
        async with service() as (client, _):
            errors(await client.post(PATH, json=SHORT), 503)

    asyncio.run(scenario())
    assert messages(caplog)
    for record in messages(caplog):
        assert record.exc_info is None
        assert record.getMessage() == f"A worker for exact arithmetic was stopped by {name} while it started."


def test_a_thread_that_does_not_start_leaves_requests_to_the_workers_that_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        async with service() as (client, pool):
            assert (await client.post(PATH, json=SHORT)).status_code == 200
            [worker] = pool.workers
            monkeypatch.setattr(Thread, "start", no_thread)
            assert (await client.post(PATH, json=SHORT)).status_code == 200
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
            errors(await client.post(PATH, json=SHORT), 503)
            monkeypatch.undo()  # the event loop closes with a thread

    asyncio.run(scenario())
