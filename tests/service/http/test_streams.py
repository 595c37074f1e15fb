"""Answers line by line: their content, and when work stops. Nothing here waits for a clock."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from compute.optimizers.run import reading
from compute.optimizers.run.trace import TraceStep, follow
from service.app import create_app
from service.http.problems import Problem
from service.http.streams import prefers_lines
from service.settings import Settings
from tests.conftest import EXAM, errors
from tests.service.listening import LINES, LONG, PATH, TRACE, Listener, service, together


@pytest.fixture
def computed_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the numbers of the steps that are computed."""
    numbers: list[int] = []

    def count_steps(*arguments: Any, **more: Any) -> Iterator[TraceStep]:
        for step in follow(*arguments, **more):
            numbers.append(step.number)
            yield step

    monkeypatch.setattr(reading, "follow", count_steps)
    return numbers


async def check_idle(app: Any, computed_steps: list[int]) -> None:
    """Check that the only thread is idle and no more steps are computed."""
    loop, thread = asyncio.get_running_loop(), app.state.answerer.floats._thread
    await loop.run_in_executor(thread, lambda: None)
    before = len(computed_steps)
    await loop.run_in_executor(thread, lambda: None)
    assert len(computed_steps) == before < LONG["steps"]
    assert app.state.answerer.floats.occupied == 0


MORE: list[dict[str, Any]] = [
    {},
    {"every": 2, "surface": {"points": 3}},
    {"select": ["loss"], "steps": 300},
    {"stop_when": {"loss": 100}},
    {"optimizer": {"name": "newton"}},
    {"start": {"x": 1, "y": "NaN"}},
    {"steps": None, "program": None, "gradients": [{"x": 1, "y": 2}] * 3},
    {"inputs": {"c": [1] * 5000}, "program": ["f = x**2 + y**2 + sum(c)"]},
]


@pytest.mark.parametrize("more", MORE, ids=lambda one: str(one)[:60])
def test_lines_are_the_parts_of_the_whole_answer(more: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with service() as (app, client):
            fields = {name: one for name, one in (TRACE | more).items() if one is not None}
            listener = Listener(app, fields)
            await listener.listen()
            whole = await client.post(PATH, json=fields)
            assert (listener.status, whole.status_code) == (200, 200), whole.text
            assert together(listener.lines) == whole.json()
            assert listener.ended and listener.parts[-1].endswith(b"\n")
            assert app.state.answerer.floats.occupied == 0

    asyncio.run(scenario())


def test_the_content_type_is_that_of_lines() -> None:
    async def scenario() -> None:
        async with service() as (_, client):
            response = await client.post(PATH, json=TRACE, headers=LINES)
            assert response.headers["content-type"] == "application/x-ndjson"
            plain = await client.post("/v1/self_attention", json=EXAM, headers=LINES)
            assert plain.headers["content-type"] == "application/json"
            choosy = await client.post(PATH, json=TRACE, headers={"accept": "application/json, */*"})
            assert choosy.headers["content-type"] == "application/json"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/x-ndjson", True),
        ("Application/X-NDJSON; charset=utf-8", True),
        ("application/x-ndjson, application/json", True),
        ("application/json, application/x-ndjson", False),
        ("text/html, application/x-ndjson;q=0.9, */*;q=0.1", True),
        ("application/json", False),
        ("*/*", False),
        ("application/x-ndjson;q=0", False),
        ("application/x-ndjson;q=0.1, application/json", False),
        ("", False),
    ],
)
def test_clients_that_prefer_lines(accept: str, wanted: bool) -> None:
    assert prefers_lines({"headers": [(b"accept", accept.encode())]}) is wanted
    assert not prefers_lines({"headers": []})


def test_a_client_that_disconnects_stops_the_work(computed_steps: list[int]) -> None:
    async def scenario() -> None:
        async with service() as (app, _):
            listener = Listener(app, LONG)
            listening = asyncio.create_task(listener.listen())
            while len(listener.parts) < 2:
                await asyncio.sleep(0.01)
            assert listener.lines[1] == {"step": 0, "loss": 0.25}
            listener.leaves.set()
            await listening
            await check_idle(app, computed_steps)
            assert not listener.ended

    asyncio.run(scenario())


def test_a_client_that_disconnected_before_the_answer(computed_steps: list[int]) -> None:
    async def scenario() -> None:
        async with service() as (app, _):
            listener = Listener(app, LONG)
            listener.leaves.set()
            await listener.listen()
            await check_idle(app, computed_steps)

    asyncio.run(scenario())


@pytest.mark.parametrize("stuck", ["first", "every", "last", "start"])
def test_a_client_that_reads_nothing_is_disconnected(computed_steps: list[int], stuck: str) -> None:
    async def scenario() -> None:
        async with service(body_timeout=0.05) as (app, _):
            listener = Listener(app, TRACE if stuck == "last" else LONG)

            async def send(message: dict[str, Any]) -> None:
                start, last = message["type"] == "http.response.start", not message.get("more_body")
                here = {"start": start, "first": not start, "every": bool(listener.parts), "last": last}
                if here[stuck] and start == (stuck == "start"):
                    await asyncio.Event().wait()
                await listener.send(message)

            async with asyncio.timeout(600):
                await listener.listen(send)
            await check_idle(app, computed_steps)

    asyncio.run(scenario())


def test_lines_are_sent_while_later_ones_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line arrives before the last step, which waits for it."""
    arrived = threading.Event()

    def waiting(*arguments: Any, **more: Any) -> Iterator[TraceStep]:
        for step in follow(*arguments, **more):
            if step.number == 6_000:
                assert arrived.wait(30)
            yield step

    monkeypatch.setattr(reading, "follow", waiting)

    async def scenario() -> None:
        async with service() as (app, _):
            listener = Listener(app, LONG | {"steps": 6_000})
            listening = asyncio.create_task(listener.listen())
            await listener.first.wait()
            arrived.set()
            await listening
            assert listener.lines[-2]["step"] == 6_000 and len(listener.parts) > 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("more", "status"),
    [({"steps": -1}, 422), ({"program": ["f = x +"]}, 422), ({"steps": 900_000}, 413), ({"z": 1}, 422)],
)
def test_problems_before_the_first_line_are_problems(more: dict[str, Any], status: int) -> None:
    async def scenario() -> None:
        async with service() as (_, client):
            assert errors(await client.post(PATH, json=TRACE | more, headers=LINES), status)
            assert (await client.get(PATH, headers=LINES)).status_code == 405

    asyncio.run(scenario())


def test_a_defect_after_the_first_line_is_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> Iterator[TraceStep]:
        for step in follow(*arguments, **more):
            if step.number == 6_000:
                raise RuntimeError("a defect")
            yield step

    monkeypatch.setattr(reading, "follow", broken)

    async def scenario() -> None:
        async with service() as (app, _):
            listener = Listener(app, LONG)
            try:
                await listener.listen()
            except RuntimeError:
                assert listener.lines[-1].get("problem"), "the stream broke off"
            assert listener.lines[-1]["problem"]["status"] == 500

    asyncio.run(scenario())


def test_the_type_of_a_problem_in_the_last_line_includes_the_mount_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*arguments: Any, **more: Any) -> Iterator[TraceStep]:
        for step in follow(*arguments, **more):
            if step.number == 3:
                raise Problem("refused", "there is no step 3")
            yield step

    monkeypatch.setattr(reading, "follow", broken)
    monkeypatch.setattr("service.http.streams.LARGEST", 0)  # each line is sent by itself

    async def scenario() -> None:
        outer = FastAPI()
        outer.mount("/workings", create_app(Settings(workers=0)))
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            lines = await client.post(f"/workings{PATH}", json=TRACE, headers=LINES)
            whole = await client.post(f"/workings{PATH}", json={})
            assert (lines.status_code, whole.status_code) == (200, 422)
            problem = json.loads(lines.text.splitlines()[-1])["problem"]
            assert problem["detail"] == "there is no step 3"
            assert problem["type"] == whole.json()["type"] == "/workings/problems/refused"

    asyncio.run(scenario())
