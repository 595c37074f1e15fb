"""Start servers in processes of their own, on free ports of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

import service

ROOT = Path(service.__file__).parent.parent
PORT = "PORT"  # stands for the port in a command
UVICORN = ("uvicorn", "service.app:app", "--port", PORT, "--no-access-log")
GRANIAN = ("granian", "--interface", "asgi", "--port", PORT, "--no-access-log", "service.app:app")
LONG = 600  # seconds after which a test gives up; nothing that passes waits for them


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: Sequence[str], port: int, **settings: object) -> "subprocess.Popen[bytes]":
    """Start `python -m` with this command; settings become WORKINGS_ variables. The caller ends it."""
    words = [str(port) if word == PORT else word for word in command]
    environment = {f"WORKINGS_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", *words], env={**os.environ, **environment}, cwd=ROOT)


def wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server answers. Fails if its process ends first."""
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=LONG, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the server did not start")


@contextmanager
def serving(command: Sequence[str], **settings: object) -> Iterator[int]:
    """Run a server. Yields its port."""
    port = free_port()
    process = start(command, port, **settings)
    try:
        wait_until_it_answers(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(LONG)
