"""What is answered at which path."""

import hashlib
from contextlib import ExitStack
from typing import Any

import orjson
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from compute.arithmetic import kinds
from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from service.bodies import receive_body
from service.catalogue import describe_all, describe_operation
from service.exact.pool import ExactPool
from service.posts import POSTS, Job, Post
from service.problems import Problem, from_question
from service.reader import read
from service.settings import Settings
from service.work import Workshop

JSON = [(b"content-type", b"application/json")]
EXACT = b'"exact"'
MAX_EXACT_BYTES = 2**20


def add_routes(app: FastAPI, settings: Settings, workshop: Workshop, exact: ExactPool) -> None:
    """Everything there is to ask, and health."""
    app.add_middleware(Posting, settings=settings, workshop=workshop, exact=exact)
    _add_health(app, workshop, exact)
    _add_catalogue(app)


class Posting:
    """POST /v1/{name}, answered before the router is asked: a look into a table, however many there are.

    What FastAPI could read, check or convert here is done in `service.questions`.
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
                answer = await self._answer(post, scope, receive, held)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except QuestionErrors as error:
            await from_question(error).response()(scope, receive, send)
        else:
            length = str(len(answer)).encode()
            headers = [*JSON, (b"content-length", length), (b"etag", etag(answer).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    async def _answer(self, post: Post, scope: Scope, receive: Receive, held: ExitStack) -> bytes:
        def hold_place() -> None:
            held.enter_context(self.workshop.place())

        def understand() -> Job:
            return post.understand(read(body), self.limits)

        body = await receive_body(scope, receive, self.settings, hold_place)
        if EXACT in body and await self._is_exact(body):
            held.close()  # its place is in another queue
            with self.exact.place():
                return await self.exact.run(post.name, body)
        if len(body) > self.settings.inline_bytes:
            return await self.workshop.run(lambda: understand().answer())
        # What is tiny is done where it stands: the hop to a thread would cost more than the work.
        job = understand()
        if job.work <= self.settings.inline_work:
            return job.answer()
        hold_place()
        return await self.workshop.run(job.answer)

    async def _is_exact(self, body: bytes) -> bool:
        """Whether a question asks for exact arithmetic. Raises Problem where it is too large for it."""
        large = len(body) > self.settings.inline_bytes
        document = await self.workshop.run(lambda: read(body)) if large else read(body)
        if document.get("arithmetic") != kinds.EXACT:
            return False
        if len(body) > MAX_EXACT_BYTES:
            raise Problem(
                "too_large", f"a body that asks for exact numbers has at most {MAX_EXACT_BYTES} bytes"
            )
        return True


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
