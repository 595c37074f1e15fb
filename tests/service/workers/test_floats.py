"""Workers for floats: same answers as the serving process, limits, and interruptions.

Nothing here waits for a clock: work of minutes ends by a signal, or by its processor time.
"""

import asyncio
import gzip
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from service.workers.pool import Pool
from tests.conftest import EXAM, errors
from tests.service.listening import LINES, LONG, TRACE, Listener, together

PATH = "/v1/self_attention"
TRACES = "/v1/optimizer/trace"
LARGE: dict[str, Any] = EXAM | {"x": [[0.01 * row, 1] for row in range(60)]}
# No step of it is shown before the last, which would take minutes.
SILENT = LONG | {"every": 500_000}


class Service:
    """An application with one worker for floats."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client
        self.pool: Pool = app.state.answerer.floats

    async def ask(self, fields: dict[str, Any], path: str = PATH, **options: Any) -> httpx.Response:
        return await self.client.post(path, json=fields, **options)

    async def working(self) -> Any:
        """Return the worker once it has a question."""
        while not (workers := [worker for worker in self.pool.workers if not worker.is_free]):
            await asyncio.sleep(0.01)
        return workers[0]

    async def free(self) -> Any:
        """Return the worker once it is free."""
        while not (workers := [worker for worker in self.pool.workers if worker.is_free]):
            await asyncio.sleep(0.01)
        return workers[0]


@asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[Service]:
    app = create_app(Settings(**{"workers": 1, "inline_work": 0, "max_seconds": 600} | settings))
    app.state.answerer.exact.start = lambda: None  # loads SymPy, and nothing here needs it
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://workings") as client,
    ):
        yield Service(app, client)


def test_workers_give_the_answers_of_the_serving_process() -> None:
    async def scenario() -> None:
        async with service() as here:
            plain = {"accept-encoding": "identity"}
            for fields, path in ((EXAM, PATH), (LARGE, PATH), (TRACE, TRACES)):
                workers = await here.ask(fields, path, headers=plain)
                app = create_app(Settings(workers=0, inline_work=10**8, inline_bytes=10**6))
                transport = httpx.ASGITransport(app)
                async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
                    expected = await client.post(path, json=fields, headers=plain)
                assert (workers.status_code, workers.content) == (200, expected.content)
                assert workers.headers["etag"] == expected.headers["etag"]
                # A whole answer is sent in gzip to those who accept it, and a body may come so.
                coded = await here.client.post(
                    path,
                    content=gzip.compress(json.dumps(fields).encode()),
                    headers={"content-type": "application/json", "content-encoding": "gzip"},
                )
                assert coded.content == expected.content
                assert coded.headers["etag"].endswith(expected.headers["etag"])
                is_long = len(expected.content) >= 4_096
                assert coded.headers.get("content-encoding") == ("gzip" if is_long else None)
            listener = Listener(here.app, TRACE)
            await listener.listen()
            assert together(listener.lines) == expected.json()
            # Refusals are the same, at once and line by line.
            for headers in ({}, LINES):
                assert "/steps" in errors(await here.ask(TRACE | {"steps": -1}, TRACES, headers=headers))
            errors(await here.ask(LARGE | {"w_q": [[1]]}))
            errors(await here.client.post(PATH, content=b"[" * 5_000), 415)
            assert here.pool.occupied == 0 and len(here.pool.workers) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("headers", [{}, LINES], ids=["whole", "lines"])
def test_a_worker_is_free_after_its_client_disconnects(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with service(queue=1) as here:
            listener = Listener(here.app, SILENT, headers)
            listening = asyncio.create_task(listener.listen())
            worker = await here.working()
            waiting = Listener(here.app, SILENT, headers)
            waits = asyncio.create_task(waiting.listen())
            while here.pool.occupied < 2:
                await asyncio.sleep(0.01)
            full = await here.ask(LARGE)
            errors(full, 503)
            assert full.headers["retry-after"]
            assert (await here.client.get("/health/live")).status_code == 200
            waiting.leaves.set()
            await waits
            listener.leaves.set()
            await listening
            assert (await here.ask(LARGE)).status_code == 200
            assert here.pool.workers == {worker} and here.pool.occupied == 0

    asyncio.run(scenario())


def test_a_client_that_disconnects_early_does_not_end_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interruption before the work begins is lost and must be repeated."""
    monkeypatch.setattr("service.workers.pool.GRACE", 60)

    async def scenario() -> None:
        async with service() as here:
            assert (await here.ask(LARGE)).status_code == 200
            [worker] = here.pool.workers
            listener = Listener(here.app, SILENT, {})
            listener.body = b" " * 2_000_000 + listener.body
            listening = asyncio.create_task(listener.listen())
            while worker.is_free:
                await asyncio.sleep(0)
            listener.leaves.set()
            await listening
            assert (await here.ask(LARGE)).status_code == 200
            assert here.pool.workers == {worker}

    asyncio.run(scenario())


def test_no_line_of_a_large_question_is_sent_twice() -> None:
    """A question that fails after the first line is not read again by the strict reader."""
    rows = 3_000
    question: dict[str, Any] = {
        "program": ["z = x @ w", "f = cross_entropy(z, t)"],
        "inputs": {"x": [[0.5, 0.25]] * rows, "t": [0] * (rows - 1) + [7]},
        "start": {"w": [[0.1, 0.2], [0.3, 0.4]]},
        "loss": "f",
        "optimizer": {"name": "gradient_descent", "learning_rate": 0.1},
        "steps": 1,
    }

    async def scenario(workers: int) -> None:
        async with service(workers=workers) as here:
            listener = Listener(here.app, question)
            await listener.listen()
            opening, last = listener.lines
            assert opening["operation"] == "optimizer/trace"
            assert last["problem"]["errors"][0]["pointer"] == "/inputs/t"

    for workers in (0, 1):
        asyncio.run(scenario(workers))


def test_a_worker_is_free_after_its_client_disconnects_between_lines() -> None:
    async def scenario() -> None:
        async with service() as here:
            listener = Listener(here.app, LONG)
            listening = asyncio.create_task(listener.listen())
            while len(listener.parts) < 2:
                await asyncio.sleep(0.01)
            worker = await here.working()
            listener.leaves.set()
            await listening
            assert (await here.ask(LARGE)).status_code == 200
            assert here.pool.workers == {worker}
            assert here.app.state.answerer.answers.used == 0

    asyncio.run(scenario())


def test_time_and_memory_of_an_answer_are_limited() -> None:
    async def scenario() -> None:
        async with service(max_seconds=0.5, worker_memory=64 * 2**20) as here:
            late = await here.ask(SILENT, TRACES)
            errors(late, 413)
            assert "at most 0.5 seconds of processor time" in late.json()["detail"]
            worker = await here.free()
            lines = Listener(here.app, LONG)
            await lines.listen()
            assert lines.lines[-1]["problem"]["status"] == 413
            large: dict[str, Any] = {"program": ["y = x @ w", "z = sum(y)"], "select": ["z"]}
            large["inputs"] = {"x": [[1.0]] * 20_000, "w": [[1.0] * 1_000]}
            too_much = await here.ask(large, "/v1/graph")
            errors(too_much, 413)
            assert "took too much memory" in too_much.json()["detail"]
            assert (await here.ask(EXAM)).status_code == 200
            assert here.pool.workers == {worker}

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGTERM"])
def test_a_worker_that_is_ended_is_logged_and_replaced(caplog: pytest.LogCaptureFixture, name: str) -> None:
    async def scenario() -> None:
        async with service() as here:
            asking = asyncio.create_task(here.ask(SILENT, TRACES))
            worker = await here.working()
            os.kill(worker.process.pid, signal.Signals[name])
            if name == "SIGTERM":  # as an operator does it: the question is asked again
                while (again := await here.working()) is worker:
                    await asyncio.sleep(0.01)
                os.kill(again.process.pid, signal.SIGTERM)
            response = await asking
            errors(response, 503)
            assert response.headers["retry-after"]
            words = "was killed" if name == "SIGKILL" else f"was ended by {name}"
            assert words in response.json()["detail"]
            assert f"was ended by {name} while it computed" in caplog.text
            ended = [one for one in caplog.records if "was ended" in one.getMessage()]
            assert len(ended) == (2 if name == "SIGTERM" else 1)
            assert {one.__dict__["fields"]["exit"] for one in ended} == {name}
            assert (await here.ask(LARGE)).status_code == 200
            assert worker not in here.pool.workers

    asyncio.run(scenario())


def test_answers_that_are_not_sent_share_a_budget() -> None:
    async def scenario() -> None:
        async with service(held_bytes=2**20, max_body_bytes=2**20, min_rate=0) as here:
            fields = TRACE | {"steps": 1_000}
            unread = Listener(here.app, fields, {})
            go_on = asyncio.Event()

            async def stuck(message: dict[str, Any]) -> None:
                await go_on.wait()
                await unread.send(message)

            listening = asyncio.create_task(unread.listen(stuck))
            answers = here.app.state.answerer.answers
            while not answers.used:
                await asyncio.sleep(0.01)
            full = await here.ask(fields, TRACES)
            errors(full, 503)
            assert "answers that wait to be sent" in full.json()["detail"]
            assert (await here.ask(EXAM)).status_code == 200
            go_on.set()
            await listening
            assert unread.status == 200 and answers.used == 0
            assert (await here.ask(fields, TRACES)).status_code == 200

    asyncio.run(scenario())
