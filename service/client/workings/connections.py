"""Send requests and wait, on an event loop or by blocking. The rest of the two clients is the same."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import httpx

from workings.documents import check

Result = TypeVar("Result")
Headers = dict[str, str]


def identify(key: str) -> Headers:
    """Return the headers that send an API key; none if there is no key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


class Connection(Protocol):
    """Requests to a service, over HTTP or in the same process."""

    async def post(self, path: str, body: bytes, headers: Headers) -> httpx.Response:
        """Return the response to a request."""

    def lines(self, path: str, body: bytes | Iterator[bytes], headers: Headers) -> AsyncGenerator[str, None]:
        """Yield the lines of a response as they come. Raises Problem."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def close(self) -> None:
        """Close the connections."""


class Waiting:
    """A connection that waits on the event loop."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.sleep, self.close = asyncio.sleep, http.aclose

    async def post(self, path: str, body: bytes, headers: Headers) -> httpx.Response:
        return await self._http.post(path, content=body, headers=headers)

    async def lines(
        self, path: str, body: bytes | Iterator[bytes], headers: Headers
    ) -> AsyncGenerator[str, None]:
        content = body if isinstance(body, bytes) else _iterate_async(body)
        async with self._http.stream("POST", path, content=content, headers=headers) as response:
            if not response.is_success:
                await response.aread()
                check(response)
            async for line in response.aiter_lines():
                yield line


class Blocking:
    """A connection whose coroutines do not wait: they block, and have ended when they are first resumed."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    async def post(self, path: str, body: bytes, headers: Headers) -> httpx.Response:
        return self._http.post(path, content=body, headers=headers)

    async def lines(
        self, path: str, body: bytes | Iterator[bytes], headers: Headers
    ) -> AsyncGenerator[str, None]:
        with self._http.stream("POST", path, content=body, headers=headers) as response:
            if not response.is_success:
                response.read()
                check(response)
            for line in response.iter_lines():
                yield line

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def close(self) -> None:
        self._http.close()


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine over a blocking connection, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise RuntimeError("the connection waits for an event loop")


def iterate(items: AsyncGenerator[Result, None]) -> Iterator[Result]:
    """Yield the items of a generator over a blocking connection, without an event loop."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())


async def _iterate_async(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
