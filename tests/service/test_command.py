"""The command `workings`, in this process and in one of its own."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner, Result

from service import server
from service.command import THREADS, main
from service.http import h11_protocol
from service.settings import Settings
from service.version import VERSION
from tests.conftest import EXAM
from tests.service.servers import LONG, ROOT, free_port

# What the script `workings` calls.
SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"][
    "workings"
]
MODULE, FUNCTION = SCRIPT.split(":")
# So few processes, and so long to stop, that a busy machine does not cut it short.
CALM = {
    "WORKINGS_WORKERS": "1",
    "WORKINGS_EXACT_WORKERS": "1",
    "WORKINGS_EXACT_SECONDS": "3600",
    "WORKINGS_STOP_SECONDS": "60",
}
EXACT = {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}


def called(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the arguments for the server, without starting it."""
    calls: list[dict[str, Any]] = []

    def run(sockets: list[socket.socket], settings: Settings, **options: Any) -> None:
        urls = [server.url(one) for one in sockets]
        for one in sockets:
            one.close()
        assert settings == Settings()
        calls.append({"urls": urls, **options})

    monkeypatch.setattr(server, "run", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for name in THREADS:
        monkeypatch.setenv(name, "2")  # and set back afterwards
    return calls


def test_help_names_commands_and_options() -> None:
    assert called("--version").output == f"Workings, version {VERSION}\n"
    assert "serve     Answer questions over HTTP." in called("--help").output
    assert "serve     Answer questions over HTTP." in called().output
    text = called("serve", "--help").output
    for option in ("--host", "--port", "--workers", "--log-level", "--root-path"):
        assert option in text
    assert "127.0.0.1" in text and "8000" in text


def test_options_reach_the_server(started: list[dict[str, Any]]) -> None:
    port = free_port()
    words = ["--port", str(port), "--workers", "3", "--log-level", "error", "--root-path", "/workings"]
    result = called("serve", *words)
    assert (result.exit_code, result.output) == (0, "")
    expected = {"workers": 3, "log_level": "error", "root_path": "/workings"}
    assert started == [{"urls": [f"http://127.0.0.1:{port}"], **expected}]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_hosts(started: list[dict[str, Any]], host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    assert called("serve", "--host", host, "--port", "0").exit_code == 0
    [call] = started
    ports = {url.rpartition(":")[2] for url in call["urls"]}
    assert len(ports) == 1 and "0" not in ports
    if host == "::1":
        assert call["urls"][0].startswith("http://[::1]:")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "nowhere.invalid"], "the host 'nowhere.invalid' is unknown: "),
        (["--host", "x" * 300], "is unknown: "),
        (["--host", ""], "the host '' is unknown: "),
        (["--host", "192.0.2.1"], "192.0.2.1 is not an address of this machine"),
        (
            ["--port", "BUSY"],
            "port BUSY of 127.0.0.1 is in use by another program; choose another with --port",
        ),
        (["--host", "localhost", "--port", "BUSY"], "port BUSY of localhost is in use"),
    ],
)
def test_an_unavailable_address_is_reported_in_one_line(
    started: list[dict[str, Any]], words: list[str], message: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = str(other.getsockname()[1])
        result = called("serve", *(word.replace("BUSY", busy) for word in words))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert message.replace("BUSY", busy) in result.stderr
    assert not started


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "65536"], "65536 is not in the range 0<=x<=65535"),
        (["--port", "http"], "'http' is not a valid integer"),
        (["--workers", "0"], "0 is not in the range x>=1"),
        (["--log-level", "loud"], "'loud' is not one of"),
    ],
)
def test_invalid_options(started: list[dict[str, Any]], words: list[str], message: str) -> None:
    result = called("serve", *words)
    assert result.exit_code == 2 and message in result.stderr
    assert not started


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("QUEUE", "-1", ": input should be greater than or equal to 0"),
        ("CORS_ORIGINS", "https://a.example", ': expected a JSON list such as ["https://a.example"]'),
        ("CORS_ORIGINS", "", ': expected a JSON list such as ["https://a.example"]'),
        ("CORS_ORIGINS", '["https://a.example"', ': expected a JSON list such as ["https://a.example"]'),
        ("CORS_ORIGINS", '"https://a.example"', ": input should be a valid list"),
        ("CORS_ORIGINS", '["https://a.example", 1]', "[1]: input should be a valid string"),
        (
            "TRUSTED_PROXIES",
            '["proxy.example"]',
            ': expected an address such as "10.0.0.1" or a network such as "10.0.0.0/8"',
        ),
        ("MAX_HEAD_BYTES", "10", ": input should be greater than or equal to 8192"),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str, text: str, message: str
) -> None:
    monkeypatch.setenv(f"WORKINGS_{name}", text)
    result = called("serve", "--port", "0")
    assert result.exit_code == 1
    assert result.stderr == f"Error: WORKINGS_{name}{message}\n"
    assert not started


def test_each_invalid_setting_has_its_own_line(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKINGS_INLINE_BITES", "3")
    monkeypatch.setenv("WORKINGS_QUEUE", "-1")
    result = called("serve", "--port", "0")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: WORKINGS_INLINE_BITES: there is no setting of this name; did you mean WORKINGS_INLINE_BYTES?",
        "Error: WORKINGS_QUEUE: input should be greater than or equal to 0",
    ]
    assert not started


def test_the_server_runs_without_httptools(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.protocol().__name__ == "Protocol"
    monkeypatch.delitem(sys.modules, "service.http.protocol")
    monkeypatch.setitem(sys.modules, "httptools", None)
    assert server.protocol() is h11_protocol.Protocol


@pytest.mark.parametrize("set_by_the_user", [None, "4"])
def test_libraries_below_numpy_have_one_thread_by_default(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, set_by_the_user: str | None
) -> None:
    for name in THREADS:
        if set_by_the_user is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, set_by_the_user)
    assert called("serve", "--port", "0").exit_code == 0
    assert {os.environ[name] for name in THREADS} == {set_by_the_user or "1"}


@pytest.mark.parametrize(
    ("command", "number", "processes"),
    [
        (["-m", "service"], signal.SIGINT, 1),
        (["-c", f"from {MODULE} import {FUNCTION}; {FUNCTION}()"], signal.SIGTERM, 1),
        (["-m", "service"], signal.SIGINT, 2),
    ],
    ids=["module, Ctrl-C", "script, SIGTERM", "two processes, Ctrl-C"],
)
def test_a_server_answers_and_stops_cleanly(command: list[str], number: int, processes: int) -> None:
    port = free_port()
    words = ["serve", "--port", str(port), "--workers", str(processes)]
    running = subprocess.Popen(
        [sys.executable, *command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=os.environ | CALM,
        start_new_session=True,
    )
    assert running.stdout is not None
    try:
        output = ""
        while output.count("Application startup complete") < processes:
            line = running.stdout.readline()
            assert line, output
            output += line
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=LONG, trust_env=False) as client:
            assert client.post("/v1/self_attention", json=EXAM).status_code == 200
            assert client.post("/v1/graph", json=EXACT).json()["values"] == {"y": "a**2"}
        os.killpg(running.pid, number)  # as a terminal does, to all that were started
        # The output ends when no process is left that could write to it, those for exact numbers included.
        output += running.stdout.read()
        running.wait(LONG)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(LONG)
        running.stdout.close()
    assert running.returncode == 0, output
    assert f"Workings {VERSION} on {url}" in output
    assert output.count("Application shutdown complete") == processes, output
    assert "Traceback" not in output and "Error" not in output, output


@pytest.mark.parametrize(
    ("host", "settings", "is_refused"),
    [
        ("127.0.0.1", {}, False), ("localhost", {}, False), ("0.0.0.0", {}, True),
        ("0.0.0.0", {"open": True}, False), ("0.0.0.0", {"key_file": "keys.yaml"}, False),
    ],
)  # fmt: skip
def test_other_machines_are_let_in_with_keys_or_if_told_so(
    host: str, settings: dict[str, Any], is_refused: bool
) -> None:
    sockets = server.listen(host, 0)
    try:
        if is_refused:
            with pytest.raises(server.CannotListen, match=r"WORKINGS_KEY_FILE .* WORKINGS_OPEN=true"):
                server.check_exposure(sockets, Settings(**settings))
            assert all(listener.fileno() == -1 for listener in sockets)
        else:
            server.check_exposure(sockets, Settings(**settings))
    finally:
        for listener in sockets:
            listener.close()


def test_a_key_is_made() -> None:
    made = CliRunner().invoke(main, ["key", "course-230"])
    [entry] = yaml.safe_load(made.stdout)
    secret = made.stderr.rpartition(" ")[2].strip()
    assert entry == {"name": "course-230", "hash": hashlib.sha256(secret.encode()).hexdigest()}
    refused = CliRunner().invoke(main, ["key", "a/b"])
    assert refused.exit_code == 1
    assert "1 to 64 letters" in refused.stderr


def test_a_wrong_file_of_keys_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text("- {}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "service", "serve", "--port", "0"],
        env={**os.environ, **CALM, "WORKINGS_KEY_FILE": str(file)}, cwd=ROOT, capture_output=True, text=True,
        timeout=LONG, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"Error: WORKINGS_KEY_FILE: {file}: entry 0.name: Field required\n"
