"""What tests of the service share."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from httpx import Response
from starlette.types import ASGIApp, Message

from service.app import create_app
from service.settings import Settings
from service.workers.kinds import Kind

EXAM: dict[str, Any] = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
    "scale": 1,
}
Ask = Callable[..., Response]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-rounds", type=int, default=150, help="damaged questions for each path (default: %(default)s)"
    )


class InProcess(httpx.AsyncBaseTransport):
    """Requests to an application in this process; httpx's own transport takes longer than many an answer.

    An exception of the application is a response 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> Response:
        body = await request.aread()
        messages: list[Message] = []
        received = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            if message := next(received, None):
                return message
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme, "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0], "query_string": request.url.query,
            "server": (request.url.host, request.url.port), "client": ("127.0.0.1", 123), "root_path": "",
        }  # fmt: skip
        try:
            await self._app(scope, receive, send)
        except Exception:
            if not messages:
                return Response(500)
        start, *parts = messages
        content = b"".join(part.get("body", b"") for part in parts)
        return Response(start["status"], headers=start["headers"], content=content)


class Client:
    """Requests to the application in this process, one after another."""

    def __init__(self, runner: asyncio.Runner, settings: Settings) -> None:
        app = create_app(settings)
        self._client = httpx.AsyncClient(transport=InProcess(app), base_url="http://workings")
        self._runner = runner
        self._lifespan = app.router.lifespan_context(app)
        runner.run(self._lifespan.__aenter__())

    def close(self) -> None:
        """What the application does when it stops."""
        self._runner.run(self._lifespan.__aexit__(None, None, None))

    def request(self, method: str, path: str, **content: Any) -> Response:
        return self._runner.run(self._client.request(method, path, **content))

    def get(self, path: str, **content: Any) -> Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> Response:
        return self.request("POST", path, **content)


def _program(kind: Kind) -> str:
    return f"from service.workers.{kind.name} import main; main()"


@pytest.fixture(scope="session", autouse=True)
def unhurried_workers() -> Iterator[None]:
    """Let workers take as long to start and to answer as a busy machine needs, and let them take part in it.

    What takes too much processor time is still stopped, since a busy machine does not shorten that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.workers.kinds.Kind.deadline", 10**6)
        patch.setattr("service.workers.process.START_SECONDS", 10**4)
        patch.setattr("service.workers.kinds.Kind.program", property(_program))
        yield


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with asyncio.Runner() as runner:
        client = Client(runner, Settings(workers=0, exact_workers=1))
        yield client
        client.close()


@pytest.fixture(scope="session")
def ask(client: Client) -> Ask:
    """Send a question; fields that are None are left out."""

    def send(path: str = "/v1/self_attention", /, **fields: Any) -> Response:
        return client.post(path, json={name: one for name, one in fields.items() if one is not None})

    return send


def errors(response: Response, status: int = 422) -> dict[str, dict[str, str]]:
    """The errors of a problem by pointer, once its form is checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["detail"]
    assert len(problem["errors"]) <= 20
    for error in problem["errors"]:
        assert set(error) == {"pointer", "message", "expected", "received"}
        assert all(error[name] for name in ("message", "expected", "received"))
    return {error["pointer"]: error for error in problem["errors"]}
