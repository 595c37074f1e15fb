"""Response classes: answers with an entity tag, and resources that clients may keep and revalidate."""

import gzip
import hashlib
from functools import cached_property

from fastapi import Request, Response
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from service.http.codings import accepts_gzip, weakened

JSON = "application/json"
COMPRESSED_BYTES = 4_096  # shorter bodies cost more time to compress than to send
_JSON_HEADER = (b"content-type", JSON.encode())


def etag(body: bytes) -> str:
    """Return the entity tag of a body: its digest, which is right even where machines round differently."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


class Answer(Response):
    """The response to a question: JSON with its entity tag."""

    media_type = JSON

    def __init__(self, body: bytes, *, vary: str | None = None) -> None:
        # The general constructor costs more than hashing a small answer.
        self.status_code, self.body = 200, body
        self.background: BackgroundTask | None = None
        self.raw_headers = [
            _JSON_HEADER,
            (b"content-length", str(len(body)).encode()),
            (b"etag", etag(body).encode()),
        ]
        if vary is not None:
            self.raw_headers.append((b"vary", vary.encode()))

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})
        if self.background is not None:  # set by FastAPI, from a dependency
            await self.background()


class Representation:
    """A resource with a body that stays the same: served by GET and HEAD, revalidated by its entity tag."""

    def __init__(self, body: bytes, media_type: str = JSON, cache_control: str = "no-cache") -> None:
        self.body = body
        self.media_type = media_type
        self.tag = etag(body)
        self.cache_control = cache_control

    @cached_property
    def compressed(self) -> bytes:
        """The body in gzip, made once for all who accept it."""
        return gzip.compress(self.body, mtime=0)

    def respond(self, request: Request) -> Response:
        """Return the resource, or 304 where the client has it already (RFC 9110, section 13.1.2)."""
        accepted = request.headers.get("accept-encoding", "").encode("latin-1")
        coded = len(self.body) >= COMPRESSED_BYTES and accepts_gzip(accepted)
        headers = {
            "ETag": weakened(self.tag) if coded else self.tag,
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
    """A response that leaves its body out for HEAD, whatever the server does."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self.body = b""
        await super().__call__(scope, receive, send)


def _matches(if_none_match: str, tag: str) -> bool:
    """Whether a condition names this entity tag, by weak comparison (RFC 9110, section 8.8.3.2)."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in named or "*" in named
