"""Exact answers line by line, through a worker process."""

import asyncio
from typing import Any

import pytest

from tests.conftest import EXAM, errors
from tests.service.listening import ENDLESS, LINES, PATH, Listener, service, together
from tests.service.workers.stopping import worker_that_runs_out

EXACT: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "steps": 3,
    "optimizer": {"name": "gradient_descent", "learning_rate": "eta"},
    "arithmetic": "exact",
}


def test_lines_problems_and_listeners_that_leave() -> None:
    """One scenario, because a worker takes long to start."""

    async def scenario() -> None:
        async with service(exact_seconds=600) as (app, client):
            pool = app.state.answerer.exact
            listener = Listener(app, EXACT)
            await listener.listen()
            whole = await client.post(PATH, json=EXACT)
            assert whole.status_code == 200 and together(listener.lines) == whole.json()
            assert listener.lines[2]["parameters"] == {"x": "1 - eta/2"}
            for more, pointer in ({"steps": 0}, "/steps"), ({"start": {"x": "1/0"}}, "/start/x"):
                response = await client.post(PATH, json=EXACT | more, headers=LINES)
                assert pointer in errors(response)
            [worker] = pool.workers
            leaving = Listener(app, ENDLESS)
            listening = asyncio.create_task(leaving.listen())
            while len(leaving.lines) < 2:
                await asyncio.sleep(0.01)
            assert leaving.lines[1]["parameters"] == {"x": "0"}
            assert (await client.get("/health/live")).status_code == 200
            leaving.leaves.set()
            await listening
            assert worker not in pool.workers and worker.process.returncode is not None
            assert (pool.occupied, app.state.answerer.floats.occupied) == (0, 0)

    asyncio.run(scenario())


def test_what_takes_too_long_behind_the_first_line_is_said_in_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = worker_that_runs_out(7.5, "LINE", b'"step":0')
    monkeypatch.setattr("service.workers.kinds.Kind.program", program)

    async def scenario() -> None:
        async with service(exact_seconds=7.5) as (app, client):
            listener = Listener(app, ENDLESS)
            await listener.listen()
            assert (listener.status, listener.ended) == (200, True)
            *lines, last = listener.lines
            assert lines[1]["step"] == 0
            assert list(last) == ["problem"] and last["problem"]["status"] == 422
            assert "took too long" in last["problem"]["errors"][0]["message"]
            assert (await client.post("/v1/self_attention", json=EXAM)).status_code == 200

    asyncio.run(scenario())
