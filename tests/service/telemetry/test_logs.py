"""Log lines: what they have, what they never have, and that nothing breaks them."""

import json
import logging
import logging.config
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.telemetry import logs
from service.telemetry.logs import ConsoleFormatter, JsonFormatter, RequestLines, configuration
from service.telemetry.records import Record, current_record
from tests.conftest import EXAM
from tests.service.servers import LONG, ROOT, free_port, wait_until_it_answers

PATH = "/v1/self_attention"
SECRET = "zanzibar"
BREAKING = f"a\nb\r{{}}\x00\x1b[2J\x7f\x85\u2028\u2029\u202e\ud800 {SECRET}"


class Lines(logging.Handler):
    """Keeps the lines of a logger."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines of requests as JSON, of all levels."""
    handler = Lines(JsonFormatter())
    logs.REQUESTS.addHandler(handler)
    logs.REQUESTS.setLevel(logging.DEBUG)
    yield handler
    logs.REQUESTS.setLevel(logging.NOTSET)
    logs.REQUESTS.removeHandler(handler)


def message(text: str, **attributes: Any) -> logging.LogRecord:
    record = logging.LogRecord("workings", logging.WARNING, __file__, 1, text, (), None)
    record.__dict__.update(attributes)
    return record


def failure(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize(
    ("settings", "phases"),
    [
        ({}, {"reading_ms", "planning_ms", "computing_ms"}),
        ({"inline_work": 0, "workers": 0}, {"reading_ms", "waiting_ms", "planning_ms", "computing_ms"}),
    ],
    ids=["on the event loop", "elsewhere"],
)
def test_the_line_of_an_answer(lines: Lines, settings: dict[str, Any], phases: set[str]) -> None:
    with TestClient(create_app(Settings(**settings))) as client:
        answer = client.post(f"{PATH}?{SECRET}=1", json=EXAM, headers={"x-request-id": "mine"})
    [line] = lines.parsed
    assert line["message"].startswith(f"POST {PATH} 200 in ")
    assert (line["level"], line["logger"]) == ("debug", "workings.requests")
    assert (line["method"], line["route"], line["status"]) == ("POST", PATH, 200)
    assert line["request_id"] == "mine" and "reason" not in line
    assert line["received_bytes"] == len(answer.request.content)
    assert line["sent_bytes"] == int(answer.headers["content-length"])
    assert line["predicted_work"] > 0
    assert phases <= {name for name in line if name.endswith("_ms")}
    assert 0 < sum(line[phase] for phase in phases) <= line["duration_ms"]


def test_nothing_that_a_client_sends_is_in_a_line(lines: Lines) -> None:
    with TestClient(create_app(Settings())) as client:
        headers = {"user-agent": SECRET, "referer": SECRET, "x-request-id": "not an id"}
        for method, path, body in (
            ("POST", f"/v1/{SECRET}", {}),
            ("POST", PATH, {SECRET: 1}),
            ("POST", PATH, EXAM | {"x": SECRET}),
            ("GET", f"/v1/operations/{SECRET}", None),
            (SECRET.upper(), PATH, None),
        ):
            client.request(method, path, json=body, headers=headers)
    assert [(line["method"], line["route"], line["status"], line["reason"]) for line in lines.parsed] == [
        ("POST", "unmatched", 404, "not_found"),
        ("POST", PATH, 422, "refused"),
        ("POST", PATH, 422, "refused"),
        ("GET", "/v1/operations/{name}", 404, "not_found"),
        ("OTHER", PATH, 405, "method_not_allowed"),
    ]
    assert SECRET not in "".join(lines.lines).lower()
    assert not any("not an id" in line for line in lines.lines)


@pytest.mark.parametrize(
    ("route", "status", "reason", "level"),
    [
        (PATH, 200, "", "INFO"),
        (PATH, 422, "refused", "INFO"),
        (PATH, 503, "busy", "WARNING"),
        (PATH, 500, "internal", "ERROR"),
        ("/health/ready", 200, "", "DEBUG"),
        ("/health/ready", 503, "", "WARNING"),
        ("/metrics", 200, "", "DEBUG"),
    ],
)
def test_levels_follow_outcomes(
    caplog: pytest.LogCaptureFixture, route: str, status: int, reason: str, level: str
) -> None:
    record = Record("GET", "one")
    record.route, record.status, record.reason = route, status, reason
    with caplog.at_level(logging.DEBUG, "workings.requests"):
        RequestLines(logging.INFO)(record)
    assert [one.levelname for one in caplog.records] == [level]


@pytest.mark.parametrize(
    ("level", "logged"), [("off", []), ("debug", []), ("info", [f"POST {PATH} 200", f"POST {PATH} 422"])]
)
def test_the_setting_chooses_the_level(
    caplog: pytest.LogCaptureFixture, level: Any, logged: list[str]
) -> None:
    with caplog.at_level(logging.INFO), TestClient(create_app(Settings(log_requests=level))) as client:
        client.post(PATH, json=EXAM)
        client.post(PATH, json={})
    found = [one.getMessage() for one in caplog.records if one.name == "workings.requests"]
    assert [text.partition(" in ")[0] for text in found] == logged


@pytest.mark.parametrize("status", ["500", "503"])
def test_failures_are_seen_by_default(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError if status == "500" else MemoryError

    monkeypatch.setattr("service.answering.Answerer.respond", fail)
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as client:
        client.post(PATH, json=EXAM)
    [line] = [one for one in caplog.records if one.name == "workings.requests"]
    assert f" {status} " in line.getMessage()


def test_a_key_has_a_place(lines: Lines) -> None:
    record = Record("GET", "one")
    record.key_name = "course 7"
    RequestLines(logging.INFO)(record)
    assert lines.parsed[0]["key_name"] == "course 7"
    console = ConsoleFormatter().format(message("a", fields={"key_name": "course 7\n"}))
    assert console.endswith(' key_name="course 7\\n"')


def test_a_json_line_is_one_line_of_ascii() -> None:
    for text in (BREAKING, "plain", "é"):
        line = JsonFormatter().format(
            message(f"first {text}", fields={"worker": text}, exc_info=failure(text))
        )
        assert line.isascii() and len(line.splitlines()) == 1
        assert not re.search(r"[\x00-\x1f]", line)
        parsed = json.loads(line)
        assert f"{parsed['message']}\n{parsed['traceback']}".startswith(f"first {text}\n")
        assert parsed["worker"] == text
        assert parsed["traceback"].endswith(f"\nValueError: {text}")


def test_a_text_line_cannot_be_forged() -> None:
    forged = "2026-01-01T00:00:00.000Z INFO     forged"
    text = ConsoleFormatter().format(
        message(
            f"first{BREAKING}\n{forged}", fields={"worker": f"a\n{forged}"}, exc_info=failure(f"\n{forged}")
        )
    )
    head, *others = text.splitlines()
    assert head.startswith("20") and " WARNING  firsta" in head
    assert others and all(line.startswith("    ") for line in others)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("ValueError") >= 1


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()], ids=["json", "console"])
def test_messages_of_exceptions_are_cut(formatter: logging.Formatter) -> None:
    line = formatter.format(message("failed", exc_info=failure("x" * 10_000)))
    assert "x" * 400 in line and "x" * 501 not in line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400.25, "2000-02-29T00:00:00.250Z"),
        (1_709_251_199.999, "2024-02-29T23:59:59.999Z"),
    ],
)
def test_times_are_in_utc(monkeypatch: pytest.MonkeyPatch, seconds: float, text: str) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    record = message("a", created=seconds)
    assert json.loads(JsonFormatter().format(record))["timestamp"] == text
    assert ConsoleFormatter().format(record).startswith(f"{text} WARNING  a")


def test_messages_have_the_id_of_the_request_that_is_answered() -> None:
    token = current_record.set(Record("POST", "one"))
    try:
        inside = json.loads(JsonFormatter().format(message("a")))
        other = json.loads(JsonFormatter().format(message("a", fields={"request_id": None})))
    finally:
        current_record.reset(token)
    assert inside["request_id"] == "one" and "request_id" not in other
    assert "request_id" not in json.loads(JsonFormatter().format(message("a")))


def test_a_line_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def write(file: int, data: bytes) -> int:
        assert file == 2
        written.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", write)
    handler = logs.StandardError()
    handler.setFormatter(ConsoleFormatter())
    for text in ("x" * 100_000, "short"):
        handler.handle(message(text, exc_info=failure("text")))
    assert len(written) == 2 and all(line.endswith(b"\n") for line in written)


def test_an_application_that_embeds_the_service_configures_logging_itself() -> None:
    code = (
        "import logging; from service.app import create_app; create_app();"
        "names = ('', 'workings', 'workings.requests', 'py.warnings');"
        "loggers = [logging.getLogger(name) for name in names];"
        "assert not any(one.handlers for one in loggers); print([one.level for one in loggers])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[30, 0, 0, 0]"


def test_levels_of_other_libraries() -> None:
    found = configuration("json", logging.DEBUG)
    assert found["root"]["level"] == logging.WARNING
    assert {one["level"] for one in found["loggers"].values()} == {logging.DEBUG}
    assert configuration("json", logging.CRITICAL)["root"]["level"] == logging.CRITICAL


FAILING = """
import sys, warnings
from service import answering, command

async def fail(*_):
    warnings.warn("a warning")
    raise RuntimeError("a defect\\nof two lines")

answering.Answerer.respond = fail
command.main(sys.argv[1:])
"""


def test_a_server_writes_every_line_as_json() -> None:
    """Those of uvicorn and of Python's warnings too, and a defect has the id of its request."""
    port = free_port()
    words = ("serve", "--port", str(port))
    running = subprocess.Popen(
        [sys.executable, "-W", "default", "-c", FAILING, *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"WORKINGS_LOG_FORMAT": "json", "WORKINGS_LOG_REQUESTS": "info"},
    )
    try:
        wait_until_it_answers(port, running)  # type: ignore[arg-type]
        url = f"http://127.0.0.1:{port}{PATH}"
        answer = httpx.post(url, json=EXAM, headers={"x-request-id": "mine"}, timeout=LONG, trust_env=False)
        assert answer.status_code == 500
    finally:
        running.send_signal(signal.SIGTERM)
        _, written = running.communicate(timeout=LONG)
    parsed = [json.loads(line) for line in written.splitlines()]
    of_request = [line for line in parsed if line.get("request_id") == "mine"]
    assert {line["logger"] for line in of_request} == {
        "py.warnings",
        "uvicorn.error",
        "workings",
        "workings.requests",
    }
    [failed] = [line for line in of_request if line["logger"] == "uvicorn.error"]
    assert failed["traceback"].endswith("RuntimeError: a defect\nof two lines")
    [warned] = [line for line in of_request if line["logger"] == "py.warnings"]
    assert warned["message"].endswith("UserWarning: a warning")
    messages = [line["message"] for line in parsed]
    assert "Application startup complete." in messages and "Application shutdown complete." in messages
