"""Send to clients that read slowly, and cancel work for clients that disconnect."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Message, Receive, Send

T = TypeVar("T")
SPARE = 5.0  # seconds that a client has in addition to those at its minimum rate


class Disconnected(Exception):
    """The client has disconnected, or does not accept data in time."""


class PatientSender:
    """Sends the messages of a response to a client that has to accept them at a minimum rate.

    rate: bytes per second, or 0 for no limit. Each part may take `SPARE` seconds more.
    """

    def __init__(self, send: Send, rate: int) -> None:
        self._send, self._rate = send, rate

    async def __call__(self, message: Message) -> None:
        """Send a message. Raises Disconnected if the client does not accept it in time."""
        seconds = SPARE + len(message.get("body", b"")) / self._rate if self._rate else None
        try:
            async with asyncio.timeout(seconds):
                await self._send(message)
        except TimeoutError:
            raise Disconnected from None


async def run_while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of the work; cancel it and raise Disconnected if the client disconnects first.

    The body must have been received already. No task is left running when this returns or raises.
    """
    # `receive` is awaited inside our own task, because some servers return an awaitable that is not a future,
    # which asyncio could neither gather nor cancel.
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnection(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Disconnected
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnection(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
