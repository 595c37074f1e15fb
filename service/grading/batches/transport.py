"""Grade the lines of a request while they arrive."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from compute.errors import QuestionErrors, at
from service.defects import format_defect
from service.grading.batches.graded import read_grade
from service.grading.batches.lines import Rubrics, is_rubric, read_id, read_line
from service.grading.batches.outputs import Graded, Output
from service.grading.batches.statistics import Id, Summary
from service.http.bodies import media_type
from service.http.connections import Disconnected
from service.http.problems import INTERNAL, NoPlace, Problem, from_question
from service.http.streams import MEDIA_TYPE, LineSender
from service.telemetry.records import add_received_bytes, note_reason

MAX_LINE = 2**20  # bytes
LONG_LINE = 2**14  # bytes of a line that is read in a thread, so that the event loop goes on
RETRY = 0.2  # seconds until a full service is asked again
LOGGER = logging.getLogger("workings")
Grade = Callable[[bytes], Awaitable[bytes]]


async def split_lines(receive: Receive, timeout: float) -> AsyncIterator[bytes | None]:
    """Yield the lines of a body, and None in the place of a line that is too long.

    timeout: seconds for each part. Raises Disconnected if the client leaves.
    """
    kept, is_long, more = bytearray(), False, True
    while more:
        try:
            async with asyncio.timeout(timeout):
                message = await receive()
        except TimeoutError:
            raise Problem("timeout", f"no part of the body arrived within {timeout:g} seconds") from None
        if message["type"] != "http.request":
            raise Disconnected
        more = message.get("more_body", False)
        part = message.get("body", b"")
        add_received_bytes(len(part))
        *ended, last = part.split(b"\n")
        for part in ended:
            is_long |= len(kept) + len(part) > MAX_LINE
            line = None if is_long else bytes(kept) + part
            kept, is_long = bytearray(), False
            if line is None or line.strip():
                yield line
        is_long |= len(kept) + len(last) > MAX_LINE
        kept = bytearray() if is_long else kept + last
    if is_long or kept.strip():
        yield None if is_long else bytes(kept)


async def _read(line: bytes) -> dict[str, Any]:
    return read_line(line) if len(line) < LONG_LINE else await asyncio.to_thread(read_line, line)


def check_type(scope: Scope) -> None:
    """Raise Problem 415 unless the body is sent as NDJSON without a content coding."""
    headers = dict(scope["headers"])
    if media_type(headers.get(b"content-type", b"")) != MEDIA_TYPE:
        raise Problem("unsupported", "expected content-type: application/x-ndjson")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise Problem("unsupported", "expected lines without a content coding")


async def retry_while_full(grade: Grade, body: bytes) -> bytes:
    """Return the graded body; wait while the service is full. Raises Problem if the work itself fails."""
    while True:
        with suppress(NoPlace):
            return await grade(body)
        await asyncio.sleep(RETRY)


class GradedLines(Response):
    """A response that is graded while lines arrive, in their order.

    grade: grades one body of `/v1/grade`, or None to summarize lines that were graded earlier.
    in_flight: lines that are graded at once. rate, timeout: bounds of slow clients.
    output: the form of the response.
    """

    def __init__(
        self,
        receive: Receive,
        grade: Grade | None,
        in_flight: int,
        rate: int,
        timeout: float,
        output: Output,
    ) -> None:
        super().__init__()
        self._output = output
        self._body, self._grade, self._in_flight = receive, grade, in_flight
        self._rate, self._timeout = rate, timeout

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send the graded lines and the summary."""
        self._root_path = scope.get("root_path", "")
        sender = LineSender(send, self._rate, self._root_path, self._output.headers)
        try:
            try:
                async with asyncio.TaskGroup() as group:
                    await self._respond(group, sender)
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
        except Disconnected:
            return
        except Problem as problem:
            if not sender.started:
                raise
            note_reason(problem.kind)
            await sender.send(self._output.break_off(problem, self._root_path))
            await sender.end()

    async def _respond(self, group: asyncio.TaskGroup, sender: LineSender) -> None:
        queue: asyncio.Queue[asyncio.Task[Graded] | None] = asyncio.Queue(self._in_flight)
        room = asyncio.Semaphore(self._in_flight)
        rubrics, summary = Rubrics(), Summary()

        async def read() -> None:
            async for line in split_lines(self._body, self._timeout):
                await room.acquire()
                await queue.put(group.create_task(self._answer(line, rubrics)))
            await queue.put(None)
            while (await self._body())["type"] != "http.disconnect":
                pass
            raise Disconnected

        reading = group.create_task(read())
        while (task := await queue.get()) is not None:
            graded = await task
            if graded.answer is not None and graded.id is not None:
                summary.add(graded.id, graded.answer)
            summary.failed += graded.failed
            if part := self._output.write(graded):
                await sender.send(part)
            room.release()
        reading.cancel()
        await sender.send(await asyncio.to_thread(self._output.end, summary))
        await sender.end()

    async def _answer(self, line: bytes | None, rubrics: Rubrics) -> Graded:
        """Return the output line of one line, with a problem in the place of one that fails."""
        id_ = None
        try:
            if line is None:
                raise at((), "is too long", f"a line of at most {MAX_LINE} bytes", "a line that is longer")
            if self._grade is None:
                return self._recall(orjson.loads(line))
            document = await _read(line)
            defines = is_rubric(document)
            id_ = None if defines else read_id(document)
            body = orjson.dumps(rubrics.complete(document, len(line)))
            answer = await retry_while_full(self._grade, body)
            graded = orjson.loads(answer)
        except QuestionErrors as errors:
            return self._fail(id_, from_question(errors))
        except Problem as problem:
            return self._fail(id_, problem)
        except (TypeError, ValueError, AttributeError):  # text or nesting that JSON cannot be written from
            return self._fail(id_, Problem("unreadable", "expected one JSON object on each line"))
        except Exception as error:  # a defect, which costs this line alone
            LOGGER.error("A line of a batch failed; the traceback follows.\n%s", format_defect(error))
            return self._fail(id_, Problem("internal", INTERNAL))
        if id_ is None:
            line = orjson.dumps({"rubric": {"max_score": graded["max_score"]}}) + b"\n"
            return Graded(line, None, graded, failed=False)
        return Graded(_open(id_) + answer[1:] + b"\n", id_, graded, failed=False)

    def _recall(self, graded: dict[str, Any]) -> Graded:
        """Return a line that was graded earlier."""
        if "problem" in graded:
            return Graded(b"", None, None, failed=True)
        if "summary" in graded or "rubric" in graded:
            return Graded(b"", None, None, failed=False)
        return Graded(b"", read_id(graded), read_grade(graded), failed=False)

    def _fail(self, id_: Id | None, problem: Problem) -> Graded:
        detail = bytes(problem.response(self._root_path).body)
        return Graded(_open(id_) + b'"problem":%b}\n' % detail, id_, None, failed=True)


def _open(id_: Id | None) -> bytes:
    """Return the start of a line's object."""
    return b"{" if id_ is None else b'{"id":%b,' % orjson.dumps(id_)
