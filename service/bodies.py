"""Receiving a request's body within bounds of type, size and time."""

import asyncio
from collections.abc import Callable

from fastapi import Request

from service.problems import Problem
from service.settings import Settings


async def receive(request: Request, settings: Settings, on_large: Callable[[], None]) -> bytes:
    """The body's bytes. Raises Problem where it is no JSON, too large, or too slow.

    on_large is called once, before more than a small body is taken into memory.
    """
    _check_type(request)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and len(declared) < 20:
        _check_size(int(declared), settings)
        large = int(declared) > settings.inline_bytes
    else:
        raise Problem("too_large", "the declared length of the body is no length that can be taken")
    if large:
        on_large()
    try:
        async with asyncio.timeout(settings.body_timeout):
            return await _collect(request, settings, None if large else on_large)
    except TimeoutError:
        detail = f"the body did not arrive within {settings.body_timeout:g} seconds"
        raise Problem("timeout", detail, headers={"Connection": "close"}) from None


async def _collect(request: Request, settings: Settings, on_large: Callable[[], None] | None) -> bytes:
    """The body's parts put together. One message is the rule, and made quick."""
    body = b""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise Problem("unreadable", "the connection closed before the body was complete")
        body = message.get("body", b"")
        size += len(body)
        _check_size(size, settings)
        if on_large is not None and size > settings.inline_bytes:
            on_large()
            on_large = None
        if not message.get("more_body"):
            return b"".join((*chunks, body)) if chunks else body
        chunks.append(body)


def _check_type(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media == "application/json" or (media.startswith("application/") and media.endswith("+json"))
    if not is_json:
        came = "another content type" if media else "no content type"
        raise Problem("unsupported", f"expected content-type: application/json; received {came}")


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_body_bytes:
        raise Problem(
            "too_large",
            f"the body is larger than {settings.max_body_bytes} bytes; packed tensors are smaller",
            headers={"Connection": "close"},
        )
