"""Work for a client that may go away before it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Message, Receive, Send

T = TypeVar("T")
SPARE = 5.0  # seconds that a client has beside those that its rate allows


class Disconnected(Exception):
    """The client has gone, or accepts no more data."""


class PatientSender:
    """Sends the messages of a response to a client that has to accept them at a rate.

    rate: bytes a second, or 0 for no bound. A part may take some seconds more.
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
    """Return the result of the work, or cancel it and raise Disconnected if the client goes away first.

    The request's body has to have been received. Neither the work nor the wait for the client goes on in the
    background when this returns or raises.
    """
    # `receive` is awaited inside a task of ours: what some servers return is only awaitable, and is no future
    # that asyncio could gather or cancel.
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
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
