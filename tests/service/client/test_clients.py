"""The two clients, against the service in process and against prepared responses."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from service.app import create_app
from service.endpoints import ENDPOINTS
from service.settings import Settings
from workings import AsyncClient, Client, Problem, batches
from workings.batches import PART_BYTES
from workings.documents import NESTED

X, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5], [-1.0]])
ANSWER = {"values": {"output": [[1]]}}


def respond(*responses: httpx.Response | Exception) -> httpx.MockTransport:
    rest: Iterator[httpx.Response | Exception] = iter(responses)

    def handle(_: httpx.Request) -> httpx.Response:
        came = next(rest)
        if isinstance(came, Exception):
            raise came
        return came

    return httpx.MockTransport(handle)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_the_service_answers_with_arrays_and_refuses_with_pointers() -> None:
    async def ask() -> None:
        app = httpx.ASGITransport(create_app())
        async with AsyncClient(transport=app) as client:
            np.testing.assert_array_equal((await client.linear(x=X, w=W))["output"], X @ W)
            np.testing.assert_array_equal((await client.ask("linear", x=X.T, w=W))["output"], X.T @ W)
            with pytest.raises(Problem) as caught:
                await client.linear(x=X, w=[["one"]])
            assert (caught.value.status, caught.value.type) == (422, "/problems/refused")
            assert [error["pointer"] for error in caught.value.errors] == ["/w/0/0"]

    asyncio.run(ask())


def test_a_busy_service_is_asked_again_after_a_bounded_wait(waits: list[float]) -> None:
    busy = [httpx.Response(503, headers={"retry-after": after}) for after in ("2", "3600", "soon")]
    with Client(transport=respond(*busy, httpx.Response(200, json=ANSWER)), longest_wait=10) as client:
        assert client.linear(x=X, w=W)["output"] == [[1]]
    assert waits == [2, 10, 2]


def test_the_last_busy_answer_and_other_refusals_are_raised(waits: list[float]) -> None:
    client = Client(transport=respond(httpx.Response(503), httpx.Response(503)), retries=1)
    with client, pytest.raises(Problem) as caught:
        client.linear(x=X, w=W)
    assert (caught.value.status, len(waits)) == (503, 1)
    with Client(transport=respond(httpx.Response(502, text="<html>"))) as client, pytest.raises(Problem):
        client.linear(x=X, w=W)
    assert len(waits) == 1


def test_a_failed_connection_is_tried_again_and_a_timeout_is_not(waits: list[float]) -> None:
    failed = httpx.ConnectError("no connection")
    with Client(transport=respond(failed, httpx.Response(200, json=ANSWER))) as client:
        assert client.linear(x=X, w=W).document == ANSWER
    with Client(transport=respond(httpx.ReadTimeout("late"))) as client, pytest.raises(httpx.ReadTimeout):
        client.linear(x=X, w=W)
    assert waits == [0.5]


RUBRIC = {"rubric": "q", "question": {"operation": "softmax", "x": [1, 2]}, "marks": {"output": 2}}
SUBMISSIONS: list[dict[str, Any]] = [
    RUBRIC,
    *({"id": number, "rubric": "q", "answer": {"output": [0.2689, 0.7311]}} for number in range(5)),
    {"id": None, "rubric": "q", "answer": {}},
    RUBRIC | {"rubric": "other"},
    {"id": "b", "rubric": "other", "answer": {"output": np.array([0.5, 0.5])}},
    {"id": "c", "rubric": "q", "answer": {"output": [0.5, 0.5]}},
]


@pytest.mark.parametrize("size", [1, 200, 500, PART_BYTES])
def test_parts_of_a_batch_are_answered_as_one(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", size)

    async def collect() -> list[dict[str, Any]]:
        app = create_app(Settings(workers=0))
        async with AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return [line async for line in client.grade_batch(SUBMISSIONS)]

    *answers, last = asyncio.run(collect())
    assert [answer.get("id") for answer in answers] == [None, *range(5), None, None, "b", "c"]
    assert [answer.get("score") for answer in answers] == [None, 2, 2, 2, 2, 2, None, None, 0, 0]
    assert "problem" in answers[6] and "rubric" in answers[0] and "rubric" in answers[7]
    summary = last["summary"]
    assert (summary["count"], summary["failed"]) == (7, 1)
    assert summary["scores"]["mean"] == pytest.approx(10 / 7)


def test_a_part_has_the_rubrics_that_it_needs() -> None:
    parts = list(
        batches.split_batch([RUBRIC, *({"id": one, "rubric": "q", "x": "y" * 2**15} for one in "abcdef")])
    )
    assert len(parts) == 2
    first, second = ([orjson.loads(line).get("id") for line in part.body.splitlines()] for part in parts)
    assert first == [None, "a", "b", "c"] and second == [None, "d", "e", "f"]
    assert parts[0].repeated == [False] * 4 and parts[1].repeated == [True, False, False, False]
    assert all(len(part.body) <= PART_BYTES for part in parts)


def test_the_synchronous_client_sends_the_same_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", 100)
    summarized = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent: list[Any] = [orjson.loads(line) for line in request.content.splitlines()]
        if request.url.path == "/v1/grade/summary":
            summarized.extend(sent)
        lines = [*sent, {"summary": {"count": len(sent)}}]
        if request.url.path == "/v1/grade/summary":
            lines = lines[-1:]
        return httpx.Response(200, content=b"".join(orjson.dumps(line) + b"\n" for line in lines))

    submissions = [{"id": one, "answer": {"output": [1] * 20}} for one in "abc"]
    with Client(transport=httpx.MockTransport(handle)) as client:
        assert list(client.grade_batch(submissions)) == [*submissions, {"summary": {"count": 3}}]
    assert summarized == submissions


@pytest.mark.parametrize("end", [b"", b'{"problem": {"status": 408, "detail": "no part arrived"}}\n'])
def test_a_batch_that_breaks_off_is_a_problem(end: bytes) -> None:
    content = b'{"id": "a", "score": 1}\n' + end
    with Client(transport=respond(httpx.Response(200, content=content))) as client:
        answers = client.grade_batch([{"id": "a"}, {"id": "b"}])
        assert next(answers)["id"] == "a"
        with pytest.raises(Problem, match="no part arrived" if end else "without its summary"):
            list(answers)


def test_a_refused_stream_is_a_problem() -> None:
    client = Client(transport=respond(httpx.Response(422, json={"detail": "no"})))
    with client, pytest.raises(Problem, match="no"):
        list(client.trace(start={}, optimizer="sgd"))


def test_a_stream_that_fails_on_the_way_is_a_problem() -> None:
    lines = b'{"step": 0}\n{"problem": {"status": 422, "detail": "no"}}\n'
    with Client(transport=respond(httpx.Response(200, content=lines))) as client:
        steps = client.trace(start={}, optimizer="gradient_descent")
        assert next(steps) == {"step": 0}
        with pytest.raises(Problem, match="no"):
            next(steps)


def test_a_trace_comes_step_by_step() -> None:
    optimizer = {"name": "gradient_descent", "learning_rate": 0.1}
    question: dict[str, Any] = {"program": ["f = w**2"], "start": {"w": 1}, "optimizer": optimizer}

    async def collect() -> list[dict[str, Any]]:
        async with AsyncClient(transport=httpx.ASGITransport(create_app())) as client:
            return [line async for line in client.trace(**question, steps=2)]

    lines = asyncio.run(collect())
    assert [line["parameters"]["w"] for line in lines[1:-1]] == pytest.approx([1, 0.8, 0.64])


def test_packed_answers_are_requested_where_the_service_has_them() -> None:
    models = {name: getattr(one.request(), "model_fields", {}) for name, one in ENDPOINTS.items()}
    assert {name for name, fields in models.items() if "encoding" not in fields} == NESTED


def test_the_server_does_not_import_httpx() -> None:
    code = "import service.server, service.app, sys; print('httpx' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
