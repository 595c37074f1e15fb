"""Exact questions to real servers, each in a process of its own."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import EXAM
from tests.service.listening import ENDLESS as ENDLESS_TRACE
from tests.service.listening import LINES, PATH, together
from tests.service.servers import GRANIAN, LONG, UVICORN, serving
from tests.service.workers.test_pool import ENDLESS

SHORT = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
TRACE: dict[str, Any] = {
    "program": ["f = x**2 / 4"],
    "start": {"x": 1},
    "steps": 3,
    "optimizer": {"name": "gradient_descent", "learning_rate": "eta"},
    "arithmetic": "exact",
}


@pytest.fixture(params=[UVICORN, GRANIAN], ids=["uvicorn", "granian"], scope="module")
def server(request: Any) -> Iterator[httpx.Client]:
    with (
        serving(request.param, exact_workers=1, queue=0, exact_seconds=3600) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONG, trust_env=False) as client,
    ):
        yield client


def occupied(server: httpx.Client) -> int:
    return int(server.get("/health/ready").json()["exact"]["occupied"])


def wait_for(server: httpx.Client, count: int) -> None:
    """Wait until this many exact questions are computed. One would take an hour if not stopped."""
    deadline = time.monotonic() + LONG
    while occupied(server) != count:
        assert time.monotonic() < deadline, f"there are {occupied(server)} questions at work, not {count}"
        time.sleep(0.01)


def test_exact_questions_are_answered_again_and_again(server: httpx.Client) -> None:
    for _ in range(3):
        answer = server.post("/v1/graph", json=SHORT)
        assert (answer.status_code, answer.json()["values"]) == (200, {"y": "a**2"})
    assert server.post("/v1/self_attention", json=EXAM).status_code == 200


def test_exact_lines_are_the_parts_of_the_whole_answer(server: httpx.Client) -> None:
    whole = server.post(PATH, json=TRACE)
    lines = server.post(PATH, json=TRACE, headers=LINES)
    assert (whole.status_code, lines.status_code) == (200, 200)
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert together([json.loads(line) for line in lines.text.splitlines()]) == whole.json()
    assert whole.json()["trace"][1]["parameters"] == {"x": "1 - eta/2"}


def test_a_client_that_disconnects_stops_the_work(server: httpx.Client) -> None:
    body = json.dumps(ENDLESS).encode()
    head = (
        b"POST /v1/graph HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    wait_for(server, 0)
    with socket.create_connection(("127.0.0.1", server.base_url.port or 80)) as leaving:
        leaving.sendall(head % len(body) + body)
        wait_for(server, 1)
    wait_for(server, 0)
    assert server.post("/v1/graph", json=SHORT).status_code == 200


def test_a_client_that_disconnects_between_lines_stops_the_work(server: httpx.Client) -> None:
    wait_for(server, 0)
    with (
        httpx.Client(base_url=server.base_url, timeout=LONG, trust_env=False) as leaving,
        leaving.stream("POST", PATH, json=ENDLESS_TRACE, headers=LINES) as answer,
    ):
        lines = answer.iter_lines()
        assert [json.loads(next(lines)) for _ in range(2)][1]["parameters"] == {"x": "0"}
        assert occupied(server) == 1
    wait_for(server, 0)
    assert server.post("/v1/graph", json=SHORT).status_code == 200
