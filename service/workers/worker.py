"""The main loop of a worker process: answer one question at a time within limits of time and memory.

The process reads requests from standard input and writes frames to standard output (`service.workers.pool`).
An interval timer limits processor time, and a limit of the address space limits memory.
"""

import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Protocol, TextIO

from compute.errors import QuestionErrors
from service.asking import send_lines
from service.defects import format_defect
from service.http.codings import decompress
from service.http.problems import INTERNAL, Problem, from_question
from service.http.representations import Content, represent
from service.jobs import Job
from service.jobs import answer as answer_job
from service.questions.operations import ExactWanted
from service.telemetry.records import Record, current_record
from service.workers.frames import (
    ANSWER,
    EXACT,
    HEAD,
    INTERRUPTED,
    LINE,
    LOG,
    PROBLEM,
    READY,
    STATE,
    dump_problem,
)
from service.workers.interrupts import Interrupted, Interrupts, OutOfTime
from service.workers.memory import NoMemory, limit_memory, resident_bytes

NOTHING = Content(b"", "")
Send = Callable[..., None]
Use = Callable[[Job], bytes]


class Work(Protocol):
    """The part of a worker that depends on its kind of questions."""

    def prepare(self, start: dict[str, Any], interrupts: Interrupts) -> None:
        """Load everything that all questions share. start: see `Kind.start`."""

    def begin(self, send: Send) -> None:
        """Prepare for one question. send: writes a frame."""

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Plan the question in a body and return `use(job)`. Raises Problem or QuestionErrors."""

    def limit_problem(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem for an answer that ran out of time, memory or recursion depth."""

    def failure_problem(self, error: Exception) -> Problem | None:
        """Return the problem for a failure inside a library; None for a defect of the service."""

    def cache_bytes(self) -> int:
        """Return the bytes of kept plans and of other caches."""


class Server:
    """Reads requests from one stream and writes the frames of their answers to another."""

    def __init__(self, work: Work, requests: BinaryIO, frames: BinaryIO) -> None:
        self.work = work
        self.interrupts = Interrupts()
        self._requests, self._frames = requests, frames

    def run(self, start: dict[str, Any]) -> None:
        """Answer requests until their stream ends or the process holds too much memory.

        start: see `Kind.start`.
        """
        with limit_memory(start["memory"]):  # raises if the system leaves too little
            pass
        self.work.prepare(start, self.interrupts)
        # The server may have gone.
        with suppress(BrokenPipeError, ConnectionResetError), warnings.catch_warnings():
            self.send(READY)
            warnings.showwarning = self._log_warning
            while line := self._requests.readline():
                header = json.loads(line)
                record = Record()
                current_record.set(record)
                content = self.answer(header, self._requests.read(header["length"]))
                is_last = resident_bytes() > start["retirement"]
                state = {"tag": content.tag, "coding": content.coding, "plans": self.work.cache_bytes(),
                         "is_last": is_last, "measured": record.dump()}  # fmt: skip
                self.send(STATE, json.dumps(state).encode())
                self.send(ANSWER, content.body)
                del content
                if is_last:
                    return

    def send(self, kind: bytes, payload: bytes | bytearray = b"") -> None:
        """Write one frame, which no interruption can cut short."""
        with self.interrupts.defer_exceptions():
            self._frames.write(HEAD.pack(kind, len(payload)))
            self._frames.write(payload)
            self._frames.flush()

    def log(self, level: int, text: str) -> None:
        """Send a message to the log of the process that serves the request, which knows its form."""
        self.send(LOG, json.dumps([level, text]).encode())

    def _log_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG002 - of `warnings.showwarning`
        line: str | None = None,
    ) -> None:
        """Do what `warnings.showwarning` does."""
        self.log(logging.WARNING, warnings.formatwarning(message, category, filename, lineno, line))

    def answer(self, header: dict[str, Any], body: bytes) -> Content:
        """Return the answer; it is empty if lines or a problem were sent."""
        self.work.begin(self.send)
        try:
            with limit_memory(header["memory"]), self.interrupts.limit_time(header["seconds"]):
                return self._answer(header, body)
        except Problem as problem:
            refused = problem
        except QuestionErrors as error:
            refused = from_question(error)
        except ExactWanted:
            self.send(EXACT)
            return NOTHING
        except Interrupted:
            self.send(INTERRUPTED)
            return NOTHING
        except (RecursionError, MemoryError, SystemError, NoMemory, OutOfTime) as error:
            refused = self.work.limit_problem(error, header)
        except Exception as error:  # a library's failure or a defect: it is logged, and the worker goes on
            text = f"Request {header['request_id']} failed in a worker process; the traceback follows."
            self.log(logging.ERROR, f"{text}\n{format_defect(error)}")
            refused = self.work.failure_problem(error) or Problem("internal", INTERNAL)
        self.send(PROBLEM, dump_problem(refused))
        return NOTHING

    def _answer(self, header: dict[str, Any], body: bytes) -> Content:
        if header["is_gzipped"]:
            body = decompress(body, header["max_bytes"])
        if header["lines"]:
            self.work.ask(header, body, self._send_lines)
            return NOTHING
        return represent(self.work.ask(header, body, answer_job), header["accepts_gzip"])

    def _send_lines(self, job: Any) -> bytes:
        send_lines(job, lambda line: self.send(LINE, line))
        return b""


def serve(work: Work) -> None:
    """Answer requests from standard input by frames on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends this one
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # printed text must not get between frames
    Server(work, sys.stdin.buffer, frames).run(json.loads(sys.argv[1]))
