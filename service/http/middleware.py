"""Middleware: request ids, CORS and compression, from outermost to innermost.

Every request passes here, so a header is looked for once in the list that the server made, and nothing is
wrapped for clients that did not ask for it.
"""

import re
from contextvars import ContextVar
from random import Random

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.representations import COMPRESSED_BYTES

REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(rb"[\w.~:/+=@-]{1,128}", re.ASCII)
COMPRESSION_LEVEL = 4  # of 9: a tenth larger than at 9, and several times as fast

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def add_middleware(app: FastAPI, cors_origins: list[str]) -> None:
    """Add the middleware that every request passes. The last one added is the outermost."""
    app.add_middleware(Compression, minimum_size=COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=["ETag", "Retry-After", REQUEST_ID],
        )
    app.add_middleware(RequestIds)


class RequestIds:
    """Take the id of each request from its X-Request-ID header, or make one, and return it with the answer.

    An id that is longer than 128 characters, or has others than letters, digits and .~:/+=@_-, is replaced,
    since ids stand in headers and logs. `current_request_id` holds it while the request is answered.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._random = Random()  # noqa: S311 - ids are unique, and no secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _header(scope, b"x-request-id")
        if SAFE_ID.fullmatch(request_id) is None:
            request_id = b"%032x" % self._random.getrandbits(128)
        current_request_id.set(request_id.decode("ascii"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        await self.app(scope, receive, send_with_id)


class Compression(GZipMiddleware):
    """Compress bodies with gzip for clients that accept it, and weaken their entity tags.

    A strong tag promises the same bytes, which another coding does not have (RFC 9110, section 8.8.3.3).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"gzip" not in _header(scope, b"accept-encoding"):
            await self.app(scope, receive, send)
            return

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                tag = headers.get("etag", "")
                if tag.startswith('"') and "content-encoding" in headers:
                    headers["etag"] = f"W/{tag}"
            await send(message)

        await super().__call__(scope, receive, send_weakened)


def _header(scope: Scope, wanted: bytes) -> bytes:
    """Return the value of a request header; empty if it was not sent."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return b""
