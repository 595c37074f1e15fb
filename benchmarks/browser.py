"""Headless Chromium driven by the DevTools protocol, with its processor time.

The time is that of all its processes, from /proc. It includes compiling, painting and the renderer's other
threads besides its main thread, but not waiting for a processor, so that other work on the machine hardly
changes it. (TaskDuration of Performance.getMetrics is wall time of the main thread alone.)
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1280,1600",
)
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 120  # seconds
QUIET = 0.3  # a page is at rest if it spends at most QUIET_TICKS within so many seconds
QUIET_TICKS = 1


class Browser:
    """A Chromium process with one page."""

    def __init__(self, process: "subprocess.Popen[bytes]", connection: ClientConnection) -> None:
        self.process = process
        self._connection = connection
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result. Raises RuntimeError if it fails."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._connection.send(json.dumps(message))
        while True:
            answer = json.loads(self._connection.recv(timeout=PATIENCE))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def navigate(self, address: str) -> None:
        """Start to load a page; return when its document has arrived."""
        found = self.call("Page.navigate", url=address)
        if "errorText" in found:
            raise RuntimeError(f"{address}: {found['errorText']}")

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression; promises are awaited."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))
        return found["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Return when an expression is true; it is evaluated whenever the page changes."""
        script = f"""new Promise((resolve, reject) => {{
            const isTrue = () => {condition};
            if (isTrue()) return resolve();
            const observer = new MutationObserver(() => {{
                if (isTrue()) {{ observer.disconnect(); resolve(); }}
            }});
            observer.observe(document, {{attributes: true, childList: true, subtree: true}});
            setTimeout(() => reject(new Error("it was never true")), {PATIENCE}000);
        }})"""
        self.evaluate(script)

    def processor_seconds(self) -> float:
        """Return the processor time of all processes so far, including those that have ended."""
        parents: dict[int, list[int]] = {}
        times: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
                times[int(entry.name)] = sum(map(int, fields[11:15]))  # own, and of children waited for
        total, waiting = 0, [self.process.pid]
        while waiting:
            process = waiting.pop()
            total += times.get(process, 0)
            waiting += parents.get(process, [])
        return total / TICKS

    def rest(self) -> float:
        """Wait until almost no processor time is spent; return the time spent so far."""
        before = self.processor_seconds()
        for _ in range(int(PATIENCE / QUIET)):
            time.sleep(QUIET)
            now = self.processor_seconds()
            if now - before <= QUIET_TICKS / TICKS:
                return now
            before = now
        raise RuntimeError("the page did not come to rest")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium with an empty profile, so that nothing is cached."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise RuntimeError(f"expected a program called {' or '.join(NAMES)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            with connect(_address(Path(folder), process), max_size=None, open_timeout=PATIENCE) as connection:
                yield Browser(process, connection)
        finally:
            process.terminate()
            process.wait()


def _address(folder: Path, process: "subprocess.Popen[bytes]") -> str:
    """Return the address on which the browser listens, from its profile."""
    file = folder / "DevToolsActivePort"
    for _ in range(PATIENCE * 50):
        if file.exists() and (lines := file.read_text().split()) and len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            raise RuntimeError(f"the browser ended with {process.returncode}")
        time.sleep(0.02)
    raise RuntimeError("the browser did not start")
