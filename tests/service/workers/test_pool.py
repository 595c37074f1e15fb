"""Worker processes: reliably stopped, replaced, and isolated from everything else.

Nothing here waits for a clock: what would take minutes is stopped by an event, and nothing else is.
"""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.http.budgets import Budget, Share
from service.http.problems import Problem
from service.settings import Settings
from service.workers.pool import Pool
from service.workers.requests import WorkItem
from tests.conftest import EXAM, Client, errors
from tests.service.workers.stopping import worker_that_runs_out

SHORT = EXAM | {"arithmetic": "exact"}
PATH = "/v1/self_attention"
# The sine of a number of half a million digits, asked for its sign: one step of minutes.
ENDLESS = {
    "program": ["y = x*2", "z = relu(y)"],
    "inputs": {"x": "sin(exp(9000000))"},
    "arithmetic": "exact",
}


def work_item(name: str, question: Any) -> WorkItem:
    settings = Settings()
    return WorkItem(
        name,
        json.dumps(question).encode(),
        Share(Budget(2**30), "answers"),
        settings.limits,
        settings.max_body_bytes,
        is_gzipped=False,
        accepts_gzip=False,
    )


@asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Pool]]:
    app = create_app(Settings(**{"workers": 0, "exact_workers": 1} | settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://workings") as client,
    ):
        yield client, app.state.answerer.exact


def test_an_answer_out_of_time_is_stopped_and_the_next_question_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", worker_that_runs_out(7.5, "REACHED", b"y"))

    async def scenario() -> None:
        async with service(exact_seconds=7.5) as (client, pool):
            response = await client.post("/v1/graph", json=ENDLESS)
            [error] = errors(response).values()
            assert "took too long" in error["message"]
            assert "came as far as y" in error["message"]
            monkeypatch.undo()
            assert error["expected"] == "at most 7.5 seconds"
            again = await client.post(PATH, json=SHORT | {"select": ["query"]})
            assert again.status_code == 200
            assert len(pool.workers) == 1
            assert pool.occupied == 0

    asyncio.run(scenario())


def test_an_answer_out_of_memory_is_refused() -> None:
    async def scenario() -> None:
        async with service(exact_memory=2**20, exact_seconds=60) as (client, _):
            fields = {"x": [["a"]] * 2_000, "size": 1, "arithmetic": "exact"}
            response = await client.post("/v1/max_pool2d", json=fields)
            [error] = errors(response).values()
            assert "too much memory" in error["message"]
            small = {"program": ["y = x"], "inputs": {"x": "a"}, "arithmetic": "exact"}
            assert (await client.post("/v1/graph", json=small)).status_code == 200

    asyncio.run(scenario())


def test_a_worker_that_dies_is_replaced() -> None:
    async def scenario() -> None:
        async with service(exact_seconds=600) as (client, pool):
            running = asyncio.create_task(client.post("/v1/graph", json=ENDLESS))
            while not pool.workers or not (worker := next(iter(pool.workers))).reached:
                await asyncio.sleep(0.01)
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.post(PATH, json=EXAM)).status_code == 200
            os.kill(worker.process.pid, signal.SIGKILL)
            response = await running
            errors(response, 503)
            assert response.headers["retry-after"]
            assert worker.process.returncode == -signal.SIGKILL
            assert (await client.post(PATH, json=SHORT)).status_code == 200
            assert worker not in pool.workers

    asyncio.run(scenario())


def test_a_worker_that_misses_the_deadline_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine so busy that the processor time does not run out; no time passes here."""

    async def scenario() -> None:
        async with service(exact_seconds=600) as (client, pool):
            assert (await client.post(PATH, json=SHORT)).status_code == 200
            [worker] = pool.workers
            waiting = asyncio.create_task(client.post("/v1/graph", json=ENDLESS))
            while not worker.reached:
                await asyncio.sleep(0.01)
            worker.kill()
            late = await waiting
            errors(late, 503)
            assert "no answer came in time on a busy machine" in late.json()["detail"]
            assert late.headers["retry-after"]
            assert worker not in pool.workers and worker.process.returncode == -signal.SIGKILL
            assert (await client.post(PATH, json=SHORT)).status_code == 200

    asyncio.run(scenario())


def test_a_request_waits_for_a_free_worker_no_longer_than_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        async with service(exact_seconds=600, queue=1) as (client, pool):
            running = asyncio.create_task(client.post("/v1/graph", json=ENDLESS))
            while not pool.workers or not next(iter(pool.workers)).reached:
                await asyncio.sleep(0.01)
            with monkeypatch.context() as patch:
                patch.setattr("service.workers.kinds.Kind.deadline", 0)
                waiting = await client.post(PATH, json=SHORT)
            errors(waiting, 503)
            assert waiting.json()["detail"] == "no worker for exact arithmetic was free in time"
            assert pool.occupied == 1 and not running.done()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(scenario())


def test_a_worker_that_holds_much_memory_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = (
        "from service.workers import exact, worker; worker.resident_bytes = lambda: 10**12; exact.main()"
    )
    monkeypatch.setattr("service.workers.kinds.Kind.program", program)

    async def scenario() -> None:
        async with service(exact_seconds=600) as (client, pool):
            running = asyncio.create_task(client.post(PATH, json=SHORT))
            while not pool.workers:
                await asyncio.sleep(0.01)
            [worker] = pool.workers
            assert (await running).status_code == 200
            assert worker not in pool.workers and worker.process.returncode is not None

    asyncio.run(scenario())


def test_a_full_pool_refuses() -> None:
    async def scenario() -> None:
        async with service(exact_seconds=600, queue=0) as (client, pool):
            running = asyncio.create_task(client.post("/v1/graph", json=ENDLESS))
            while not pool.occupied:
                await asyncio.sleep(0)
            full = await client.post(PATH, json=SHORT)
            errors(full, 503)
            assert (await client.post(PATH, json=EXAM)).status_code == 200
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert pool.occupied == 0
            assert (await client.post(PATH, json=SHORT)).status_code == 200

    asyncio.run(scenario())


def test_no_process_is_left_behind() -> None:
    async def scenario() -> list[Any]:
        async with service() as (client, pool):
            assert (await client.post(PATH, json=SHORT)).status_code == 200
            return [worker.process for worker in pool.workers]

    for process in asyncio.run(scenario()):
        assert process.returncode is not None
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)


BROKEN = """
from dataclasses import replace
from service.workers import exact

def fail(*_):
    raise RuntimeError("a defect")

exact.JOBS["graph"] = replace(exact.JOBS["graph"], understand=fail)
exact.main()
"""


def test_a_defect_in_a_worker_is_logged_under_the_request_id(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", BROKEN)

    async def scenario() -> None:
        async with service() as (client, pool):
            for name in ("first", "second"):
                response = await client.post("/v1/graph", json=ENDLESS, headers={"X-Request-ID": name})
                assert errors(response, 500) == {}
                assert response.headers["x-request-id"] == name
                [logged] = [one.getMessage() for one in caplog.records if one.name == "workings"]
                assert logged.index(f"Request {name} failed") < logged.index("RuntimeError: a defect")
                caplog.clear()
            assert len(pool.workers) == 1 and pool.occupied == 0

    asyncio.run(scenario())


WARNING = """
import warnings
from dataclasses import replace
from service.workers import exact

def warn(*_):
    warnings.warn("a warning")
    raise RuntimeError("a defect")

exact.JOBS["graph"] = replace(exact.JOBS["graph"], understand=warn)
exact.main()
"""


def test_a_warning_in_a_worker_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", WARNING)

    async def scenario() -> None:
        async with service() as (client, _):
            errors(await client.post("/v1/graph", json=ENDLESS), 500)

    asyncio.run(scenario())
    levels = {one.levelname: one.getMessage() for one in caplog.records if one.name == "workings"}
    assert set(levels) == {"WARNING", "ERROR"}
    assert "UserWarning: a warning" in levels["WARNING"]


LARGE = """
import json, sys
from service.workers.frames import ANSWER, READY, STATE, frame
sys.stdout.buffer.write(frame(READY)); sys.stdout.buffer.flush()
header = json.loads(sys.stdin.buffer.readline())
sys.stdin.buffer.read(header["length"])
state = frame(STATE, b'{"tag": "", "coding": null, "is_last": true}')
sys.stdout.buffer.write(state + frame(ANSWER, b"{}")); sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""


def test_a_worker_that_is_retired_is_logged_at_debug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", LARGE)

    async def scenario() -> None:
        async with service() as (client, _):
            assert (await client.post(PATH, json=SHORT)).json() == {}

    with caplog.at_level(logging.DEBUG, "workings"):
        asyncio.run(scenario())
    [ended] = [record for record in caplog.records if "was retired" in record.getMessage()]
    assert ended.levelno == logging.DEBUG
    fields = ended.__dict__["fields"]
    assert (fields["worker"], fields["cause"]) == ("exact", "size")


def test_a_worker_that_ended_while_idle_is_not_the_fault_of_a_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.workers.kinds.Kind.program", BROKEN)

    async def scenario() -> None:
        async with service() as (client, pool):
            await client.post("/v1/graph", json=ENDLESS)
            [worker] = pool.workers
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
            await client.post("/v1/graph", json=ENDLESS)

    asyncio.run(scenario())
    [ended] = [record for record in caplog.records if "A worker" in record.getMessage()]
    assert ended.getMessage() == "A worker for exact arithmetic was ended by SIGKILL while it was idle."
    fields = ended.__dict__["fields"]
    assert fields["request_id"] is None
    assert (fields["worker"], fields["cause"], fields["exit"]) == ("exact", "killed", "SIGKILL")


def test_a_problem_of_a_worker_is_one_of_its_kind() -> None:
    question = {"program": ["y = x"], "inputs": {"x": "1/0"}, "arithmetic": "exact"}

    async def scenario() -> None:
        async with service() as (_, pool):
            async with pool.hold_place():
                with pytest.raises(Problem) as raised:
                    await pool.run(work_item("graph", question))
            problem = raised.value
            assert type(problem) is Problem and problem.kind == "refused"
            assert [error.path for error in problem.errors] == [("inputs", "x")]
            body = json.loads(bytes(problem.response("/below").body))
            assert body["type"] == "/below/problems/refused"
            assert body["errors"][0]["pointer"] == "/inputs/x"

    asyncio.run(scenario())


def test_a_body_that_is_too_large_for_exact_numbers(client: Client) -> None:
    errors(client.post(PATH, json=SHORT | {"x": [[0] * 600_000]}), 413)
    large = client.post(PATH, json=SHORT | {"x": [[0, 1]] * 9_000})
    assert "operations" in next(iter(errors(large, 413).values()))["message"]


def test_floats_import_nothing_of_sympy() -> None:
    code = "import sys, service.app, service.workers.floats; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_last_offer_is_the_answer_when_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that offers an answer and is then stopped as if by its timer."""
    worker = """
import os, signal, sys
from service.workers.frames import OFFER, READY, frame
out = sys.stdout.buffer
out.write(frame(READY)); out.flush()
sys.stdin.buffer.readline()
out.write(frame(OFFER, b'{"offered": 1}')); out.flush()
os.kill(os.getpid(), signal.SIGPROF)
"""
    monkeypatch.setattr("service.workers.kinds.Kind.program", worker)

    async def scenario() -> None:
        async with service() as (client, pool):
            response = await client.post("/v1/graph", json=ENDLESS)
            assert (response.status_code, response.json()) == (200, {"offered": 1})
            assert pool.occupied == 0

    asyncio.run(scenario())
