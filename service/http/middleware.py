"""Middleware: CORS, request ids and compression, from outermost to innermost.

Every request passes here, so a header is looked for once in the list that the server made, and nothing is
wrapped for clients that did not ask for it.
"""

import logging
import re
from contextvars import ContextVar
from random import Random

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.defects import shorten_messages
from service.http import refusals
from service.http.codings import accepts_gzip, weakened
from service.http.problems import INTERNAL, Problem
from service.http.representations import COMPRESSED_BYTES, COMPRESSION_LEVEL
from service.http.watch import STATE, Watch

LOGGER = logging.getLogger("workings")
REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(rb"[\w.~:/+=@-]{1,128}", re.ASCII)

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def add_middleware(app: FastAPI, cors_origins: list[str]) -> None:
    """Add the middleware that every request passes. The last one added is the outermost."""
    app.add_middleware(Compression, minimum_size=COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL)
    app.add_middleware(ClientRequests)
    app.add_middleware(RequestIds)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=["ETag", "Retry-After", REQUEST_ID],
        )


class RequestIds:
    """Takes the id of each request from its X-Request-ID header, or makes one, and returns it.

    An id that is longer than 128 characters, or has others than letters, digits and .~:/+=@_-, is replaced,
    since ids stand in headers and logs. While the request is answered the id is in `current_request_id` and
    in `request.state.request_id`. A defect is logged under the id and answered as a problem.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._random = Random()  # noqa: S311 - ids are unique, and no secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = header(scope, b"x-request-id")
        if SAFE_ID.fullmatch(request_id) is None:
            request_id = b"%032x" % self._random.getrandbits(128)
        text = request_id.decode("ascii")
        current_request_id.set(text)
        scope.setdefault("state", {})["request_id"] = text
        is_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except (
            Exception
        ) as error:  # answered here, where CORS headers are still added, and raised for the log
            shorten_messages(error)
            LOGGER.error("Request %s failed; the traceback follows.", text)
            if not is_started:
                problem = Problem("internal", INTERNAL).response(scope.get("root_path", ""))
                await problem(scope, receive, send_with_id)
            raise


class ClientRequests:
    """Bounds the requests of one client behind a trusted proxy, as the server bounds connections."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch: Watch | None = scope.get("state", {}).get(STATE)
        if watch is None or not watch.counts_requests or not scope.get("client"):
            await self.app(scope, receive, send)
            return
        with watch.request(scope["client"][0]) as has_room:
            app = self.app if has_room else refusals.crowded().response(scope.get("root_path", ""))
            await app(scope, receive, send)


class Compression(GZipMiddleware):
    """Compresses bodies with gzip for clients that accept it, and weakens their entity tags."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not accepts_gzip(header(scope, b"accept-encoding")):
            await self.app(scope, receive, send)
            return

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "etag" in headers and "content-encoding" in headers:
                    headers["etag"] = weakened(headers["etag"])
            await send(message)

        await super().__call__(scope, receive, send_weakened)


def header(scope: Scope, wanted: bytes) -> bytes:
    """Return the value of a request header; empty if it was not sent."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return b""
