"""From a request to its answer: read, understood, computed where that costs others least, and sent."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from service.endpoints import Endpoint, Job
from service.exact.pool import ExactPool
from service.http.bodies import receive_body
from service.http.problems import Problem
from service.http.reader import read
from service.http.representations import Answer
from service.http.streams import LineSender, is_wanted, sent, stream
from service.http.work import Workshop
from service.questions.operations import ExactWanted
from service.settings import Settings

MAX_EXACT_BYTES = 2**20


class Answerer:
    """Answers questions on the event loop where they are tiny, in threads, or in worker processes."""

    def __init__(self, settings: Settings, workshop: Workshop, exact: ExactPool) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.workshop = workshop
        self.exact = exact

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """The response to a question. Raises Problem or QuestionErrors where there is no answer."""
        if endpoint.streams and is_wanted(request.scope):
            return _Lines(self, endpoint)
        with ExitStack() as held:

            def hold_place() -> None:
                held.enter_context(self.workshop.place())

            def understand() -> Job:
                return endpoint.understand(read(body), self.limits)

            body = await receive_body(request.scope, request.receive, self.settings, hold_place)
            try:
                answer = await self._answer_here(understand, body, hold_place)
            except ExactWanted:
                held.close()  # its place is in another queue
                answer = await self._answer_exactly(endpoint, body, request.receive)
        return Answer(answer, vary="Accept" if endpoint.streams else None)

    async def send_lines(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer line by line, from a thread or from a worker process."""
        with ExitStack() as held:

            def hold_place() -> None:
                held.enter_context(self.workshop.place())

            def lines(abandoned: Callable[[], bool]) -> Iterator[bytes]:
                job: Any = endpoint.understand(read(body), self.limits)
                found: Iterator[bytes] = job.lines(abandoned)
                return found

            sender = LineSender(send, self.settings.body_timeout)
            body = await receive_body(scope, receive, self.settings, hold_place)
            if len(body) <= self.settings.inline_bytes:
                hold_place()
            try:
                await stream(sender, receive, lines, self.workshop)
            except ExactWanted:
                held.close()  # its place is in another queue
                _check_exact(body)
                with self.exact.place():
                    await sent(sender, receive, self.exact.run(endpoint.name, body, sender.send))

    async def _answer_here(
        self, understand: Callable[[], Job], body: bytes, hold_place: Callable[[], None]
    ) -> bytes:
        if len(body) > self.settings.inline_bytes:
            return await self.workshop.run(lambda: understand().answer())
        # Small questions run on the event loop: a hop to a thread would cost more than the work.
        job = understand()
        if job.work <= self.settings.inline_work:
            return job.answer()
        hold_place()
        return await self.workshop.run(job.answer)

    async def _answer_exactly(self, endpoint: Endpoint, body: bytes, receive: Receive) -> bytes:
        """The answer of a worker process, which is stopped where the client goes away."""
        _check_exact(body)
        with self.exact.place():
            answer = asyncio.ensure_future(self.exact.run(endpoint.name, body))
            gone = asyncio.ensure_future(receive())
            try:
                await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
                if not answer.done():
                    raise Problem("unreadable", "the connection closed before the answer")
                return answer.result()
            finally:
                for task in (answer, gone):
                    task.cancel()
                await asyncio.gather(answer, gone, return_exceptions=True)


class _Lines(Response):
    """An answer that is computed while it is sent. What goes wrong before the first line is raised."""

    media_type = "application/x-ndjson"

    def __init__(self, answerer: Answerer, endpoint: Endpoint) -> None:
        super().__init__()
        self._answerer, self._endpoint = answerer, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answerer.send_lines(self._endpoint, scope, receive, send)


def _check_exact(body: bytes) -> None:
    if len(body) > MAX_EXACT_BYTES:
        limit = f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
        raise Problem("too_large", limit)
