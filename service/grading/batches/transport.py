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
from service.grading.batches.statistics import Id, Summary
from service.grading.envelopes.declaration import UNGRADED, ClassEnvelope, TableWriter, write_rows
from service.http.bodies import media_type
from service.http.connections import Disconnected
from service.http.problems import INTERNAL, NoPlace, Problem, from_question
from service.http.streams import MEDIA_TYPE, LineSender

MAX_LINE = 2**20  # bytes
LONG_LINE = 2**14  # bytes of a line that is read in a thread, so that the event loop goes on
CSV = b"text/csv; charset=utf-8"
TITLE = "Workings"  # of the column of grades
RETRY = 0.2  # seconds until a full service is asked again
LOGGER = logging.getLogger("workings")
Grade = Callable[[bytes], Awaitable[bytes]]
Graded = tuple[bytes, Id | None, dict[str, Any] | None, bool]  # line, id, answer, whether it failed


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
        *ended, last = message.get("body", b"").split(b"\n")
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
    table: the CSV table that the response is; None for lines of JSON.
    """

    def __init__(
        self,
        receive: Receive,
        grade: Grade | None,
        in_flight: int,
        rate: int,
        timeout: float,
        table: ClassEnvelope | None = None,
    ) -> None:
        super().__init__()
        self._table = None if table is None else TableWriter(table, TITLE)
        self._body, self._grade, self._in_flight = receive, grade, in_flight
        self._rate, self._timeout = rate, timeout

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send the graded lines and the summary."""
        media_type = MEDIA_TYPE if self._table is None else CSV
        sender = LineSender(send, self._rate, scope.get("root_path", ""), media_type)
        self._root_path = scope.get("root_path", "")
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
            if self._table is None:
                await sender.fail(problem)
            else:  # a row of one cell, which is no student's
                await sender.send(write_rows([[f"The table is not complete: {problem.detail}"]]).encode())
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
            line, id_, graded, failed = await task
            if graded is not None and id_ is not None:
                summary.add(id_, graded)
            summary.failed += failed
            if self._table is not None:
                await sender.send(_write_row(self._table, id_, graded, failed=failed))
            elif self._grade is not None:
                await sender.send(line)
            room.release()
        reading.cancel()
        if self._table is None:
            await sender.send(orjson.dumps({"summary": summary.describe()}) + b"\n")
        else:
            await sender.send(self._table.write_header(UNGRADED).encode())
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
            LOGGER.error("a line of a batch failed:\n%s", format_defect(error))
            return self._fail(id_, Problem("internal", INTERNAL))
        if id_ is None:
            return orjson.dumps({"rubric": {"max_score": graded["max_score"]}}) + b"\n", None, graded, False
        return _open(id_) + answer[1:] + b"\n", id_, graded, False

    def _recall(self, graded: dict[str, Any]) -> Graded:
        """Return a line that was graded earlier."""
        if "problem" in graded:
            return b"", None, None, True
        if "summary" in graded or "rubric" in graded:
            return b"", None, None, False
        return b"", read_id(graded), read_grade(graded), False

    def _fail(self, id_: Id | None, problem: Problem) -> Graded:
        detail = bytes(problem.response(self._root_path).body)
        return _open(id_) + b'"problem":%b}\n' % detail, id_, None, True


def _open(id_: Id | None) -> bytes:
    """Return the start of a line's object."""
    return b"{" if id_ is None else b'{"id":%b,' % orjson.dumps(id_)


def _write_row(table: TableWriter, id_: Id | None, graded: dict[str, Any] | None, *, failed: bool) -> bytes:
    """Return the row of a line: without a grade if it failed; none for a rubric, which has the first rows."""
    student = "" if id_ is None else str(id_)
    if failed or graded is None:
        return table.write(student, UNGRADED).encode()
    text = table.write_header(graded) if id_ is None else table.write(student, graded)
    return text.encode()
