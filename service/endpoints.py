"""What is answered at which path."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import orjson
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from service.catalogue import describe_all, describe_operation
from service.exact.pool import ExactPool
from service.http.bodies import receive_body
from service.http.connections import Disconnected, run_while_connected
from service.http.problems import Problem, from_question
from service.http.reader import read
from service.http.streams import LineSender, is_wanted, sent, stream
from service.http.work import Workshop
from service.posts import POSTS, Job, Post
from service.questions.operations import ExactWanted
from service.settings import Settings

JSON = [(b"content-type", b"application/json")]
MAX_EXACT_BYTES = 2**20


def add_routes(app: FastAPI, settings: Settings, workshop: Workshop, exact: ExactPool) -> None:
    """Everything there is to ask, and health."""
    app.add_middleware(Posting, settings=settings, workshop=workshop, exact=exact)
    _add_health(app, workshop, exact)
    _add_catalogue(app)


class Posting:
    """POST /v1/{name}, answered before the router is asked: a look into a table, however many there are.

    What FastAPI could read, check or convert here is done in `service.questions.operations`.
    """

    def __init__(self, app: ASGIApp, settings: Settings, workshop: Workshop, exact: ExactPool) -> None:
        self.app = app
        self.exact = exact
        self.settings = settings
        self.limits = settings.limits
        self.workshop = workshop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        post = None
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            post = POSTS.get(path.removeprefix("/v1/"))
        if post is None:
            await self.app(scope, receive, send)
            return
        try:
            if scope["method"] != "POST":
                detail = "questions are sent by POST"
                raise Problem("method_not_allowed", detail, headers={"Allow": "POST"})
            with ExitStack() as held:
                if post.streams and is_wanted(scope):
                    await self._stream(post, scope, receive, send, held)
                    return
                answer = await self._answer(post, scope, receive, held)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except QuestionErrors as error:
            await from_question(error).response()(scope, receive, send)
        else:
            length = str(len(answer)).encode()
            headers = [*JSON, (b"content-length", length), (b"etag", etag(answer).encode())]
            if post.streams:
                headers.append((b"vary", b"accept"))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    async def _answer(self, post: Post, scope: Scope, receive: Receive, held: ExitStack) -> bytes:
        def hold_place() -> None:
            held.enter_context(self.workshop.place())

        def understand() -> Job:
            return post.understand(read(body), self.limits)

        body = await receive_body(scope, receive, self.settings, hold_place)
        try:
            return await self._answer_here(understand, body, hold_place)
        except ExactWanted:
            held.close()  # its place is in another queue
            return await self._answer_exactly(post, body, receive)

    async def _stream(self, post: Post, scope: Scope, receive: Receive, send: Send, held: ExitStack) -> None:
        """The answer line by line, from a thread or from a worker process."""

        def hold_place() -> None:
            held.enter_context(self.workshop.place())

        def lines(abandoned: Callable[[], bool]) -> Iterator[bytes]:
            job: Any = post.understand(read(body), self.limits)
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
                await sent(sender, receive, self.exact.run(post.name, body, sender.send))

    async def _answer_here(
        self, understand: Callable[[], Job], body: bytes, hold_place: Callable[[], None]
    ) -> bytes:
        if len(body) > self.settings.inline_bytes:
            return await self.workshop.run(lambda: understand().answer())
        # What is tiny is done where it stands: the hop to a thread would cost more than the work.
        job = understand()
        if job.work <= self.settings.inline_work:
            return job.answer()
        hold_place()
        return await self.workshop.run(job.answer)

    async def _answer_exactly(self, post: Post, body: bytes, receive: Receive) -> bytes:
        """The answer of a worker process, which is stopped where the client goes away."""
        _check_exact(body)
        with self.exact.place():
            try:
                return await run_while_connected(receive, self.exact.run(post.name, body))
            except Disconnected:
                raise Problem("unreadable", "the connection closed before the answer") from None


def _check_exact(body: bytes) -> None:
    if len(body) > MAX_EXACT_BYTES:
        limit = f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
        raise Problem("too_large", limit)


def _add_catalogue(app: FastAPI) -> None:
    listing = orjson.dumps(describe_all())
    entries = {name: orjson.dumps(describe_operation(name)) for name in CATALOGUE}

    async def list_operations() -> Response:
        return _json(listing)

    async def get_operation(name: str) -> Response:
        if name not in entries:
            raise Problem("not_found", "the operations are: " + ", ".join(CATALOGUE))
        return _json(entries[name])

    for path, endpoint, schema, summary in (
        ("/v1/operations", list_operations, "Operations", "All operations"),
        (
            "/v1/operations/{name}",
            get_operation,
            "OperationDescription",
            "One operation: inputs, settings, values",
        ),
    ):
        app.add_api_route(
            path,
            endpoint,
            operation_id=endpoint.__name__,
            summary=summary,
            tags=["catalogue"],
            openapi_extra={"x-response": schema},
        )


def _add_health(app: FastAPI, workshop: Workshop, exact: ExactPool) -> None:
    async def live() -> Response:
        return _plain({"status": "live"})

    async def ready() -> Response:
        threads, processes = (
            {"occupied": places.occupied, "capacity": places.capacity} for places in (workshop, exact)
        )
        return _plain({"status": "ready", **threads, "exact": {**processes, "workers": len(exact.workers)}})

    for path, endpoint, summary in (
        ("/health/live", live, "Whether the service runs"),
        ("/health/ready", ready, "Whether the service takes requests, and how full it is"),
    ):
        app.add_api_route(
            path,
            endpoint,
            operation_id=endpoint.__name__,
            summary=summary,
            tags=["health"],
            openapi_extra={"x-response": "Health"},
        )


def _json(body: bytes) -> Response:
    return Response(body, headers={"ETag": etag(body)}, media_type="application/json")


def etag(body: bytes) -> str:
    """A digest of an answer, which is reproducible to the byte."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _plain(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
