"""Answers that come line by line while they are computed, for as long as somebody listens."""

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
MOMENT = 0.02  # seconds of lines that are sent together
LARGEST = 2**18  # bytes that are


def is_wanted(scope: Scope) -> bool:
    """Whether whoever asks prefers lines."""
    accepted = b",".join(worth for name, worth in scope["headers"] if name == b"accept").lower()
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
        """Send whole lines. Raises Disconnected where they are not taken."""
        if not self.started:
            self.started = True
            headers = [(b"content-type", MEDIA_TYPE), (b"vary", b"accept")]
            await self._sent({"type": "http.response.start", "status": 200, "headers": headers})
        await self._sent({"type": "http.response.body", "body": lines, "more_body": True})

    async def end(self) -> None:
        """Say that there are no more lines. Raises Disconnected as `send` does."""
        await self._sent({"type": "http.response.body", "body": b""})

    async def fail(self, problem: Problem) -> None:
        """Say in a last line why no more come. Raises Disconnected as `send` does."""
        await self.send(b'{"problem":%b}\n' % bytes(problem.response(self._root_path).body))
        await self.end()

    async def _sent(self, message: Message) -> None:
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
    """Send lines as threads compute them, a moment's worth at a time, and none ahead of what is taken.

    begin: what understands the question and gives its lines; it is handed a function that says whether nobody
    listens any more. Raises as `sent` does.
    """

    async def computed() -> None:
        lines = await workshop.run(lambda: begin(left.is_set))
        while part := await workshop.run(lambda: _moment(lines)):
            await sender.send(part)

    left = Event()
    try:
        await sent(sender, receive, computed())
    finally:
        left.set()


async def sent(sender: LineSender, receive: Receive, work: Coroutine[Any, Any, Any]) -> None:
    """Wait for work that sends lines, and stop it when the client goes away.

    A problem before the first line is raised; later it is sent as the last line.
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
        except Exception:  # a defect: the client is told, and the caller logs it
            if sender.started:
                await sender.fail(Problem("internal", INTERNAL))
            raise
        else:
            await sender.end()
    except Disconnected:
        pass


def _moment(lines: Iterator[bytes]) -> bytes:
    """The lines of a moment; none where there are no more."""
    parts: list[bytes] = []
    size, until = 0, monotonic() + MOMENT
    for line in lines:
        parts.append(line)
        size += len(line)
        if size > LARGEST or monotonic() > until:
            break
    return b"".join(parts)
