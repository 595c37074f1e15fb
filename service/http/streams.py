"""Send answers line by line while they are computed, and stop when the client disconnects."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from threading import Event
from time import monotonic
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from compute.errors import QuestionErrors
from service.http.connections import Disconnected, run_while_connected
from service.http.problems import INTERNAL, Problem, from_question
from service.http.work import Workshop

MEDIA_TYPE = b"application/x-ndjson"
QUALITY = re.compile(rb"(?:^|;)\s*q=([01](?:\.\d{0,3})?)")
MOMENT = 0.02  # seconds after which the lines computed so far are sent
LARGEST = 2**18  # bytes sent together at most


def is_wanted(scope: Scope) -> bool:
    """Return whether the Accept header prefers lines to a whole answer."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept").lower()
    wanted = {kind: _quality(rest) for kind, rest in (_parted(one) for one in accepted.split(b","))}
    lines, whole = wanted.get(MEDIA_TYPE, 0), wanted.get(b"application/json", 0)
    first = next((kind for kind in wanted if kind in (MEDIA_TYPE, b"application/json")), None)
    return lines > whole or (lines == whole > 0 and first == MEDIA_TYPE)


def _parted(accepted: bytes) -> tuple[bytes, bytes]:
    kind, _, rest = accepted.partition(b";")
    return kind.strip(), rest


def _quality(parameters: bytes) -> float:
    found = QUALITY.search(parameters)
    return 1 if found is None else float(found[1])


class LineSender:
    """Send the lines of one response.

    patience: seconds in which the client has to accept each part.
    root_path: the path that the application is mounted at.
    """

    def __init__(self, send: Send, patience: float, root_path: str = "") -> None:
        self._send, self._patience, self._root_path = send, patience, root_path
        self.started = False

    async def send(self, lines: bytes) -> None:
        """Send whole lines. Raises Disconnected if the client does not accept them in time."""
        if not self.started:
            self.started = True
            headers = [(b"content-type", MEDIA_TYPE), (b"vary", b"accept")]
            await self._transmit({"type": "http.response.start", "status": 200, "headers": headers})
        await self._transmit({"type": "http.response.body", "body": lines, "more_body": True})

    async def end(self) -> None:
        """End the response. Raises Disconnected as `send` does."""
        await self._transmit({"type": "http.response.body", "body": b""})

    async def fail(self, problem: Problem) -> None:
        """Send a problem as the last line, and end the response. Raises Disconnected as `send` does."""
        await self.send(b'{"problem":%b}\n' % bytes(problem.response(self._root_path).body))
        await self.end()

    async def _transmit(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._send(message)
        except TimeoutError:
            raise Disconnected from None


async def stream(
    sender: LineSender,
    receive: Receive,
    begin: Callable[[Callable[[], bool]], Iterator[bytes]],
    workshop: Workshop,
) -> None:
    """Send lines as threads compute them. None is computed before the client accepts those before it.

    begin: parses the question and returns its lines. Its argument is a function that returns whether the
    client has disconnected. Raises as `send_while_connected` does.
    """

    async def send_computed() -> None:
        lines = await workshop.run(lambda: begin(left.is_set))
        while part := await workshop.run(lambda: _moment(lines)):
            await sender.send(part)

    left = Event()
    try:
        await send_while_connected(sender, receive, send_computed())
    finally:
        left.set()


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
        except Exception:  # a defect: the last line reports it, and the caller logs it
            if sender.started:
                await sender.fail(Problem("internal", INTERNAL))
            raise
        else:
            await sender.end()
    except Disconnected:
        pass


def _moment(lines: Iterator[bytes]) -> bytes:
    """Return the lines of the next MOMENT together, empty at the end."""
    parts: list[bytes] = []
    size, until = 0, monotonic() + MOMENT
    for line in lines:
        parts.append(line)
        size += len(line)
        if size > LARGEST or monotonic() > until:
            break
    return b"".join(parts)
