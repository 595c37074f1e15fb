"""The synchronous and the asynchronous client. Both only send and wait; `exchange` has the rest."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

import httpx

from service.arrays import Answer
from workings import exchange
from workings.batches import Graded, split_batch

ADDRESS = "http://127.0.0.1:8000"
TRACE, BATCH, SUMMARY = "optimizer/trace", "grade/batch", "grade/summary"


class _Methods:
    """Operations as methods: `client.linear(x=..., w=...)` is `client.ask("linear", x=..., w=...)`."""

    ask: Callable[..., Any]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.ask, exchange.PATHS.get(name, name))


if TYPE_CHECKING:
    from workings.operations import AsyncOperations, Operations, Trace
else:
    Operations = AsyncOperations = _Methods


class Client(Operations):
    """Asks a service. Raises Problem for refusals and httpx.TransportError if there is no connection.

    timeout: seconds to connect, and between two parts of an answer.
    retries: how often a question is asked again if the service is busy or the connection fails.
    longest_wait: the most seconds to wait before that, whatever Retry-After says.
    transport: how requests are sent, if not over the network.
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        timeout: float = 60,
        retries: int = 3,
        longest_wait: float = 10,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=address, timeout=timeout, transport=transport)
        self._retries, self._longest_wait = retries, longest_wait

    def ask(self, operation: str, /, **fields: Any) -> Answer:
        """Return the answer to the fields of an operation or another computation, by its path below /v1."""
        body = exchange.write_question(operation, fields)
        request = self._http.build_request("POST", f"/v1/{operation}", content=body, headers=exchange.JSON)
        steps = exchange.ask(request, self._retries, self._longest_wait)
        came: httpx.Response | httpx.TransportError | None = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            came = None
            if isinstance(step, float | int):
                time.sleep(step)
                continue
            try:
                came = self._http.send(step)
            except httpx.TransportError as error:
                came = error

    def trace(self, **fields: Unpack["Trace"]) -> Iterator[dict[str, Any]]:
        """Yield the lines of an optimizer's trace as they are computed."""
        headers = exchange.LINES | exchange.JSON
        return self._lines(TRACE, exchange.write_question(TRACE, fields), headers)

    def grade_batch(self, submissions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield a line for each submission and rubric, in order, then one with the summary of all.

        A batch of any length is sent in parts. Raises Problem if it breaks off.
        """
        with closing(Graded()) as graded:
            for part in split_batch(submissions):
                last = None
                for place, line in enumerate(self._stream(BATCH, part.body, exchange.LINES)):
                    last = graded.take(place, line, part)
                    if last is not None and "summary" not in last:
                        yield last
                graded.check_end(last)
            for line in self._stream(SUMMARY, graded.content(), exchange.LINES):
                yield exchange.read_line(line)

    def _lines(self, name: str, body: bytes, headers: dict[str, str]) -> Iterator[dict[str, Any]]:
        return map(exchange.read_line, self._stream(name, body, headers))

    def _stream(self, name: str, body: bytes | Iterator[bytes], headers: dict[str, str]) -> Iterator[str]:
        with self._http.stream("POST", f"/v1/{name}", content=body, headers=headers) as response:
            if not response.is_success:
                response.read()
                exchange.check(response)
            yield from filter(None, response.iter_lines())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """The asynchronous `Client`, with the same parameters and methods."""

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        timeout: float = 60,
        retries: int = 3,
        longest_wait: float = 10,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=address, timeout=timeout, transport=transport)
        self._retries, self._longest_wait = retries, longest_wait

    async def ask(self, operation: str, /, **fields: Any) -> Answer:
        """Return the answer to the fields of an operation or another computation, by its path below /v1."""
        body = exchange.write_question(operation, fields)
        request = self._http.build_request("POST", f"/v1/{operation}", content=body, headers=exchange.JSON)
        steps = exchange.ask(request, self._retries, self._longest_wait)
        came: httpx.Response | httpx.TransportError | None = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            came = None
            if isinstance(step, float | int):
                await asyncio.sleep(step)
                continue
            try:
                came = await self._http.send(step)
            except httpx.TransportError as error:
                came = error

    def trace(self, **fields: Unpack["Trace"]) -> AsyncIterator[dict[str, Any]]:
        """Yield the lines of an optimizer's trace as they are computed."""
        headers = exchange.LINES | exchange.JSON
        return self._lines(TRACE, exchange.write_question(TRACE, fields), headers)

    async def grade_batch(self, submissions: Iterable[Mapping[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """Yield a line for each submission and rubric, in order, then one with the summary of all.

        A batch of any length is sent in parts. Raises Problem if it breaks off.
        """
        with closing(Graded()) as graded:
            for part in split_batch(submissions):
                last, place = None, 0
                async for line in self._stream(BATCH, part.body, exchange.LINES):
                    last = graded.take(place, line, part)
                    place += 1
                    if last is not None and "summary" not in last:
                        yield last
                graded.check_end(last)
            async for line in self._stream(SUMMARY, graded.content_async(), exchange.LINES):
                yield exchange.read_line(line)

    async def _lines(self, name: str, body: bytes, headers: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        async for line in self._stream(name, body, headers):
            yield exchange.read_line(line)

    async def _stream(
        self, name: str, body: bytes | AsyncIterator[bytes], headers: dict[str, str]
    ) -> AsyncIterator[str]:
        async with self._http.stream("POST", f"/v1/{name}", content=body, headers=headers) as response:
            if not response.is_success:
                await response.aread()
                exchange.check(response)
            async for line in response.aiter_lines():
                if line:
                    yield line

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
