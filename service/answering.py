"""From a request to its answer: read, understood, computed where that costs others least, and sent."""

from collections.abc import Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from service.asking import understand_tiny
from service.endpoints import Endpoint, Job
from service.http.bodies import receive_body
from service.http.budgets import Budget, Share
from service.http.codings import accepts_gzip, is_gzipped
from service.http.connections import Disconnected, run_while_connected
from service.http.middleware import header
from service.http.problems import Problem
from service.http.representations import Answer, Content, represent
from service.http.streams import LineSender, Take, is_wanted, stream
from service.http.watch import prefix
from service.questions.operations import ExactWanted
from service.settings import Settings
from service.workers.choice import Workers
from service.workers.requests import WorkItem

MAX_EXACT_BYTES = 2**20


class Answerer:
    """Answers questions on the event loop where they are certainly tiny, and in worker processes otherwise.

    bodies, answers: the bytes of request bodies, and of answers that wait to be sent.
    """

    def __init__(self, settings: Settings, floats: Workers, exact: Workers) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.floats, self.exact = floats, exact
        self.bodies, self.answers = Budget(settings.held_bytes), Budget(settings.held_bytes)

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """Return the response to a question. Raises Problem or QuestionErrors where there is no answer."""
        if endpoint.streams and is_wanted(request.scope):
            return _Lines(self, endpoint, request.receive)
        scope, receive = request.scope, request.receive
        with Share(self.bodies, "request bodies") as share:
            asked = await self._read(endpoint, scope, receive, share)
            try:
                content = await self._answer(endpoint, asked, receive)
            except BaseException:
                asked.share.release()
                raise
        vary = "Accept" if endpoint.streams else None
        return Answer(
            content, rate=self.settings.min_rate, vary=vary, share=asked.share if asked.share.held else None
        )

    async def send_lines(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer line by line while it is computed."""
        with Share(self.bodies, "request bodies") as share:
            asked = await self._read(endpoint, scope, receive, share)
            sender = LineSender(send, self.settings.min_rate, scope.get("root_path", ""))

            async def compute(take: Take) -> Content:
                return await run(asked._replace(take=take))

            run = self._run
            try:
                self._understand(endpoint, asked)
            except ExactWanted:
                run = self._run_exactly

            with asked.share:
                await stream(sender, receive, asked.share, compute)

    async def _answer(self, endpoint: Endpoint, asked: WorkItem, receive: Receive) -> Content:
        try:
            job = self._understand(endpoint, asked)
            if job is not None and job.work <= self.settings.inline_work:
                return represent(job.answer(), accepts_gzip=False)  # the middleware compresses it
            return await self._compute(self._run(asked), receive)
        except ExactWanted:
            return await self._compute(self._run_exactly(asked), receive)

    async def _read(self, endpoint: Endpoint, scope: Scope, receive: Receive, share: Share) -> WorkItem:
        coded = is_gzipped(scope["headers"])
        body = await receive_body(scope, receive, self.settings, share)
        accepted = accepts_gzip(header(scope, b"accept-encoding"))
        unsent = Share(self.answers, "answers that wait to be sent")
        client = prefix((scope.get("client") or ("",))[0])
        most = self.settings.max_body_bytes
        return WorkItem(endpoint.name, body, unsent, self.limits, most, coded, accepted, client)

    def _understand(self, endpoint: Endpoint, asked: WorkItem) -> Job | None:
        """Return the job of a question that is certainly tiny to plan; None for any other.

        A hop to another process would cost more than the work. Raises ExactWanted.
        """
        if asked.is_gzipped or len(asked.body) > self.settings.inline_bytes:
            return None
        return understand_tiny(endpoint, bytes(asked.body), self.limits, self.settings.inline_values)

    async def _compute(self, work: Coroutine[Any, Any, Content], receive: Receive) -> Content:
        try:
            return await run_while_connected(receive, work)
        except Disconnected:
            raise Problem("unreadable", "the connection closed before the answer") from None

    async def _run(self, asked: WorkItem) -> Content:
        """Return the answer that a worker computes, in exact numbers if the body asks for them."""
        try:
            async with self.floats.place(asked.client):
                return await self.floats.run(asked)
        except ExactWanted:
            return await self._run_exactly(asked)

    async def _run_exactly(self, asked: WorkItem) -> Content:
        if len(asked.body) > MAX_EXACT_BYTES:
            limit = f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
            raise Problem("too_large", limit)
        async with self.exact.place(asked.client):
            return await self.exact.run(asked._replace(most=MAX_EXACT_BYTES))


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
