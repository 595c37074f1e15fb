"""A stopping server answers accepted requests and ends in time, whatever its clients do."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.service.servers import LONG, PORT, ROOT, free_port, start, wait_until_it_answers

HEAD = b"POST /v1/linear HTTP/1.1\r\nHost: workings\r\nContent-Type: application/json\r\n"
BODY = b'{"x": [[1, 2]], "w": [[0.5], [0.25]]}'
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: workings\r\n\r\n"
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: workings\r\n\r\n"


@contextmanager
def running(processes: int, **settings: object) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    port = free_port()
    command = ("service", "serve", "--port", PORT, "--workers", str(processes))
    process = start(command, port, exact_workers=1, **settings)
    try:
        wait_until_it_answers(port, process)
        yield port, process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(LONG)


def connect(port: int) -> socket.socket:
    """Return a connection that the server has accepted."""
    connection = socket.create_connection(("127.0.0.1", port), LONG)
    connection.sendall(HEALTH)
    answer = b""
    while not answer.endswith(b'"live"}'):
        answer += connection.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 200"[: len(answer)])
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return everything the server sends until it closes the connection."""
    with connection.makefile("rb") as stream:
        return stream.read()


def wait_until_refused(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), LONG).close()
        except ConnectionError:
            return


@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_ends_in_time_and_answers_what_it_accepted(processes: int) -> None:
    with running(processes, stop_seconds=2) as (port, process), ExitStack() as stack:
        in_time, late, silent = (stack.enter_context(connect(port)) for _ in range(3))
        for connection in (in_time, late):
            connection.sendall(REQUEST[:-1])
        silent.sendall(DOCUMENT * 100)  # and reads none of them
        silent.recv(1)
        process.send_signal(signal.SIGTERM)
        wait_until_refused(port)
        in_time.sendall(REQUEST[-1:])
        answer = rest(in_time)
        assert answer.startswith(b"HTTP/1.1 200") and b'"output":[[1.0]]' in answer
        answer = rest(late)
        assert answer.startswith(b"HTTP/1.1 503") and b"stopping" in answer
        assert process.wait(LONG) == 0


def test_a_server_that_is_stopped_while_it_starts_ends() -> None:
    # A shell makes its background jobs ignore SIGINT, and children would inherit that from a job of tests.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start(("service", "serve", "--port", PORT), free_port(), exact_workers=1)
    finally:
        signal.signal(signal.SIGINT, inherited)
    process.send_signal(signal.SIGINT)
    assert process.wait(LONG) in (0, -signal.SIGINT, 130, 1)


def test_connections_of_a_real_server_are_bounded() -> None:
    with (
        running(1, max_connections=3, max_client_connections=2, head_timeout=0.5) as (port, _),
        ExitStack() as stack,
    ):
        first, slow = stack.enter_context(connect(port)), stack.enter_context(connect(port))
        response = httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)
        assert response.status_code == 503 and response.headers["retry-after"] == "1"
        assert response.headers["content-type"] == "application/problem+json"
        first.close()
        while httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).status_code == 503:
            pass
        slow.sendall(HEALTH[:10])
        assert rest(slow).startswith(b"HTTP/1.1 408")


STUCK = """
import os, signal, threading
from service import server
server.ENDING = 0
signal.signal(signal.SIGTERM, lambda *_: None)
config = server.Config("service.app:app")
config._watch_signal(signal.SIGTERM)
threading.Thread(target=threading.Event().wait).start()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_thread_cannot_keep_a_server_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], cwd=ROOT, timeout=LONG, check=False)
    assert ended.returncode == 0
