"""GET /metrics counts requests, and says how full the service is, for one process and for several."""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

import service
from service.app import create_app
from service.http.watch import INTERVAL, Watch
from service.settings import Settings
from service.telemetry import metrics
from service.version import VERSION
from tests.conftest import EXAM
from tests.service.servers import PORT, serving

ROOT = Path(service.__file__).parent.parent
OPERATIONS = ROOT / "docs" / "operations"
PATH = "/v1/self_attention"
LARGE = {"x": [[1.0] * 256] * 256, "w": [[1.0] * 256] * 256, "select": ["output"]}
BATCH = (
    '{"rubric":"q","question":{"operation":"softmax","x":[1,2]},"marks":{"output":1}}\n'
    '{"id":"one","rubric":"q","answer":{"output":[0,1]}}\n'
)
NAME = re.compile(r"workings_\w+")
GROUPING = re.compile(r"\bby ?\(([^)]*)\)")
MATCHER = re.compile(r"(workings_\w+)\{([^}]*)\}")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(workers=1, exact_workers=1))) as client:
        yield client


def samples(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def scrape(client: TestClient | httpx.Client) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return samples(answer.text)


def requests(found: dict[str, dict[tuple[tuple[str, str], ...], float]], **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for key, value in found["workings_requests_total"].items() if wanted <= set(key))


def test_requests_are_counted_by_route_status_and_reason(client: TestClient) -> None:
    for _ in range(3):
        assert client.post(PATH, json=EXAM).status_code == 200
    assert client.post(PATH, json={}).status_code == 422
    assert client.get("/v1/operations/softmax").status_code == 200
    assert client.get("/secret").status_code == 404
    assert client.request("BREW", PATH).status_code == 405
    found = scrape(client)
    assert requests(found, route=PATH, method="POST", status="200", reason="") == 3
    assert requests(found, route=PATH, status="422", reason="refused") == 1
    assert requests(found, route="/v1/operations/{name}", method="GET", status="200") == 1
    assert requests(found, route="unmatched", status="404", reason="not_found") == 1
    assert requests(found, method="OTHER", reason="method_not_allowed") == 1
    assert requests(found) == 7
    assert found["workings_request_duration_seconds_count"][("route", PATH),] == 5
    text = client.get("/metrics").text
    assert "secret" not in text and "BREW" not in text


def test_phases_bytes_and_predictions_are_measured(client: TestClient) -> None:
    sent = client.post(PATH, json=EXAM)
    assert client.post("/v1/linear", json=LARGE).status_code == 200
    found = scrape(client)
    for phase in ("reading", "planning", "computing", "writing"):
        assert found["workings_phase_duration_seconds_count"][("phase", phase),] == 2, phase
    assert found["workings_phase_duration_seconds_count"][("phase", "waiting"),] == 1
    assert found["workings_received_bytes_total"][()] > len(sent.request.content) + 2 * 256**2
    assert found["workings_sent_bytes_total"][()] > len(sent.content)
    assert found["workings_predicted_operations_total"][()] > 256**3
    assert found["workings_prediction_ratio_count"][()] == 1  # the exam is too small to tell


def test_lines_of_a_batch_are_counted(client: TestClient) -> None:
    headers = {"content-type": "application/x-ndjson"}
    assert client.post("/v1/grade/batch", content=BATCH, headers=headers).status_code == 200
    assert scrape(client)["workings_batch_lines_total"][()] == 2  # with the rubric


def test_the_state_is_that_of_health(client: TestClient) -> None:
    assert client.post("/v1/linear", json=LARGE).status_code == 200
    assert client.post("/v1/softmax", json={"x": [0, 1], "arithmetic": "exact"}).status_code == 200
    health, found = client.get("/health/ready").json(), scrape(client)
    for name, part in (("floats", health), ("exact", health["exact"])):
        key = (("workers", name),)
        assert found["workings_places_occupied"][key] == part["occupied"] == 0
        assert found["workings_places"][key] == part["capacity"]
        assert found["workings_workers"][key] == part["workers"] == 1
        assert found["workings_queue_length"][key] == 0
        assert found["workings_memory_bytes"][("holder", f"{name}_plans"),] == part["cache_bytes"] > 0
    for holder in ("bodies", "answers"):
        assert found["workings_memory_budget_bytes"][("holder", holder),] == health["memory"][holder]["most"]
    for cache, use in health["memory"]["caches"].items():
        key = (("holder", f"cache_{cache.replace(' ', '_')}"),)
        assert found["workings_memory_bytes"][key] == use["used"]
    assert found["workings_connections"][()] == health["connections"]["open"]
    assert found["workings_ready"][()] == 1
    assert found["workings_info"][("version", VERSION),] == 1


def test_a_worker_that_is_replaced_is_counted_with_its_cause(client: TestClient) -> None:
    pool: Any = client.app.state.answerer.floats  # type: ignore[attr-defined]
    assert client.post("/v1/linear", json=LARGE).status_code == 200
    [worker] = pool.workers
    worker.process.kill()
    worker.process.wait()
    assert client.post("/v1/linear", json=LARGE).status_code == 200
    ended = scrape(client)["workings_worker_endings_total"]
    assert ended == {(("cause", "killed"), ("workers", "floats")): 1}
    assert scrape(client)["workings_worker_endings_total"] == ended  # counted once


def test_the_lag_of_the_loop_is_the_longest_since_the_last_reading() -> None:
    async def scenario() -> list[float]:
        watch = Watch(Settings())

        class Connection:
            client = None

            def check(self, _: float) -> None:
                pass

            give_up = check

        watch.admit(Connection(), asyncio.get_running_loop())  # type: ignore[arg-type]
        time.sleep(INTERVAL + 0.1)  # blocks the loop
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [watch.take_lag(), watch.take_lag()]

    first, second = asyncio.run(scenario())
    assert first >= 0.1
    assert second == 0


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/plain"),
        ("text/html", "text/plain"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_both_formats_are_understood(client: TestClient, accept: str, media_type: str) -> None:
    client.post(PATH, json=EXAM)
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["cache-control"] == "no-store"
    is_open = media_type.endswith("openmetrics-text")
    parse = openmetrics.text_string_to_metric_families if is_open else text_string_to_metric_families
    families: list[Metric] = [*parse(answer.text)]
    assert {family.name for family in families} >= {"workings_requests", "workings_places"}
    assert client.head("/metrics").text == ""


def test_applications_of_one_process_have_metrics_of_their_own() -> None:
    first, second = (TestClient(create_app(Settings(workers=0))) for _ in range(2))
    assert first.post(PATH, json=EXAM).status_code == 200
    assert requests(scrape(first)) == 1
    assert not scrape(second).get("workings_requests_total")


def test_several_processes_are_summed_up(tmp_path: Path) -> None:
    command = ("service", "serve", "--port", PORT, "--workers", "2", "--log-level", "error")
    asked = 0
    with serving(command, workers=1, exact_workers=1) as port:
        for _ in range(40):  # each client is a connection of its own, which either process may accept
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                assert client.post(PATH, json=EXAM).status_code == 200
                asked += 1
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            found = scrape(client)
            while requests(found, route=PATH, status="200") < asked:  # the other process counts now and then
                time.sleep(0.05)
                found = scrape(client)
            assert requests(found, route=PATH, status="200") == asked
            assert found["workings_info"][("version", VERSION),] == 1
            capacity = client.get("/health/ready").json()["capacity"]
            while found["workings_places"][("workers", "floats"),] < 2 * capacity:
                time.sleep(0.05)
                found = scrape(client)
            assert found["workings_places"][("workers", "floats"),] == 2 * capacity


def test_gauges_of_dead_processes_are_forgotten(tmp_path: Path) -> None:
    mine, theirs = os.getpid(), 2**22 + 1  # above the largest id that Linux gives
    for process in (mine, theirs):
        (tmp_path / f"gauge_livesum_{process}.db").write_bytes(b"")
    (tmp_path / f"counter_{theirs}.db").write_bytes(b"")
    metrics._forget_dead_processes(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"counter_{theirs}.db", f"gauge_livesum_{mine}.db",
    ]  # fmt: skip


def exposed(client: TestClient) -> dict[str, set[str]]:
    """Return the names of all samples, with their labels."""
    client.post(PATH, json=EXAM)
    client.post(PATH, json={})
    client.post("/v1/linear", json=LARGE)
    client.post("/v1/grade/batch", content=BATCH, headers={"content-type": "application/x-ndjson"})
    names: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            names.setdefault(sample.name, set()).update(sample.labels)
        if family.type == "counter" and not family.samples:  # nothing has been counted yet
            names.setdefault(f"{family.name}_total", {"workers", "cause"})
    return names


def queries() -> list[tuple[str, str]]:
    """Return the titles and queries of all panels and alerts."""
    dashboard = json.loads((OPERATIONS / "grafana" / "workings.json").read_text(encoding="utf-8"))
    panels = [
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    rules = yaml.safe_load((OPERATIONS / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return panels + [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]


def test_queries_of_the_dashboard_and_of_alerts_ask_for_metrics_that_exist(client: TestClient) -> None:
    names, asked = exposed(client), queries()
    assert len(asked) > 20
    used: set[str] = set()
    for title, query in asked:
        for name in NAME.findall(query):
            assert name in names, (title, name)
            used.add(name)
        for name, matchers in MATCHER.findall(query):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) - {"job", "instance"}
            assert labels <= names[name], (title, labels - names[name])
        grouped = {label.strip() for group in GROUPING.findall(query) for label in group.split(",")}
        known = set().union(*(names[name] for name in NAME.findall(query))) | {"le", "instance", "job"}
        assert grouped <= known, (title, grouped - known)
    families = {re.sub(r"_(total|count|sum|bucket|created)$", "", name) for name in names}
    shown = {re.sub(r"_(total|count|sum|bucket|created)$", "", name) for name in used}
    ours = {name for name in families if name.startswith("workings_")}
    assert ours - shown <= {"workings_info"}, "metrics that no panel shows"


def test_alerts_say_what_to_do() -> None:
    rules = yaml.safe_load((OPERATIONS / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
            assert f"| `{rule['alert']}` |" in page, rule["alert"]


def test_the_page_lists_every_metric(client: TestClient) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(workings_\w+)` \|", page, re.MULTILINE))
    text = client.get("/metrics").text
    counters = set(re.findall(r"^# TYPE (\w+) counter", text, re.MULTILINE))
    others = set(re.findall(r"^# TYPE (workings_\w+) (?!counter)\w+", text, re.MULTILINE))
    created = {name for name in others if name.endswith("_created")}
    assert listed == counters | (others - created)
