"""Answer requests: read the body, plan the question, compute it here or in a worker, and respond."""

from collections.abc import Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from service.asking import understand_tiny
from service.endpoints import Endpoint
from service.grading.batches.outputs import Output
from service.grading.batches.transport import GradedLines, check_type
from service.http.bodies import receive_body
from service.http.budgets import Budget, Share
from service.http.codings import accepts_gzip, is_gzipped
from service.http.connections import Disconnected, run_while_connected
from service.http.middleware import get_header
from service.http.problems import Problem
from service.http.representations import Answer, Content, represent
from service.http.streams import LineCallback, LineSender, prefers_lines, stream
from service.http.watch import client_key
from service.jobs import Job, answer
from service.questions.operations import ExactWanted
from service.settings import Settings
from service.telemetry.records import add_received_bytes, part_of_request, phase
from service.workers.choice import Workers
from service.workers.requests import WorkItem

MAX_EXACT_BYTES = 2**20


class Answerer:
    """Answers tiny questions on the event loop and all others in worker processes.

    settings: limits and sizes of the deployment.
    floats, exact: the workers for floating-point and for exact arithmetic.
    bodies, answers: budgets of bytes for request bodies and for unsent answers.
    """

    def __init__(self, settings: Settings, floats: Workers, exact: Workers) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.floats, self.exact = floats, exact
        self.bodies, self.answers = Budget(settings.held_bytes), Budget(settings.held_bytes)

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """Return the response to a question. Raises Problem or QuestionErrors if it cannot be answered."""
        if endpoint.streams and prefers_lines(request.scope):
            return _Lines(self, endpoint, request.receive)
        scope, receive = request.scope, request.receive
        with Share(self.bodies, "request bodies") as share:
            item = await self._read(endpoint, scope, receive, share)
            try:
                content = await self._answer(endpoint, item, receive)
            except BaseException:
                item.share.release()
                raise
        return Answer(
            content,
            rate=self.settings.min_rate,
            media_type=endpoint.media_type,
            vary="Accept" if endpoint.has_variants else None,
            headers=endpoint.headers,
            share=item.share if item.share.held else None,
        )

    def respond_in_lines(self, request: Request, output: Output, *, grades: bool) -> Response:
        """Return the response to a batch of lines to grade, or of graded lines to summarize.

        output: the form of the response.
        """
        check_type(request.scope)
        client = client_key((request.scope.get("client") or ("",))[0])

        async def grade(body: bytes) -> bytes:
            with part_of_request(), Share(self.answers, "answers that wait to be sent") as share:
                limit = self.settings.max_body_bytes
                item = WorkItem("grade", body, share, self.limits, limit, False, False, client)
                return bytes((await self._run(item)).body)

        in_flight = max(1, self.settings.workers)  # others get their turn between any two lines
        settings = self.settings
        return GradedLines(
            request.receive,
            grade if grades else None,
            in_flight,
            settings.min_rate,
            settings.body_timeout,
            output,
        )

    async def send_lines(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Compute the answer and send each line as soon as it is ready."""
        with Share(self.bodies, "request bodies") as share:
            item = await self._read(endpoint, scope, receive, share)
            sender = LineSender(send, self.settings.min_rate, scope.get("root_path", ""))

            async def compute(on_line: LineCallback) -> Content:
                return await run(item._replace(on_line=on_line))

            run = self._run
            try:
                self._understand(endpoint, item)
            except ExactWanted:
                run = self._run_exactly

            with item.share:
                await stream(sender, receive, item.share, compute)

    async def _answer(self, endpoint: Endpoint, item: WorkItem, receive: Receive) -> Content:
        try:
            job = self._understand(endpoint, item)
            if job is not None and job.work <= self.settings.inline_work:
                return represent(answer(job), accepts_gzip=False)  # the middleware compresses it
            return await self._compute(self._run(item), receive)
        except ExactWanted:
            return await self._compute(self._run_exactly(item), receive)

    async def _read(self, endpoint: Endpoint, scope: Scope, receive: Receive, share: Share) -> WorkItem:
        gzipped = is_gzipped(scope["headers"])  # refuse other codings before the body is read
        with phase("reading"):
            body = await receive_body(scope, receive, self.settings, share)
        add_received_bytes(len(body))
        return WorkItem(
            name=endpoint.name,
            body=body,
            share=Share(self.answers, "answers that wait to be sent"),
            limits=self.limits,
            max_bytes=self.settings.max_body_bytes,
            is_gzipped=gzipped,
            accepts_gzip=accepts_gzip(get_header(scope, b"accept-encoding")),
            client=client_key((scope.get("client") or ("",))[0]),
        )

    def _understand(self, endpoint: Endpoint, item: WorkItem) -> Job | None:
        """Return the job if the question is small enough to be planned on the event loop; otherwise None.

        Sending such a question to another process would cost more than the work. Raises ExactWanted.
        """
        if item.is_gzipped or len(item.body) > self.settings.inline_bytes:
            return None
        return understand_tiny(endpoint, bytes(item.body), self.limits, self.settings.inline_values)

    async def _compute(self, work: Coroutine[Any, Any, Content], receive: Receive) -> Content:
        try:
            return await run_while_connected(receive, work)
        except Disconnected:
            raise Problem("unreadable", "the connection closed before the answer") from None

    async def _run(self, item: WorkItem) -> Content:
        """Return a worker's answer, from an exact worker if the body asks for exact arithmetic."""
        try:
            async with self.floats.hold_place(item.client):
                return await self.floats.run(item)
        except ExactWanted:
            return await self._run_exactly(item)

    async def _run_exactly(self, item: WorkItem) -> Content:
        if len(item.body) > MAX_EXACT_BYTES:
            limit = f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
            raise Problem("too_large", limit)
        async with self.exact.hold_place(item.client):
            return await self.exact.run(item._replace(max_bytes=MAX_EXACT_BYTES))


class _Lines(Response):
    """A response that is computed while it is sent. Errors before the first line are raised."""

    media_type = "application/x-ndjson"

    def __init__(self, answerer: Answerer, endpoint: Endpoint, receive: Receive) -> None:
        super().__init__()
        self._answerer, self._endpoint, self._receive = answerer, endpoint, receive

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        await self._answerer.send_lines(self._endpoint, scope, self._receive, send)
        if self.background is not None:  # set by FastAPI, from a dependency
            await self.background()
