"""Middleware, from outermost to innermost: CORS, request ids and records, the guard, requests per client,
compression.

All requests pass through it, so it searches the server's list of headers directly and wraps `send` only for
clients that need it.
"""

import logging
import re
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter_ns
from typing import TypeAlias

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.defects import shorten_messages
from service.http import refusals
from service.http.codings import accepts_gzip, weaken_etag
from service.http.problems import INTERNAL, Problem
from service.http.representations import COMPRESSED_BYTES, COMPRESSION_LEVEL
from service.http.watch import STATE, Watch
from service.telemetry.records import Record, current_record, note_reason

LOGGER = logging.getLogger("workings")
REQUEST_ID = "X-Request-ID"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
PROTECTION = (  # of browsers, on every response; pages have a Content-Security-Policy of their own
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
SAFE_ID = re.compile(rb"[\w.~:/+=@-]{1,128}", re.ASCII)

Listener: TypeAlias = Callable[[Record], None]


def add_middleware(
    app: FastAPI,
    cors_origins: list[str],
    listeners: Sequence[Listener] = (),
    guard: Callable[[ASGIApp], ASGIApp] | None = None,
) -> None:
    """Add the middleware to an application. The last one added is the outermost.

    listeners: called with the record of each request when it ends.
    guard: makes the middleware that lets requests in.
    """
    app.add_middleware(Compression, minimum_size=COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL)
    app.add_middleware(ClientRequests)
    if guard is not None:
        app.add_middleware(guard)
    app.add_middleware(Requests, listeners=listeners)
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=["ETag", "Retry-After", "WWW-Authenticate", REQUEST_ID],
        )


class Requests:
    """Gives each request an id and a record, and passes the record on when the request ends.

    The id is that of its X-Request-ID header, or a new one; the response has it. An id longer than 128
    characters, or with characters other than letters, digits and .~:/+=@_-, is replaced, because ids are
    written to headers and logs. The application finds it in `request.state.request_id`, and the record in
    `request.state.record`. A defect is logged with the id and answered as a problem.

    listeners: called with each record.
    """

    def __init__(self, app: ASGIApp, listeners: Sequence[Listener] = ()) -> None:
        self.app = app
        self._listeners = listeners
        self._random = Random()  # noqa: S311 - ids are unique, not secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = get_header(scope, b"x-request-id")
        if SAFE_ID.fullmatch(request_id) is None:
            request_id = b"%032x" % self._random.getrandbits(128)
        text, method = request_id.decode("ascii"), scope["method"]
        record = Record(method if method in METHODS else "OTHER", text)
        current_record.set(record)
        state = scope.setdefault("state", {})
        state["record"], state["request_id"] = record, text

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id), *PROTECTION]
            else:
                record.sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            # Respond here, so that CORS headers are added, and raise for the log.
            shorten_messages(error)
            LOGGER.error("Request %s failed; the traceback follows.", text)
            record.reason = "internal"
            if not record.status:
                problem = Problem("internal", INTERNAL).response(scope.get("root_path", ""))
                await problem(scope, receive, send_with_id)
            raise
        finally:
            record.ended = perf_counter_ns()
            record.route = getattr(scope.get("route"), "path", "")
            for listener in self._listeners:
                listener(record)


class ClientRequests:
    """Limits the concurrent requests of each client behind a trusted proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch: Watch | None = scope.get("state", {}).get(STATE)
        if watch is None or not watch.counts_requests or not scope.get("client"):
            await self.app(scope, receive, send)
            return
        with watch.request(scope["client"][0]) as has_room:
            if has_room:
                await self.app(scope, receive, send)
                return
            problem = refusals.too_many_requests()
            note_reason(problem.kind)
            await problem.response(scope.get("root_path", ""))(scope, receive, send)


class Compression(GZipMiddleware):
    """Compresses bodies with gzip for clients that accept it, and makes their entity tags weak."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not accepts_gzip(get_header(scope, b"accept-encoding")):
            await self.app(scope, receive, send)
            return

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "etag" in headers and "content-encoding" in headers:
                    headers["etag"] = weaken_etag(headers["etag"])
            await send(message)

        await super().__call__(scope, receive, send_weakened)


def get_header(scope: Scope, name: bytes) -> bytes:
    """Return the value of a request header, by its name in lower case; empty if it was not sent."""
    for sent_name, value in scope["headers"]:
        if sent_name == name:
            header_value: bytes = value
            return header_value
    return b""
