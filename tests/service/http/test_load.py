"""Limits, full queues, and the event loop during work. Nothing here waits for a clock."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.questions.operations import GraphJob
from service.settings import Settings
from tests.conftest import EXAM, errors

JSON = {"content-type": "application/json"}


def client(**settings: Any) -> httpx.AsyncClient:
    app = create_app(Settings(**{"workers": 0} | settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://workings")


def refused(fields: dict[str, Any], **settings: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        async with client(**settings) as service:
            return await service.post("/v1/self_attention", json=EXAM | fields)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"max_work": 1_000}, "elementary operations"),
        ({"max_entries": 31}, "numbers held at once"),
        ({"max_answer_entries": 37}, "numbers in the answer"),
    ],
)
def test_predictions_are_checked_against_the_limits(settings: dict[str, int], what: str) -> None:
    # 10 numbers in, 22 computed (the transposed keys have no name), 38 sent back, since values of several
    # names stand under each.
    [error] = errors(refused({}, **settings), 413).values()
    assert what in error["message"]
    limit = next(iter(settings.values()))
    assert f"at most {limit} " in error["expected"]
    raised = {name: value + 1 if name != "max_work" else 100_000 for name, value in settings.items()}
    assert refused({}, **raised).status_code == 200


def test_gradients_and_jacobians_count() -> None:
    upstream = {"upstream": {"output": [[1], [0]]}}
    jacobian = {"jacobian": [{"of": "weights", "wrt": "weights"}]}
    for fields in (upstream, jacobian):
        errors(refused(fields, max_work=100_000), 413)
        errors(refused(fields, max_entries=32), 413)
        errors(refused(fields, max_answer_entries=20), 413)


def test_nothing_is_computed_before_the_limits_are_checked() -> None:
    n = 10**9
    packed = {"dtype": "float64", "shape": [n, n], "data": "AAAA"}
    errors(refused({"x": packed}), 422)
    response = refused({"x": [[1.0]] * 3_000, "w_q": [[1]], "w_k": [[1]], "w_v": [[1]]}, max_entries=10**6)
    errors(response, 413)


def test_a_body_that_is_too_large() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"x": [[' + b"1," * 1000
        raise AssertionError("more was read than may be")

    async def send() -> list[httpx.Response]:
        async with client(max_body_bytes=1024) as service:
            path = "/v1/self_attention"
            return [
                await service.post(path, content=b" " * 1025, headers=JSON),
                await service.post(path, content=b"{}", headers=JSON | {"content-length": "2147483648"}),
                await service.post(path, content=b"{}", headers=JSON | {"content-length": "9" * 30}),
                await service.post(path, content=chunks(), headers=JSON),
            ]

    for response in asyncio.run(send()):
        errors(response, 413)


def test_a_body_of_exactly_the_largest_size_is_read() -> None:
    question = json.dumps(EXAM).encode()

    async def send() -> list[int]:
        async with client(max_body_bytes=1024) as service:
            path = "/v1/self_attention"
            bodies = [question + b" " * (size - len(question)) for size in (1023, 1024, 1025)]
            # The second of each without a Content-Length.
            contents = [content for body in bodies for content in (body, in_parts(body))]
            return [(await service.post(path, content=one, headers=JSON)).status_code for one in contents]

    assert asyncio.run(send()) == [200, 200, 200, 200, 413, 413]


def test_a_body_that_does_not_arrive() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async def send() -> httpx.Response:
        async with client(body_timeout=0.01) as service:
            return await service.post("/v1/self_attention", content=chunks(), headers=JSON)

    errors(asyncio.run(send()), 408)


@contextmanager
def held_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Semaphore]]:
    """Block answers until they are released; the semaphore counts those that have begun."""
    go, begun = threading.Event(), threading.Semaphore(0)
    answer = GraphJob.answer

    def slow(question: GraphJob) -> bytes:
        begun.release()
        assert go.wait(timeout=60)
        return answer(question)

    monkeypatch.setattr(GraphJob, "answer", slow)
    try:
        yield go, begun
    finally:
        go.set()


def test_health_answers_during_work_and_reports_full_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with held_answers(monkeypatch) as (go, begun):
            async with client(queue=1, inline_work=0) as service:

                async def question() -> httpx.Response:
                    return await service.post("/v1/self_attention", json=EXAM)

                running = asyncio.create_task(question())
                await asyncio.to_thread(begun.acquire)
                waiting = asyncio.create_task(question())
                while (await service.get("/health/ready")).json()["occupied"] < 2:
                    await asyncio.sleep(0)
                assert (await service.get("/health/live")).status_code == 200
                full = await question()
                errors(full, 503)
                assert int(full.headers["retry-after"]) >= 1
                go.set()
                assert (await running).status_code == (await waiting).status_code == 200
                assert (await service.get("/health/ready")).json()["occupied"] == 0
                assert (await question()).status_code == 200

    asyncio.run(scenario())


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    """A body without a Content-Length."""
    yield body[:100]
    yield body[100:]


def test_bodies_share_a_budget_and_take_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete body takes memory for the bytes received, but no place."""
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b" " * 1_500
        begun.set()
        await go_on.wait()
        yield b"{}"

    async def scenario() -> None:
        async with client(queue=0, inline_bytes=500, held_bytes=2_000, max_body_bytes=2_000) as service:
            running = asyncio.create_task(service.post("/v1/cost", content=slow(), headers=JSON))
            await begun.wait()
            health = (await service.get("/health/ready")).json()
            assert health["occupied"] == 0
            assert health["memory"]["bodies"] == {"used": 1_500, "most": 2_000}
            body = b" " * 501 + b"{}"
            for content in (body, in_parts(body)):
                full = await service.post("/v1/self_attention", content=content, headers=JSON)
                errors(full, 503)
                assert "request bodies" in full.json()["detail"]
            assert (await service.post("/v1/self_attention", json=EXAM)).status_code == 200
            go_on.set()
            errors(await running)
            errors(await service.post("/v1/cost", content=body, headers=JSON))
            assert (await service.get("/health/ready")).json()["memory"]["bodies"]["used"] == 0

    asyncio.run(scenario())


def test_a_tiny_question_is_answered_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    answer = GraphJob.answer

    def watched(question: GraphJob) -> bytes:
        threads.append(threading.current_thread().name)
        return answer(question)

    monkeypatch.setattr(GraphJob, "answer", watched)
    assert refused({}).status_code == 200
    assert refused({}, inline_work=0).status_code == 200
    assert refused({}, inline_bytes=10).status_code == 200
    here = threading.current_thread().name
    assert threads[0] == here
    assert all(name.startswith("compute") for name in threads[1:])


def test_an_unexpected_failure_is_a_problem_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(question: GraphJob) -> bytes:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr(GraphJob, "answer", fail)
    response = refused({})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKINGS_QUEUE", "7")
    assert Settings().queue == 7
    monkeypatch.setenv("WORKINGS_QUEUE", "-1")
    with pytest.raises(ValueError, match="queue"):
        Settings()
