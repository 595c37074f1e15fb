"""Problems: every kind has a real example, a page, and the form of RFC 9457."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException

from service.answering import Answerer
from service.app import create_app
from service.document import load_problems
from service.http.problems import KINDS
from service.settings import Settings
from service.workers.choice import Unsupported
from tests.conftest import EXAM, Client, errors

PROBLEMS = {example["name"]: example for example in load_problems()}


async def send(app: FastAPI, problem: dict[str, Any]) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
        body = problem["body"]
        content = unfinished(body) if problem["name"] == "slow_body" else body.encode()
        headers = problem["headers"]
        return await client.request(problem["method"], problem["path"], headers=headers, content=content)


async def unfinished(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
    await asyncio.Event().wait()


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def replay(problem: dict[str, Any], monkeypatch: pytest.MonkeyPatch, folder: Path) -> httpx.Response:
    """Send a problem's request to a service in the state that causes the problem."""
    keys = folder / "keys.json"
    softmax = {"name": "softmax", "hash": hash_of("a-key-for-softmax"), "routes": ["softmax"]}
    once = {"name": "once", "hash": hash_of("a-key-for-once"), "rate": "1/day"}
    keys.write_text(json.dumps([softmax, once]), encoding="utf-8")
    settings: dict[str, Any] = {
        "slow_body": {"body_timeout": 0.01},
        "full": {"queue": 0, "inline_bytes": 0},
        **{key: {"key_file": keys} for key in ("no_key", "key_of_another_course", "too_often")},
    }
    app = create_app(Settings(**{"workers": 0} | settings.get(problem["name"], {})))
    if problem["name"] == "defect":

        async def fail(*_: Any) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(Answerer, "respond", fail)
    if problem["name"] == "no_exact_arithmetic":
        app.state.answerer.exact = Unsupported(1, 0)
    if problem["name"] == "too_often":
        asyncio.run(send(app, problem))
    places = 1 if problem["name"] == "full" else 0
    return asyncio.run(send_with_places_taken(app, problem, places))


async def send_with_places_taken(app: FastAPI, problem: dict[str, Any], places: int) -> httpx.Response:
    async with AsyncExitStack() as taken:
        for _ in range(places):
            await taken.enter_async_context(app.state.answerer.floats.hold_place())
        return await send(app, problem)


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_example_replays(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    problem = PROBLEMS[name]
    monkeypatch.setattr("service.guarding.quotas.time", lambda: 0)  # the rate begins at the time of its first
    monkeypatch.setattr("limits.aio.storage.memory.time", SimpleNamespace(time=lambda: 0))
    response = replay(problem, monkeypatch, tmp_path)
    expected = problem["response"]
    if name == "slow_body":  # the service's own patience is longer than the test's
        expected = expected | {"detail": expected["detail"].replace("30", "0.01")}
    assert response.json() == expected
    errors(response, KINDS[expected["type"].removeprefix("/problems/")].status)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_an_example_and_a_page(client: Client, kind: str) -> None:
    page = client.get(f"/problems/{kind}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert KINDS[kind].title in unescape(page.text)
    assert not re.findall(r'(?:src|href)="[^"]*//', page.text)
    shown = [example for example in PROBLEMS.values() if example["response"]["type"] == f"/problems/{kind}"]
    assert shown
    assert all(json.dumps(example["response"]["detail"]) in unescape(page.text) for example in shown)


def test_an_unknown_kind_is_not_found(client: Client) -> None:
    errors(client.get("/problems/rainy"), 404)


def send_question(app: FastAPI, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            return await client.post("/v1/self_attention", json=EXAM, headers=headers)

    return asyncio.run(ask())


def test_the_error_of_a_dependency_keeps_its_status_and_headers() -> None:
    def guard() -> None:
        raise HTTPException(401, "a key is needed", {"WWW-Authenticate": "Bearer"})

    response = send_question(create_app(dependencies=[Depends(guard)]))
    assert response.headers["www-authenticate"] == "Bearer"
    errors(response, 401)
    assert response.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "a key is needed",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("status", "detail", "title", "text"),
    [
        (460, "odd", "Status 460", "odd"),
        (409, {"a": 1}, "Conflict", '{"a":1}'),
        (404, "no course", "Not Found", "no course"),
    ],
)
def test_other_statuses_and_details_are_problems(status: int, detail: Any, title: str, text: str) -> None:
    def guard() -> None:
        raise HTTPException(status, detail)

    problem = send_question(create_app(dependencies=[Depends(guard)]))
    assert problem.status_code == status
    assert (problem.json()["title"], problem.json()["detail"]) == (title, text)


def test_a_status_without_a_body_has_none() -> None:
    def guard() -> None:
        raise HTTPException(304)

    response = send_question(create_app(dependencies=[Depends(guard)]))
    assert (response.status_code, response.content) == (304, b"")


def test_a_missing_parameter_of_a_dependency_is_a_problem_that_echoes_nothing() -> None:
    def guard(weight: int = Header()) -> None:
        assert weight

    app = create_app(dependencies=[Depends(guard)])
    assert "/header/weight" in errors(send_question(app))
    response = send_question(app, weight="a secret")
    assert "/header/weight" in errors(response)
    assert "secret" not in response.text
    assert send_question(app, weight="3").status_code == 200


def test_types_of_problems_include_the_mount_path() -> None:
    outer = FastAPI()
    outer.mount("/workings", create_app())

    async def ask() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            refused = await client.post("/workings/v1/self_attention", json={})
            return refused, await client.get(refused.json()["type"])

    refused, page = asyncio.run(ask())
    assert refused.json()["type"] == "/workings/problems/refused"
    assert page.status_code == 200
