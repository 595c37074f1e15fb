"""The problems that no single request brings about are the ones that docs/errors.md shows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.questions.operations import Question
from service.settings import Settings
from tests.conftest import EXAM
from tests.docs.blocks import ROOT, blocks, compare, read_shown

SHOWN = {
    block.info.partition(" ")[2]: read_shown(block.text)
    for block in blocks(ROOT / "docs" / "errors.md")
    if block.info.startswith("json ")
}
Client = httpx.AsyncClient


def ask(send: Callable[[Any, Client], Awaitable[httpx.Response]], **settings: Any) -> httpx.Response:
    """The response that sending to an application with these settings brings."""

    async def run() -> httpx.Response:
        app = create_app(Settings(**settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            return await send(app, client)

    return asyncio.run(run())


def check(kind: str, response: httpx.Response) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    compare(SHOWN[kind], response.json())


def test_the_examples_are_of_these_kinds() -> None:
    assert set(SHOWN) == {"timeout", "internal", "busy"}


def test_timeout() -> None:
    async def send(_: Any, client: Client) -> httpx.Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        headers = {"content-type": "application/json"}
        return await client.post("/v1/self_attention", content=chunks(), headers=headers)

    check("timeout", ask(send, body_timeout=0.01))


def test_internal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Question) -> bytes:
        raise RuntimeError

    async def send(_: Any, client: Client) -> httpx.Response:
        return await client.post("/v1/self_attention", json=EXAM)

    monkeypatch.setattr(Question, "answer", fail)
    check("internal", ask(send))


def test_busy() -> None:
    async def send(app: Any, client: Client) -> httpx.Response:
        with app.state.workshop.place():
            return await client.post("/v1/self_attention", json=EXAM)

    response = ask(send, workers=1, queue=0, inline_work=0)
    check("busy", response)
    assert int(response.headers["retry-after"]) >= 1
