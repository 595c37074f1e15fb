"""Servers started as separate processes, each alike: one uvicorn worker, one thread of arithmetic."""

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
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: str, processor: int | None = None) -> Iterator[int]:
    """The port of an application that answers, on a processor of its own where that can be had."""
    port = free_port()
    process = start(app, port, processor)
    try:
        wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def served_apart(apps: Mapping[str, str]) -> Iterator[dict[str, int]]:
    """The ports of several applications, by name: all on one processor, and this process on another."""
    processors = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    apart = len(processors) > 1
    if apart:
        os.sched_setaffinity(0, {processors[1]})
    with ExitStack() as stack:
        processor = processors[0] if apart else None
        yield {name: stack.enter_context(served(app, processor)) for name, app in apps.items()}


def start(app: str, port: int, processor: int | None = None) -> "subprocess.Popen[bytes]":
    """Start uvicorn; the caller ends it."""
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--http", PROTOCOL]
    quiet = ["--no-access-log", "--log-level", "critical"]
    with pinned(processor):
        return subprocess.Popen(command + quiet, env={**os.environ, **ONE_THREAD})


@contextmanager
def pinned(processor: int | None) -> Iterator[None]:
    """Stay on one processor, where the system lets one choose; processes started here stay there too."""
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
    """Until the port accepts a connection."""
    for _ in range(3000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("the server did not start")
