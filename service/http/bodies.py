"""Receive the body of a request within bounds of type, size and time."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive, Scope

from service.http.problems import Problem
from service.settings import Settings

LOST = (
    "the server lost the body, because the request offers to switch to another protocol; send it without an"
    " `Upgrade` header (as `curl --http1.1` does), or serve with `workings serve` or `uvicorn --http h11`"
)

# Content types that a refusal may name; others are not repeated.
NAMED = {
    b"text/plain", b"text/html", b"text/json", b"text/csv", b"text/xml", b"application/xml",
    b"application/yaml", b"application/x-www-form-urlencoded", b"multipart/form-data",
    b"application/octet-stream", b"application/x-ndjson", b"application/jsonl", b"application/msgpack",
}  # fmt: skip


async def receive_body(
    scope: Scope, receive: Receive, settings: Settings, on_large: Callable[[], None]
) -> bytes:
    """Return the bytes of the body. Raises Problem if it is not JSON, too large, or too slow.

    on_large: called once, before more than a small body is taken into memory.
    """
    headers = dict(scope["headers"])
    _check_type(headers.get(b"content-type", b""))
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 20:
        raise Problem("too_large", "expected a Content-Length of at most 20 digits")
    _check_size(int(declared), settings)
    if large := int(declared) > settings.inline_bytes:
        on_large()
    try:
        async with asyncio.timeout(settings.body_timeout):
            body = await _collect(receive, settings, None if large else on_large)
    except TimeoutError:
        detail = f"the body did not arrive within {settings.body_timeout:g} seconds"
        raise Problem("timeout", detail, headers={"Connection": "close"}) from None
    if not body and b"upgrade" in headers and (int(declared) or b"transfer-encoding" in headers):
        raise Problem("unreadable", LOST, headers={"Connection": "close"})
    return body


async def _collect(receive: Receive, settings: Settings, on_large: Callable[[], None] | None) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Problem("unreadable", "the connection closed before the body was complete")
        body: bytes = message.get("body", b"")
        size += len(body)
        _check_size(size, settings)
        if on_large is not None and size > settings.inline_bytes:
            on_large()
            on_large = None
        chunks.append(body)
        if not message.get("more_body"):
            return b"".join(chunks)


class Replay:
    """Receives the messages of a request, and gives them again to a second reader.

    A dependency may read the body, to check a signature for example, before the question is read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: list[Message] = []

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen.append(message)
        return message

    def again(self) -> Receive:
        """Return a receiver that starts with the messages that were received before."""
        seen = iter(self._seen)

        async def receive() -> Message:
            return next(seen, None) or await self._receive()

        return receive


def _check_type(content_type: bytes) -> None:
    if content_type == b"application/json":
        return
    media = content_type.partition(b";")[0].strip().lower()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        came = f"a content type of {len(media)} characters" if media else "no content type"
        came = media.decode() if media in NAMED else came
        raise Problem("unsupported", f"expected content-type: application/json; received {came}")


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_body_bytes:
        raise Problem(
            "too_large",
            f"the body is larger than {settings.max_body_bytes} bytes; packed tensors are smaller",
            headers={"Connection": "close"},
        )
