"""Send answers line by line while they are computed, and stop when the client disconnects."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from starlette.types import Receive, Scope, Send

from compute.errors import QuestionErrors
from service.http.accept import read_qualities
from service.http.budgets import Share
from service.http.connections import Disconnected, PatientSender, run_while_connected
from service.http.problems import INTERNAL, Problem, from_question
from service.telemetry.records import note_reason

MEDIA_TYPE = b"application/x-ndjson"
HEADERS: Mapping[str, str] = MappingProxyType({"content-type": MEDIA_TYPE.decode()})
LARGEST = 2**18  # most bytes sent at once
LineCallback = Callable[[bytes], None]


def prefers_lines(scope: Scope) -> bool:
    """Return whether the Accept header prefers NDJSON to one JSON answer."""
    qualities = read_qualities(scope)
    lines, whole = qualities.get(MEDIA_TYPE, 0), qualities.get(b"application/json", 0)
    first = next((kind for kind in qualities if kind in (MEDIA_TYPE, b"application/json")), None)
    return lines > whole or (lines == whole > 0 and first == MEDIA_TYPE)


def problem_line(problem: Problem, root_path: str) -> bytes:
    """Return the line that ends a stream which cannot go on."""
    return b'{"problem":%b}\n' % bytes(problem.response(root_path).body)


class LineSender:
    """Sends the lines of one response.

    rate: bytes per second at which the client has to accept them.
    root_path: path at which the application is mounted.
    headers: those of the response.
    """

    def __init__(
        self, send: Send, rate: int, root_path: str = "", headers: Mapping[str, str] = HEADERS
    ) -> None:
        self._send, self._root_path = PatientSender(send, rate), root_path
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
        self.started = False

    async def send(self, lines: bytes) -> None:
        """Send complete lines. Raises Disconnected if the client does not accept them in time."""
        if not self.started:
            self.started = True
            headers = [*self._headers, (b"vary", b"accept")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": lines, "more_body": True})

    async def end(self) -> None:
        """End the response. Raises Disconnected as `send` does."""
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, problem: Problem) -> None:
        """Send a problem as the last line, and end the response. Raises Disconnected as `send` does."""
        note_reason(problem.kind)
        await self.send(problem_line(problem, self._root_path))
        await self.end()


class Lines:
    """A queue of computed lines that wait to be sent.

    share: share of the memory budget for answers. A worker takes bytes for each line that it adds; they are
    given back when the line is sent.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._parts: deque[bytes] = deque()
        self._loop = asyncio.get_running_loop()
        self._has_more = asyncio.Event()

    def add(self, line: bytes) -> None:
        """Add a line, from any thread."""
        self._parts.append(line)
        self._loop.call_soon_threadsafe(self._has_more.set)

    async def send_all(self, sender: LineSender, work: "asyncio.Task[Any]") -> None:
        """Send lines until the work that adds them is done. Raises its exception after the last line."""
        work.add_done_callback(lambda _: self._has_more.set())
        while self._parts or not work.done():
            await self._has_more.wait()
            self._has_more.clear()
            while part := self._next_batch():
                await sender.send(part)
                self._share.shrink(min(len(part), self._share.held))
        work.result()

    def _next_batch(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._parts and size <= LARGEST:
            parts.append(self._parts.popleft())
            size += len(parts[-1])
        return b"".join(parts)


async def stream(
    sender: LineSender,
    receive: Receive,
    share: Share,
    work: Callable[[LineCallback], Coroutine[Any, Any, Any]],
) -> None:
    """Send lines while they are computed, and cancel the work when the client disconnects.

    work: computes lines and calls its argument with each. Raises as `send_while_connected` does.
    """

    async def send_computed() -> None:
        lines = Lines(share)
        computing = asyncio.ensure_future(work(lines.add))
        try:
            await lines.send_all(sender, computing)
        finally:
            computing.cancel()
            await asyncio.gather(computing, return_exceptions=True)

    await send_while_connected(sender, receive, send_computed())


async def send_while_connected(sender: LineSender, receive: Receive, work: Coroutine[Any, Any, Any]) -> None:
    """Run work that sends lines, and cancel it when the client disconnects.

    Raises Problem or QuestionErrors before the first line; later they are sent as the last line.
    """
    try:
        try:
            await run_while_connected(receive, work)
        except (Problem, QuestionErrors) as error:
            if not sender.started:
                raise
            await sender.fail(from_question(error) if isinstance(error, QuestionErrors) else error)
        except Disconnected:
            raise
        except Exception:  # the last line reports a defect, and the caller logs it
            if sender.started:
                await sender.fail(Problem("internal", INTERNAL))
            raise
        else:
            await sender.end()
    except Disconnected:
        pass
