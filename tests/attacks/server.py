"""A server under attack, with a process group and a memory limit of its own, observed from outside."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tests.service.servers import ROOT, free_port, wait_until_it_answers

MEGABYTE = 2**20
MOST_MEGABYTES = 10_000  # beyond, the server is killed before the machine suffers
TICKS = os.sysconf("SC_CLK_TCK")
INTERVAL = 0.1  # seconds between two looks at the memory


class Server:
    """A running server, and the resources of its processes.

    seen: count of each status received; "lost" counts requests whose connection ended without an answer, and
        "cut" those with an incomplete answer.
    peak: peak memory of all its processes together, in MB.
    serving_peak: peak memory of the serving process, in MB.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self.port, self._log = process, port, log
        self.seen: Counter[int | str] = Counter()
        self.peak = self.serving_peak = 0.0
        self._known: dict[int, str] = {}  # every process seen, with the time that it was started at

    @property
    def log(self) -> str:
        """The server's standard error."""
        return self._log.read_text(errors="replace")

    def is_running(self) -> bool:
        """Return whether the serving process runs."""
        return self.process.poll() is None

    def processes(self) -> list[int]:
        """Return the ids of the serving process and of all processes below it."""
        parents = dict(_parents())
        found = [self.process.pid]
        for one in found:
            found += [child for child, parent in parents.items() if parent == one]
        self._known |= {one: _start_time(one) for one in found if one not in self._known}
        return found

    def workers(self) -> list[int]:
        """Return the ids of all processes except the serving process."""
        return self.processes()[1:]

    def descriptors(self) -> int:
        """Return the number of open descriptors of the serving process."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self) -> float:
        """Return the resident megabytes of all processes, counting shared pages once."""
        return sum(map(_proportional, self.processes()))

    def processor_seconds(self) -> float:
        """Return the processor time of all processes, including ended ones."""
        return sum(map(_ticks, self.processes())) / TICKS

    def processor_seconds_of(self, process: int) -> float:
        """Return the processor time of one process, 0 if it has ended."""
        return _ticks(process) / TICKS

    def sample_memory(self) -> None:
        """Update the peaks of memory. Kills a server that endangers the machine."""
        found = {one: _resident(one) for one in self.processes()}
        self.serving_peak = max(self.serving_peak, found[self.process.pid])
        self.peak = max(self.peak, sum(found.values()))
        if self.peak > MOST_MEGABYTES:
            self.kill()

    def send(self, number: signal.Signals, process: int) -> None:
        """Send a signal to one of the processes."""
        assert process in self._known
        with suppress(ProcessLookupError):
            os.kill(process, number)

    def kill(self) -> None:
        """Kill every known process of the server that still runs."""
        self.processes()
        for one, started in self._known.items():
            if _start_time(one) == started:
                self.send(signal.SIGKILL, one)

    def left_behind(self) -> list[int]:
        """Return the processes of the server that still run."""
        return [one for one, started in self._known.items() if started and _start_time(one) == started]


@contextmanager
def serve(settings: Mapping[str, object], megabytes: int) -> Iterator[Server]:
    """Run `workings serve` with settings, and with a limit on the address space of each of its processes."""
    port = free_port()
    environment = {f"WORKINGS_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--log-level", "warning"]
    limited = ["sh", "-c", f'ulimit -v {megabytes * 1024} && exec "$@"', "sh", *command]
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(
            limited, env={**os.environ, **environment}, cwd=ROOT, stderr=log, process_group=0
        )
        server = Server(process, port, Path(folder, "log"))
        try:
            wait_until_it_answers(port, process)
            with _sample_memory(server):
                yield server
        finally:
            server.kill()
            process.wait()


@contextmanager
def _sample_memory(server: Server) -> Iterator[None]:
    done = Event()

    def watch() -> None:
        while not done.wait(INTERVAL) and server.is_running():
            with suppress(OSError):
                server.sample_memory()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def wait_until_ended(server: Server, patience: float) -> float:
    """Return the seconds until the serving process has ended, or the patience if it does not."""
    start = time.monotonic()
    while server.is_running() and time.monotonic() < start + patience:
        await asyncio.sleep(0.02)
    return time.monotonic() - start


def _fields(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, empty if there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parents() -> Iterator[tuple[int, int]]:
    for one in os.listdir("/proc"):
        if one.isdigit() and (fields := _fields(int(one))):
            yield int(one), int(fields[1])


def _start_time(process: int) -> str:
    """Return the start time of a process, empty if it does not run."""
    fields = _fields(process)
    return fields[19] if fields and fields[0] != "Z" else ""


def _ticks(process: int) -> int:
    return sum(map(int, _fields(process)[11:15]))


def _resident(process: int) -> float:
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def _proportional(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
