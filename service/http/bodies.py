"""Receive the body of a request, within limits of size and time."""

import asyncio

from starlette.types import Message, Receive, Scope

from service.http.budgets import Share
from service.http.problems import Problem
from service.settings import Settings

LOST = (
    "the server lost the body, because the request offers to switch to another protocol; send it without an"
    " `Upgrade` header (as `curl --http1.1` does), or serve with `workings serve` or `uvicorn --http h11`"
)

WINDOW = 5  # seconds over which the rate of a body is measured

# Content types that an error may name; other text is not repeated.
NAMED = {
    b"text/plain", b"text/html", b"text/json", b"text/csv", b"text/xml", b"application/xml",
    b"application/yaml", b"application/x-www-form-urlencoded", b"multipart/form-data",
    b"application/octet-stream", b"application/x-ndjson", b"application/jsonl", b"application/msgpack",
}  # fmt: skip


async def receive_body(scope: Scope, receive: Receive, settings: Settings, share: Share) -> bytes | bytearray:
    """Return the bytes of the body. Raises Problem if it is not sent as JSON, too large, or too slow.

    share: share of the memory budget for bodies; small bodies do not count.
    """
    headers = dict(scope["headers"])
    _check_type(headers.get(b"content-type", b""))
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 20:
        raise Problem("too_large", "expected a Content-Length of at most 20 digits")
    _check_size(int(declared), settings)
    try:
        async with asyncio.timeout(min(WINDOW, settings.body_timeout)) as patience:
            body = await _collect(receive, settings, share, patience)
    except TimeoutError:
        detail = (
            f"the body did not arrive within {settings.body_timeout:g} seconds, at {settings.min_rate} bytes"
            " a second or faster"
        )
        raise Problem("timeout", detail, headers={"Connection": "close"}) from None
    if not body and b"upgrade" in headers and (int(declared) or b"transfer-encoding" in headers):
        raise Problem("unreadable", LOST, headers={"Connection": "close"})
    return body


async def _collect(
    receive: Receive, settings: Settings, share: Share, patience: asyncio.Timeout
) -> bytes | bytearray:
    """Return the body. patience: a timeout, extended whenever enough of the body has arrived."""
    now = asyncio.get_running_loop().time
    until = now() + settings.body_timeout
    body: bytes | bytearray = b""
    enough = settings.min_rate * WINDOW
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem("unreadable", "the connection closed before the body was complete")
        part: bytes = message.get("body", b"")
        size = len(body) + len(part)
        _check_size(size, settings)
        if size > settings.inline_bytes:
            share.grow(size - share.held)
        if not message.get("more_body") and not body:
            return part
        body = bytearray(body) if isinstance(body, bytes) else body
        body += part
        if not message.get("more_body"):
            return body if size > settings.inline_bytes else bytes(body)
        if size >= enough:
            patience.reschedule(min(until, now() + WINDOW))
            enough = size + settings.min_rate * WINDOW


class Replay:
    """Receives the messages of a request and can replay them to a second reader.

    A dependency may read the body before the endpoint does, to check a signature for example.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: list[Message] = []

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen.append(message)
        return message

    def again(self) -> Receive:
        """Return a `receive` that starts with the messages received so far."""
        seen = iter(self._seen)

        async def receive() -> Message:
            return next(seen, None) or await self._receive()

        return receive


def media_type(content_type: bytes) -> bytes:
    """Return the media type of a Content-Type header, in lower case and without parameters."""
    return content_type.partition(b";")[0].strip().lower()


def _check_type(content_type: bytes) -> None:
    if content_type == b"application/json":
        return
    media = media_type(content_type)
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        received = f"a content type of {len(media)} characters" if media else "no content type"
        received = media.decode() if media in NAMED else received
        raise Problem("unsupported", f"expected content-type: application/json; received {received}")


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_body_bytes:
        raise Problem(
            "too_large",
            f"the body is larger than {settings.max_body_bytes} bytes; packed tensors are smaller",
            headers={"Connection": "close"},
        )
