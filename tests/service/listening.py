"""Receive lines from the application while a test controls each step."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from service.app import create_app
from service.settings import Settings

PATH = "/v1/optimizer/trace"
LINES = {"accept": "application/x-ndjson"}
ADAM: dict[str, Any] = {"name": "adam", "learning_rate": 0.1}
BOWL: dict[str, Any] = {"program": ["f = x**2 + 3*y**2 + x*y"], "start": {"x": 1, "y": 2}}
TRACE: dict[str, Any] = BOWL | {"steps": 5, "optimizer": ADAM}
# What would take minutes: it has to be stopped by somebody.
LONG: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "optimizer": {"name": "gradient_descent", "learning_rate": 1e-9},
    "steps": 500_000,
    "select": ["loss"],
}
# The first step is there at once; of the second it would take minutes to know a sign.
ENDLESS = {
    "program": ["f = relu(x**3 * y) - x"],
    "start": {"x": 0},
    "inputs": {"y": "sin(exp(9000000))"},
    "optimizer": {"name": "gradient_descent", "learning_rate": 1},
    "steps": 3,
    "arithmetic": "exact",
}
SETTINGS: dict[str, Any] = {"workers": 0, "queue": 1, "exact_workers": 1}
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Listener:
    """One ASGI request whose messages a test controls."""

    def __init__(self, app: Any, fields: dict[str, Any], headers: dict[str, str] = LINES) -> None:
        self.app, self.body = app, json.dumps(fields).encode()
        self.headers = [(b"content-type", b"application/json")]
        self.headers += [(name.encode(), value.encode()) for name, value in headers.items()]
        self.leaves = asyncio.Event()
        self.first = asyncio.Event()
        self.parts: list[bytes] = []
        self.status = 0
        self.ended = False
        self._read = False

    async def receive(self) -> dict[str, Any]:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        if message.get("body"):
            self.parts.append(message["body"])
            self.first.set()
        self.ended = not message.get("more_body")

    async def listen(self, send: Send | None = None) -> None:
        scope = {
            "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
            "root_path": "", "headers": self.headers, "scheme": "http", "http_version": "1.1",
            "server": ("workings", 80), "client": ("test", 1),
        }  # fmt: skip
        await self.app(scope, self.receive, send or self.send)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in b"".join(self.parts).splitlines()]


@asynccontextmanager
async def service(**settings: Any) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    app = create_app(Settings(**SETTINGS | settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://workings") as client,
    ):
        yield app, client


def together(lines: list[Any]) -> dict[str, Any]:
    """Return the whole answer that the lines are parts of."""
    head, *steps, tail = lines
    return {**head, "trace": steps, **tail}
