"""What responses carry: answers with their digest, and resources that clients may keep and ask for again."""

import hashlib

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

JSON = "application/json"
_JSON_HEADER = (b"content-type", JSON.encode())


def etag(body: bytes) -> str:
    """Return the entity tag of a body: its digest, since answers are reproducible to the byte."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


class Answer(Response):
    """The response to a question: JSON with its entity tag."""

    media_type = JSON

    def __init__(self, body: bytes, *, vary: str | None = None) -> None:
        # The general constructor costs more than hashing a small answer.
        self.status_code, self.background, self.body = 200, None, body
        self.raw_headers = [
            _JSON_HEADER,
            (b"content-length", str(len(body)).encode()),
            (b"etag", etag(body).encode()),
        ]
        if vary is not None:
            self.raw_headers.append((b"vary", vary.encode()))


class Representation:
    """A resource with a body that stays the same: served by GET and HEAD, revalidated by its entity tag."""

    def __init__(self, body: bytes, media_type: str = JSON, cache_control: str = "no-cache") -> None:
        self.body = body
        self.media_type = media_type
        self.headers = {"ETag": etag(body), "Cache-Control": cache_control}

    def respond(self, request: Request) -> Response:
        """Return the resource, or 304 where the client has it already (RFC 9110, section 13.1.2)."""
        if _matches(request.headers.get("if-none-match", ""), self.headers["ETag"]):
            return Response(status_code=304, headers=self.headers)
        return Resource(self.body, headers=self.headers, media_type=self.media_type)


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
