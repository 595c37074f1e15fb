"""Receiving a request's body within bounds of type, size and time."""

import asyncio
import zlib
from collections.abc import Callable

from starlette.types import Receive, Scope

from service.http.problems import Problem
from service.settings import Settings

GZIP = (b"gzip", b"x-gzip", b"GZIP")
GZIP_WINDOW = 16 + zlib.MAX_WBITS
LOST = (
    "the server lost the body, because the request offers to switch to another protocol; send it without an"
    " `Upgrade` header (as `curl --http1.1` does), or start the service with `workings serve`"
)


async def receive_body(
    scope: Scope, receive: Receive, settings: Settings, on_large: Callable[[], None]
) -> bytes:
    """The body's bytes. Raises Problem where it is no JSON, too large, or too slow.

    on_large is called once, before more than a small body is taken into memory.
    """
    headers = dict(scope["headers"])
    _check_type(headers.get(b"content-type", b""))
    _check_coding(headers.get(b"content-encoding", b""))
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > 20:
        raise Problem("too_large", "the declared length of the body is no length that can be taken")
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


def is_compressed(scope: Scope) -> bool:
    """Whether a request's body has to be decompressed. `receive_body` has refused other codings than gzip."""
    return any(name == b"content-encoding" and value in GZIP for name, value in scope["headers"])


def decompress(body: bytes, most: int) -> bytes:
    """Return the content of a gzipped body of at most so many bytes. Raises Problem."""
    decoder = zlib.decompressobj(wbits=GZIP_WINDOW)
    try:
        content = decoder.decompress(body, most + 1)
    except zlib.error:
        raise Problem("unreadable", "the body is sent as gzip and is not gzip") from None
    if len(content) > most:
        raise Problem("too_large", f"the body holds more than {most} bytes when it is decompressed")
    if not decoder.eof:
        raise Problem("unreadable", "the gzipped body is broken off")
    if decoder.unused_data:
        raise Problem("unreadable", "the gzipped body goes on behind its end")
    return content


def _check_coding(coding: bytes) -> None:
    if coding and coding not in GZIP and coding.lower() != b"identity":
        raise Problem(
            "unsupported",
            "expected content-encoding: gzip, or none; received another coding",
            headers={"Accept-Encoding": "gzip"},
        )


def _check_type(content_type: bytes) -> None:
    if content_type == b"application/json":
        return
    media = content_type.partition(b";")[0].strip().lower()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        came = "another content type" if media else "no content type"
        raise Problem("unsupported", f"expected content-type: application/json; received {came}")


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_body_bytes:
        raise Problem(
            "too_large",
            f"the body is larger than {settings.max_body_bytes} bytes; packed tensors are smaller",
            headers={"Connection": "close"},
        )
