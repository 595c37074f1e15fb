"""One application used from several event loops, as test clients do; processes that end without notice."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.workers.pool import Pool
from tests.conftest import EXAM

SHORT: dict[str, Any] = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
LARGE: dict[str, Any] = {"program": ["y = x**2"], "inputs": {"x": [1.5] * 5_000}}


def ask_exactly(client: TestClient) -> None:
    response = client.post("/v1/graph", json=SHORT)
    assert (response.status_code, response.json()["values"]) == (200, {"y": "a**2"})


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Return a client without a lifespan, so that each request has an event loop of its own."""
    return TestClient(create_app(Settings(workers=0, exact_workers=1)))


def pool(client: TestClient) -> Pool:
    app: Any = client.app
    pool: Pool = app.state.answerer.exact
    return pool


def test_a_worker_answers_requests_of_several_event_loops(client: TestClient) -> None:
    ask_exactly(client)
    [worker] = pool(client).workers
    ask_exactly(client)
    assert client.post("/v1/self_attention", json=EXAM).status_code == 200
    assert client.post("/v1/graph", json=LARGE).status_code == 200  # in a thread
    ask_exactly(client)
    assert pool(client).workers == {worker}
    assert pool(client).occupied == 0


def test_several_event_loops_at_once_share_a_worker(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        for asked in [threads.submit(ask_exactly, client) for _ in range(24)]:
            asked.result()
    assert len(pool(client).workers) == 1


def test_the_lifespan_may_run_twice_with_requests_in_between(client: TestClient) -> None:
    for _ in range(2):
        with client:
            ask_exactly(client)
            processes = [worker.process for worker in pool(client).workers]
            assert client.post("/v1/graph", json=LARGE).status_code == 200
        assert not pool(client).workers
        assert all(process.returncode is not None for process in processes)
    ask_exactly(client)
    assert client.post("/v1/graph", json=LARGE).status_code == 200


UNCLOSED = """
from starlette.testclient import TestClient
from service.app import app
question = {"program": ["y = x"], "inputs": {"x": "a"}, "arithmetic": "exact"}
assert TestClient(app).post("/v1/graph", json=question).status_code == 200
print(*(worker.process.pid for worker in app.state.answerer.exact.workers))
"""


def test_an_interpreter_that_exits_without_close_ends_its_workers() -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", UNCLOSED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()
    for process in done.stdout.split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)


ELSEWHERE = """
import os, signal, sys
for name in ("SIGPROF", "SIGKILL", "setitimer", "ITIMER_PROF", "SIGALRM"):
    delattr(signal, name)
del os.nice
sys.modules["resource"] = None
from starlette.testclient import TestClient
from service.app import app
for client in (TestClient(app), TestClient(app).__enter__()):
    floats = client.post("/v1/graph", json={"program": ["y = x**2"], "inputs": {"x": 3}})
    assert (floats.status_code, floats.json()["values"]) == (200, {"y": 9.0}), floats.text
    trace = {
        "program": ["f = x**2"], "start": {"x": 1}, "steps": 1, "arithmetic": "exact",
        "optimizer": {"name": "gradient_descent", "learning_rate": "eta"},
    }
    lines = {"accept": "application/x-ndjson"}
    exact = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
    for path, question, headers in (
        ("/v1/graph", exact, {}), ("/v1/optimizer/trace", trace, {}), ("/v1/optimizer/trace", trace, lines)
    ):
        refused = client.post(path, json=question, headers=headers)
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (501, "/problems/unsupported_platform"), problem
        assert "Linux" in problem["detail"]
    assert client.get("/health/ready").json()["exact"]["workers"] == 0
client.__exit__(None, None, None)
"""


def test_a_platform_without_limits_on_processes_answers_floats() -> None:
    """Such as Windows, which lacks the modules and functions that are taken away here."""
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
