"""From a request to its answer: read, understood, computed where that costs others least, and sent."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from compute.errors import QuestionErrors
from compute.limits import Limits
from service.endpoints import Endpoint, Job
from service.http.bodies import receive_body
from service.http.codings import decompress, is_gzipped
from service.http.connections import Disconnected, run_while_connected
from service.http.problems import Problem
from service.http.reader import is_large, read, read_strictly
from service.http.representations import Answer
from service.http.streams import LineSender, is_wanted, send_while_connected, stream
from service.http.work import Workshop
from service.questions.operations import ExactWanted
from service.settings import Settings
from service.workers.pool import ExactPool

MAX_EXACT_BYTES = 2**20
Result = TypeVar("Result")


def ask(endpoint: Endpoint, body: bytes, limits: Limits, use: Callable[[Job], Result]) -> Result:
    """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors.

    A question that is refused after the fast reader is read again by the strict one and asked again, so that
    large bodies are described, and refused, as small ones are.
    """
    if is_large(body):
        with suppress(QuestionErrors):
            return use(endpoint.understand(read(body), limits))
    return use(endpoint.understand(read_strictly(body), limits))


class Answerer:
    """Answers questions on the event loop where they are tiny, in threads, or in worker processes."""

    def __init__(self, settings: Settings, workshop: Workshop, exact: ExactPool) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.workshop = workshop
        self.exact = exact

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """Return the response to a question. Raises Problem or QuestionErrors where there is no answer."""
        if endpoint.streams and is_wanted(request.scope):
            return _Lines(self, endpoint, request.receive)
        with _Slot(self.workshop) as slot:
            body = await self._receive(request.scope, request.receive, slot)
            try:
                answer = await self._answer_here(endpoint, body, slot)
            except ExactWanted:
                slot.leave()  # the wait for a worker process is another queue
                answer = await self._answer_exactly(endpoint, body, request.receive)
        return Answer(answer, vary="Accept" if endpoint.streams else None)

    async def send_lines(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer line by line, from a thread or from a worker process."""
        with _Slot(self.workshop) as slot:
            sender = LineSender(send, self.settings.body_timeout, scope.get("root_path", ""))
            body = await self._receive(scope, receive, slot)
            slot.take()

            def lines(abandoned: Callable[[], bool]) -> Iterator[bytes]:
                def begin(job: Any) -> Iterator[bytes]:
                    found: Iterator[bytes] = job.lines(abandoned)
                    return found

                return ask(endpoint, body, self.limits, begin)

            try:
                await stream(sender, receive, lines, self.workshop)
            except ExactWanted:
                slot.leave()
                _check_exact(body)
                with self.exact.place():
                    work = self.exact.run(endpoint.name, body, sender.send)
                    await send_while_connected(sender, receive, work)

    async def _receive(self, scope: Scope, receive: Receive, slot: "_Slot") -> bytes:
        """Return the body, decompressed by a thread where it is compressed."""
        gzipped = is_gzipped(scope["headers"])
        body = await receive_body(scope, receive, self.settings, slot.take)
        if not gzipped:
            return body
        slot.take()
        return await self.workshop.run(lambda: decompress(body, self.settings.max_body_bytes))

    async def _answer_here(self, endpoint: Endpoint, body: bytes, slot: "_Slot") -> bytes:
        if len(body) > self.settings.inline_bytes:
            slot.take()
            return await self.workshop.run(lambda: ask(endpoint, body, self.limits, _answer))
        # Small questions run on the event loop: a hop to a thread would cost more than the work.
        job = ask(endpoint, body, self.limits, lambda job: job)
        if job.work <= self.settings.inline_work:
            return job.answer()
        slot.take()
        return await self.workshop.run(job.answer)

    async def _answer_exactly(self, endpoint: Endpoint, body: bytes, receive: Receive) -> bytes:
        """The answer of a worker process, which is stopped where the client goes away."""
        _check_exact(body)
        with self.exact.place():
            try:
                return await run_while_connected(receive, self.exact.run(endpoint.name, body))
            except Disconnected:
                raise Problem("unreadable", "the connection closed before the answer") from None


class _Slot:
    """The place of one request among those that may compute or wait; taken when it is first needed."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._is_held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def take(self) -> None:
        """Hold a place, if none is held. Raises Problem 503 if all are taken."""
        if not self._is_held:
            self._workshop.take()
            self._is_held = True

    def leave(self) -> None:
        """Give the place back, if one is held."""
        if self._is_held:
            self._is_held = False
            self._workshop.leave()


class _Lines(Response):
    """An answer that is computed while it is sent. Errors before the first line are raised."""

    media_type = "application/x-ndjson"

    def __init__(self, answerer: Answerer, endpoint: Endpoint, receive: Receive) -> None:
        super().__init__()
        self._answerer, self._endpoint, self._receive = answerer, endpoint, receive

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        await self._answerer.send_lines(self._endpoint, scope, self._receive, send)
        if self.background is not None:  # set by FastAPI, from a dependency
            await self.background()


def _answer(job: Job) -> bytes:
    return job.answer()


def _check_exact(body: bytes) -> None:
    if len(body) > MAX_EXACT_BYTES:
        limit = f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
        raise Problem("too_large", limit)
