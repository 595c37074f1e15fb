"""Questions, traces and batches over a connection, for both clients."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, closing
from itertools import count
from typing import TYPE_CHECKING, Any, Unpack

import httpx
import orjson

from service.answers import Answer
from service.arrays import unpack_arrays
from workings.batches import Graded, split_batch
from workings.connections import Connection
from workings.documents import check, read_line, write_question

if TYPE_CHECKING:
    from workings.operations import Trace

LINES = {"accept": "application/x-ndjson", "content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
AGAIN = (429, 503)  # statuses after which the same question may be answered later
FIRST_WAIT = 0.5  # seconds, if the service does not say how long; doubled each time
FINAL = httpx.TimeoutException, httpx.UnsupportedProtocol  # asking again would not help


class Exchange:
    """Asks a service over a connection; asks again while it is busy or the connection fails."""

    def __init__(self, connection: Connection, retries: int, longest_wait: float) -> None:
        self._connection = connection
        self._retries, self._longest_wait = retries, longest_wait

    async def send(self, operation: str, body: bytes) -> bytes:
        """Return the body of the answer to the body of a question, both in JSON."""
        for attempt in count():  # asking twice is harmless
            wait, is_last = FIRST_WAIT * 2**attempt, attempt >= self._retries
            try:
                response = await self._connection.post(f"/v1/{operation}", body, JSON)
            except httpx.TransportError as error:
                if is_last or isinstance(error, FINAL):
                    raise
            else:
                asked = response.headers.get("retry-after", "")
                wait = float(asked) if asked.isascii() and asked.isdecimal() else wait
                is_late = response.status_code == 429 and wait > self._longest_wait  # a budget of the day
                if response.status_code not in AGAIN or is_last or is_late:
                    check(response)
                    break
            await self._connection.sleep(min(wait, self._longest_wait))
        return response.content

    async def ask(self, operation: str, /, **fields: Any) -> Answer:
        """Return the answer to the fields of an operation or another computation, by its path below /v1."""
        content = await self.send(operation, write_question(operation, fields))
        return Answer(unpack_arrays(orjson.loads(content)), fields)

    async def trace(self, **fields: "Unpack[Trace]") -> AsyncGenerator[dict[str, Any], None]:
        """Yield the lines of an optimizer's trace as they are computed."""
        name = "optimizer/trace"
        async with aclosing(self._lines(name, write_question(name, fields), LINES | JSON)) as lines:
            async for line in lines:
                yield read_line(line)

    async def grade_batch(
        self, submissions: Iterable[Mapping[str, Any]]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a line for each submission and rubric, in order, then one with the summary of all.

        A batch of any length is sent in parts. Raises Problem or httpx.TransportError if it breaks off; every
        line before that is whole.
        """
        with closing(Graded()) as graded:
            for part in split_batch(submissions):
                last, place = None, 0
                async with aclosing(self._lines("grade/batch", part.body, LINES)) as lines:
                    async for line in lines:
                        last = graded.take(place, line, part)
                        place += 1
                        if last is not None and "summary" not in last:
                            yield last
                graded.check_end(last)
            async with aclosing(self._lines("grade/summary", graded.content(), LINES)) as lines:
                async for line in lines:
                    yield read_line(line)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _lines(
        self, name: str, body: bytes | Iterator[bytes], headers: dict[str, str]
    ) -> AsyncGenerator[str, None]:
        async with aclosing(self._connection.lines(f"/v1/{name}", body, headers)) as lines:
            async for line in lines:
                if line:
                    yield line
