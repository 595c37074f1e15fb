"""Servers in separate processes, each with one uvicorn worker and one arithmetic thread."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

PROTOCOL = "service.http.protocol:Protocol"  # what `workings serve` uses
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(app: str, processor: int | None = None) -> Iterator[int]:
    """Start an application, on its own processor if possible, and yield its port once it answers."""
    port = free_port()
    process = start(app, port, processor)
    try:
        wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serve_apart(apps: Mapping[str, str]) -> Iterator[dict[str, int]]:
    """Yield the ports of several applications, by name: all on one processor, this process on another."""
    processors = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    apart = len(processors) > 1
    if apart:
        os.sched_setaffinity(0, {processors[1]})
    with ExitStack() as stack:
        processor = processors[0] if apart else None
        yield {name: stack.enter_context(serve(app, processor)) for name, app in apps.items()}


def start(app: str, port: int, processor: int | None = None) -> "subprocess.Popen[bytes]":
    """Start uvicorn; the caller stops it."""
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--http", PROTOCOL]
    quiet = ["--no-access-log", "--log-level", "critical"]
    with pin(processor):
        return subprocess.Popen(command + quiet, env={**os.environ, **ONE_THREAD})


@contextmanager
def pin(processor: int | None) -> Iterator[None]:
    """Pin this process and its children to one processor, if the system supports it."""
    if processor is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wait(port: int) -> None:
    """Wait until the port accepts a connection."""
    for _ in range(3000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("the server did not start")
