"""Response classes: answers with an entity tag, and resources that clients may cache and revalidate."""

import gzip
import hashlib
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from fastapi import Request, Response
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from service.http.budgets import Share
from service.http.codings import accepts_gzip, weaken_etag
from service.http.connections import Disconnected, PatientSender
from service.telemetry.records import phase

JSON = "application/json"
COMPRESSED_BYTES = 4_096  # shorter bodies cost more time to compress than to send
COMPRESSION_LEVEL = 4  # of 9: a tenth larger than at 9, and several times as fast
NO_HEADERS: Mapping[str, str] = {}
PART = 2**16  # bytes sent at once; a client at the minimum rate reads them in seconds, not minutes
_JSON_HEADER = (b"content-type", JSON.encode())


def etag(body: bytes) -> str:
    """Return the entity tag of a body: a digest, so machines that round differently have different tags."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an answer, with their entity tag and content coding, if any."""

    body: bytes | bytearray
    tag: str
    coding: str | None = None


def represent(body: bytes, accepts_gzip: bool) -> Content:
    """Return the content of an answer, compressed if the client accepts gzip and the body is large."""
    tag = etag(body)
    if accepts_gzip and len(body) >= COMPRESSED_BYTES:
        with phase("writing"):
            return Content(gzip.compress(body, COMPRESSION_LEVEL, mtime=0), weaken_etag(tag), "gzip")
    return Content(body, tag)


class Answer(Response):
    """The response to a question: JSON with an entity tag.

    rate: bytes per second at which a client has to accept a large answer.
    media_type: that of the body.
    vary: request headers that the answer depends on.
    headers: further headers.
    share: share of the memory budget for answers, released when the answer has been sent.
    """

    media_type = JSON

    def __init__(
        self,
        content: Content,
        *,
        rate: int,
        media_type: str = JSON,
        vary: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        share: Share | None = None,
    ) -> None:
        # Without super().__init__, which costs more than hashing a small answer.
        self.status_code = 200
        self.body = content.body  # type: ignore[assignment]  # a large body is sent in parts, which are bytes
        self.background: BackgroundTask | None = None
        self._share, self._rate = share, rate
        if share is not None:
            weakref.finalize(self, share.release)  # in case another response is sent instead
        self.raw_headers = [
            _JSON_HEADER if media_type == JSON else (b"content-type", media_type.encode()),
            (b"content-length", str(len(content.body)).encode()),
            (b"etag", content.tag.encode()),
        ]
        if content.coding is not None:
            self.raw_headers.append((b"content-encoding", content.coding.encode()))
            vary = "Accept-Encoding" if vary is None else f"{vary}, Accept-Encoding"
        if vary is not None:
            self.raw_headers.append((b"vary", vary.encode()))
        self.raw_headers += [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        if len(self.body) > PART:
            send = PatientSender(send, self._rate)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            for part, is_last in _split(self.body):
                await send({"type": "http.response.body", "body": part, "more_body": not is_last})
        except Disconnected:  # the server closes the connection
            return
        finally:
            if self._share is not None:
                self._share.release()
        if self.background is not None:  # set by FastAPI, from a dependency
            await self.background()


def _split(body: bytes | bytearray | memoryview) -> Iterator[tuple[bytes, bool]]:
    """Yield the parts of a body, each with whether it is the last.

    `send` blocks while a client does not read, so each connection buffers at most one part.
    """
    if len(body) <= PART and isinstance(body, bytes):
        yield body, True
        return
    view = memoryview(body)
    for start in range(0, len(view), PART):
        yield bytes(view[start : start + PART]), start + PART >= len(view)


class Representation:
    """A resource with a constant body, served by GET and HEAD and revalidated by its entity tag."""

    def __init__(self, body: bytes, media_type: str = JSON, cache_control: str = "no-cache") -> None:
        self.body = body
        self.media_type = media_type
        self.tag = etag(body)
        self.cache_control = cache_control

    @cached_property
    def compressed(self) -> bytes:
        """The gzipped body, compressed once."""
        return gzip.compress(self.body, mtime=0)

    def respond(self, request: Request) -> Response:
        """Return the resource, or 304 if the client already has it (RFC 9110, section 13.1.2)."""
        accepted = request.headers.get("accept-encoding", "").encode("latin-1")
        coded = len(self.body) >= COMPRESSED_BYTES and accepts_gzip(accepted)
        headers = {
            "ETag": weaken_etag(self.tag) if coded else self.tag,
            "Cache-Control": self.cache_control,
            "Vary": "Accept-Encoding",
        }
        if _matches(request.headers.get("if-none-match", ""), self.tag):
            return Response(status_code=304, headers=headers)
        if not coded:
            return Resource(self.body, headers=headers, media_type=self.media_type)
        headers["Content-Encoding"] = "gzip"
        return Resource(self.compressed, headers=headers, media_type=self.media_type)


class Resource(Response):
    """A response that sends no body for HEAD, on any server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self.body = b""
        await super().__call__(scope, receive, send)


def _matches(if_none_match: str, tag: str) -> bool:
    """Return whether If-None-Match lists the tag, by weak comparison (RFC 9110, section 8.8.3.2)."""
    tags = [entry.strip().removeprefix("W/") for entry in if_none_match.split(",")]
    return tag in tags or "*" in tags
