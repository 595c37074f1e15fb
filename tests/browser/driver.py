"""Headless Chromium driven by the DevTools protocol: what a page says and asks for, its looks and its cost.

The cost is the processor time of all its processes, from /proc. It includes compiling, painting and the
renderer's other threads besides its main thread, but not waiting for a processor, so that other work on the
machine hardly changes it. (TaskDuration of Performance.getMetrics is wall time of the main thread alone.)
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip
TEXTS = {"Enter": "\r", " ": " "}  # of the keys that write some
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 120  # seconds
QUIET = 0.3  # a page is at rest if it spends at most QUIET_TICKS within so many seconds
QUIET_TICKS = 1


@dataclass
class Record:
    """The traces that a page leaves while it is watched.

    requests: the addresses of all that it asks for, itself first.
    messages: console messages, exceptions, violations of its policy, and failed loads.
    """

    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Browser:
    """A Chromium process with one page.

    record: what the current page did, once `watch` has been called.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", connection: ClientConnection) -> None:
        self.process = process
        self._connection = connection
        self._number = 0
        self._session: str | None = None
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.record = Record()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result. Raises RuntimeError if it fails."""
        number = self._send(method, parameters)
        answer = self._receive(lambda message: message.get("id") == number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        """Send a call without waiting for its result. Returns its number."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._connection.send(json.dumps(message))
        return self._number

    def _receive(self, is_awaited: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is awaited; events before it go to their handlers."""
        while True:
            message: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE))
            handle = self._handlers.get(message.get("method", ""))
            if handle is not None:
                handle(message["params"])
            if is_awaited(message):
                return message

    def watch(self) -> None:
        """Record from now on what pages do; `open` starts a new record. Bars for scrolling are not drawn."""
        self._handlers |= {
            "Network.requestWillBeSent": lambda event: self.record.requests.append(event["request"]["url"]),
            "Network.webSocketCreated": lambda event: self.record.requests.append(event["url"]),
            "Log.entryAdded": lambda event: self._record_message(
                event["entry"]["level"], event["entry"]["text"]
            ),
            "Runtime.consoleAPICalled": lambda event: self._record_message(
                event["type"],
                " ".join(str(one.get("value", one.get("description", ""))) for one in event["args"]),
            ),
            "Runtime.exceptionThrown": lambda event: self._record_message(
                "exception",
                event["exceptionDetails"].get("exception", event["exceptionDetails"]).get("description", ""),
            ),
        }
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScrollbarsHidden", hidden=True)

    def _record_message(self, kind: str, text: str) -> None:
        self.record.messages.append(f"{kind}: {text}")

    def open(self, address: str, body: Any = None) -> Record:
        """Load a page while it is watched; return its record once it is loaded and drawn.

        body: a JSON document, or text of JSON lines, to send by POST, as no link can. None for GET.
        """
        self.record = Record()
        if body is None:
            self._load(address)
        else:
            text, kind = (body, "x-ndjson") if isinstance(body, str) else (json.dumps(body), "json")
            post = {
                "method": "POST",
                "postData": base64.b64encode(text.encode()).decode(),
                "headers": [{"name": "content-type", "value": f"application/{kind}"}],
            }
            self._handlers["Fetch.requestPaused"] = lambda event: self._forward(event, post)
            self.call("Fetch.enable", patterns=[{"urlPattern": "*", "resourceType": "Document"}])
            self._load(address)
            self.call("Fetch.disable")
        self.settle()
        return self.record

    def _forward(self, event: dict[str, Any], changes: dict[str, Any]) -> None:
        self._send("Fetch.continueRequest", {"requestId": event["requestId"], **changes})

    def _load(self, address: str) -> None:
        loaded: list[dict[str, Any]] = []
        self._handlers["Page.loadEventFired"] = loaded.append
        self.navigate(address)
        if not loaded:
            self._receive(lambda message: bool(loaded))

    def settle(self) -> None:
        """Wait until the page has drawn twice, so that what it has to say has arrived."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, key: str, *modifiers: str) -> None:
        """Press and release a key: one of KEYS or a letter. modifiers: of MODIFIERS."""
        event: dict[str, Any] = {
            "key": key,
            "code": key if key in KEYS else f"Key{key.upper()}",
            "windowsVirtualKeyCode": KEYS.get(key) or ord(key.upper()),
            "modifiers": sum(MODIFIERS[name] for name in modifiers),
        }
        text = TEXTS.get(key, "" if key in KEYS else key)
        writes = text and not set(modifiers) & {"Control", "Meta", "Alt"}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if writes else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def write(self, text: str) -> None:
        """Put text into the element that has the focus, as if it were pasted."""
        self.call("Input.insertText", text=text)

    def set_media(
        self, scheme: Literal["light", "dark"] = "light", medium: Literal["screen", "print"] = "screen"
    ) -> None:
        """Choose the colors that a page is asked for, and whether it is on a screen or on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)

    def set_size(self, width: int, height: int) -> None:
        """Set the size of the window's inside, in pixels of CSS and of pictures."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def take_screenshot(self, most: int) -> bytes:
        """Return a PNG of the page in its full length, but at most so many pixels high."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], most), "scale": 1}
        found = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(found["data"])

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


def find_chromium() -> str | None:
    """Return the path of Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium with an empty profile, so that nothing is cached."""
    program = find_chromium()
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
