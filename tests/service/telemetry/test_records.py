"""Records have the outcome, the sizes, the work and the phases of requests, whoever answered them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.http.middleware import Requests
from service.settings import Settings
from service.telemetry import records
from service.telemetry.records import MAX_SPANS, Record, current_record, phase
from tests.conftest import EXAM

SOFTMAX = {"x": [1, 2, 3]}
LARGE = {"x": [[1.0] * 64] * 64, "w": [[1.0] * 64] * 64}
RUBRIC = {"rubric": "q", "question": {"operation": "softmax", **SOFTMAX}, "marks": {"output": 1}}


@contextmanager
def client_with_records(**settings: Any) -> Iterator[tuple[TestClient, list[Record]]]:
    found: list[Record] = []
    app = create_app(Settings(**settings))
    for middleware in app.user_middleware:
        if getattr(middleware.cls, "__name__", "") == Requests.__name__:
            middleware.kwargs["listeners"] = [found.append]
    with TestClient(app) as client:
        yield client, found


@contextmanager
def recorded() -> Iterator[Record]:
    record = Record()
    token = current_record.set(record)
    try:
        yield record
    finally:
        current_record.reset(token)


def run_clock(monkeypatch: pytest.MonkeyPatch, *times: int) -> None:
    monkeypatch.setattr(records, "perf_counter_ns", iter(times).__next__)


def test_a_phase_does_not_count_the_phases_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run_clock(monkeypatch, 0, 10, 20, 50, 70, 80, 100)
    with recorded() as record, phase("computing"):
        with phase("writing"):
            pass
        with phase("writing"):
            pass
    assert record.seconds == {"writing": pytest.approx(40e-9), "computing": pytest.approx(50e-9)}
    assert record.spans == [("writing", 20, 50, 0), ("writing", 70, 80, 0), ("computing", 10, 100, 40)]


def test_a_phase_ends_with_an_error_and_costs_nothing_without_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_clock(monkeypatch, 0, 1, 3)
    with recorded() as record, pytest.raises(KeyError), phase("planning"):
        raise KeyError
    assert record.spans == [("planning", 1, 3, 0)]
    with phase("planning"):  # the clock has no time left
        pass


def test_measurements_of_a_worker_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = Record(), Record()
    there.predicted_work, there.unpredicted_seconds = 7, 0.5
    for start in range(MAX_SPANS + 5):
        there.add_phase("computing", start, start + 1)
    here.add_phase("waiting", 0, 1_000)
    here.include(json.loads(json.dumps(there.dump())))
    assert here.work == 7 + 500_000_000
    assert here.seconds == {
        "waiting": pytest.approx(1e-6),
        "computing": pytest.approx((MAX_SPANS + 5) * 1e-9),
    }
    assert len(here.spans) == MAX_SPANS
    assert here.spans[1] == ("computing", 0, 1, 0)


@pytest.mark.parametrize(
    ("settings", "phases"),
    [
        ({}, {"reading", "planning", "computing", "writing"}),  # on the event loop
        ({"inline_work": 0}, {"reading", "waiting", "planning", "computing", "writing"}),
        ({"inline_work": 0, "workers": 0}, {"reading", "waiting", "planning", "computing", "writing"}),
    ],
)
def test_an_answer_has_its_phases_and_its_work(settings: dict[str, int], phases: set[str]) -> None:
    with client_with_records(**settings) as (client, found):
        answer = client.post("/v1/self_attention", json=EXAM, headers={"x-request-id": "mine"})
        assert answer.status_code == 200
    (record,) = found
    assert (record.method, record.route, record.status) == ("POST", "/v1/self_attention", 200)
    assert (record.reason, record.request_id) == ("", "mine")
    assert record.received_bytes == len(answer.request.content)
    assert record.sent_bytes == int(answer.headers["content-length"])
    assert set(record.seconds) == phases
    assert 0 < record.predicted_work < 1_000_000
    assert all(start >= record.started for _, start, _, _ in record.spans)


def test_large_and_small_questions_have_work_in_proportion() -> None:
    with client_with_records() as (client, found):
        for question in ({"x": [[1, 1]], "w": [[1], [1]]}, LARGE):
            assert client.post("/v1/linear", json=question).status_code == 200
    small, large = found
    assert large.predicted_work > 64**3 > small.predicted_work


def test_work_that_cannot_be_predicted_is_measured() -> None:
    with client_with_records() as (client, found):
        body = {key: RUBRIC[key] for key in ("question", "marks")}
        assert client.post("/v1/grade", json={**body, "answer": {"output": [0, 0, 1]}}).status_code == 200
    (record,) = found
    assert record.predicted_work == 0
    assert record.unpredicted_seconds > 0
    assert record.work == round(record.unpredicted_seconds * 1e9)


def test_lines_and_exact_answers_are_recorded() -> None:
    with client_with_records() as (client, found):
        lines = [RUBRIC, *({"id": str(n), "rubric": "q", "answer": {"output": [0, 0, 1]}} for n in range(3))]
        body = b"\n".join(map(orjson.dumps, lines))
        headers = {"content-type": "application/x-ndjson"}
        assert client.post("/v1/grade/batch", content=body, headers=headers).status_code == 200
        assert client.post("/v1/softmax", json={"x": ["log(2)", 0], "arithmetic": "exact"}).status_code == 200
        accept = {"accept": "application/x-ndjson"}
        assert client.post("/v1/linear", json=LARGE, headers=accept).status_code == 200
    batch, exact, streamed = found
    assert [name for name, *_ in batch.spans].count("waiting") == 4  # the rubric is read too
    assert "computing" in exact.seconds and exact.predicted_work > 0
    assert streamed.predicted_work > 64**3 and streamed.sent_bytes > 0


def post(path: str, **options: object) -> Callable[[TestClient], httpx.Response]:
    return lambda client: client.post(path, **options)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("ask", "route", "status", "reason"),
    [
        (post("/v1/softmax", json={}), "/v1/softmax", 422, "refused"),
        (post("/v1/softmax", content=b"{"), "/v1/softmax", 415, "unsupported"),
        (post("/v1/nothing", json={}), "", 404, "not_found"),
        (post("/v1/operations/softmax", json={}), "/v1/operations/{name}", 405, "method_not_allowed"),
        (post("/evaluate", json={}), "/evaluate", 400, "refused"),
        (lambda client: client.get("/v1/operations/softmax"), "/v1/operations/{name}", 200, ""),
        (lambda client: client.request("BREW", "/v1/softmax"), "/v1/softmax", 405, "method_not_allowed"),
    ],
)
def test_refusals_have_their_reason(
    ask: Callable[[TestClient], httpx.Response], route: str, status: int, reason: str
) -> None:
    with client_with_records() as (client, found):
        assert ask(client).status_code == status
    (record,) = found
    assert (record.status, record.reason) == (status, reason)
    assert record.route == route
    assert record.method in ("GET", "POST", "OTHER")
