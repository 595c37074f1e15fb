"""What tests of the service share."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from httpx import Response

from service.app import create_app
from service.settings import Settings

EXAM: dict[str, Any] = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
    "scale": 1,
}
Ask = Callable[..., Response]


class Client:
    """Requests to the application in this process, one after another."""

    def __init__(self, runner: asyncio.Runner, settings: Settings) -> None:
        app = create_app(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://workings")
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


@pytest.fixture(scope="session", autouse=True)
def unhurried_workers() -> Iterator[None]:
    """Let workers take as long to start and to answer as a busy machine needs, and let them take part in it.

    What takes too much processor time is still stopped, since a busy machine does not shorten that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.exact.pool.PATIENCE", 10**6)
        patch.setattr("service.exact.process.START", 10**4)
        patch.setattr("service.exact.process.WORKER", "from service.exact.worker import main; main()")
        yield


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with asyncio.Runner() as runner:
        client = Client(runner, Settings())
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
