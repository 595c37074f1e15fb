"""Answers that come line by line while they are computed, for as long as somebody listens."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from compute.errors import QuestionErrors
from service.http.problems import INTERNAL, Problem, from_question
from service.http.work import Workshop

MEDIA_TYPE = b"application/x-ndjson"
QUALITY = re.compile(rb"(?:^|;)\s*q=([01](?:\.\d{0,3})?)")
MOMENT = 0.02  # seconds of lines that are sent together
LARGEST = 2**18  # bytes that are


class NobodyListens(Exception):
    """The listener has gone, or takes nothing any more."""


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
    """Sends lines to one listener, who has so many seconds to take each part."""

    def __init__(self, send: Send, patience: float) -> None:
        self._send, self._patience = send, patience
        self.started = False

    async def send(self, lines: bytes) -> None:
        """Send whole lines. Raises NobodyListens where they are not taken."""
        if not self.started:
            self.started = True
            headers = [(b"content-type", MEDIA_TYPE), (b"vary", b"accept")]
            await self._sent({"type": "http.response.start", "status": 200, "headers": headers})
        await self._sent({"type": "http.response.body", "body": lines, "more_body": True})

    async def end(self) -> None:
        """Say that there are no more lines. Raises NobodyListens as `send` does."""
        await self._sent({"type": "http.response.body", "body": b""})

    async def fail(self, problem: Problem) -> None:
        """Say in a last line why no more come. Raises NobodyListens as `send` does."""
        await self.send(b'{"problem":%b}\n' % bytes(problem.response().body))
        await self.end()

    async def _sent(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._send(message)
        except TimeoutError:
            raise NobodyListens from None


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


async def sent(sender: LineSender, receive: Receive, work: Awaitable[Any]) -> None:
    """Wait for work that sends lines, and stop it when nobody listens.

    What goes wrong before the first line is raised; later it is a line of its own, the last one.
    """
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        with suppress(NobodyListens):
            await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await _finished(sender, working)
    finally:
        for task in (working, gone):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _finished(sender: LineSender, working: asyncio.Future[Any]) -> None:
    try:
        working.result()
        await sender.end()
    except (Problem, QuestionErrors) as error:
        if not sender.started:
            raise
        await sender.fail(from_question(error) if isinstance(error, QuestionErrors) else error)
    except NobodyListens:
        raise
    except Exception:  # a defect: it is said, and logged by whoever called
        if sender.started:
            await sender.fail(Problem("internal", INTERNAL))
        raise


async def _left(receive: Receive) -> None:
    """Return when the listener has gone."""
    while (await receive())["type"] != "http.disconnect":
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
