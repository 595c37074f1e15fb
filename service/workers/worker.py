"""A process that answers questions, one at a time, within limits that the operating system keeps.

It reads requests from its standard input and writes frames to its standard output (`service.workers.pool`).
A timer limits the processor time of one answer, and the address space that the process may have its memory.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Protocol

from compute.errors import QuestionErrors
from service.asking import hand_over
from service.defects import format_defect
from service.endpoints import Job
from service.http.codings import decompress
from service.http.problems import INTERNAL, Problem, from_question
from service.http.representations import Content, represent
from service.questions.operations import ExactWanted
from service.workers.frames import (
    ANSWER,
    EXACT,
    HEAD,
    INTERRUPTED,
    LINE,
    PROBLEM,
    READY,
    STATE,
    dump_problem,
)
from service.workers.interrupts import Interrupted, Interrupts, OutOfTime
from service.workers.memory import NoMemory, bounded, resident

NOTHING = Content(b"", "")
Send = Callable[..., None]
Use = Callable[[Job], bytes]


class Work(Protocol):
    """The questions that a kind of worker answers."""

    def prepare(self, start: dict[str, Any], interrupts: Interrupts) -> None:
        """Load and remember everything that belongs to no question. start: see `Kind.start`."""

    def begin(self, send: Send) -> None:
        """Prepare for one question. send: writes a frame."""

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors."""

    def refused(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem that a want of time, memory or depth makes."""

    def failed(self, error: Exception) -> Problem | None:
        """Return the problem that the failure of a library makes; None for a defect of our own."""

    def kept(self) -> int:
        """Return the bytes of kept plans and of other caches."""


class Server:
    """Answers the questions that come over a stream of requests, by frames on another."""

    def __init__(self, work: Work, requests: BinaryIO, frames: BinaryIO) -> None:
        self.work = work
        self.interrupts = Interrupts()
        self._requests, self._frames = requests, frames

    def run(self, start: dict[str, Any]) -> None:
        """Answer until the requests end, or until the process holds too much memory.

        start: see `Kind.start`.
        """
        with bounded(start["memory"]):  # raises where the system leaves too little
            pass
        self.work.prepare(start, self.interrupts)
        with suppress(BrokenPipeError, ConnectionResetError):  # the server has gone
            self.send(READY)
            while line := self._requests.readline():
                header = json.loads(line)
                content = self.answer(header, self._requests.read(header["length"]))
                is_last = resident() > start["retirement"]
                state = {"tag": content.tag, "coding": content.coding, "plans": self.work.kept(),
                         "is_last": is_last}  # fmt: skip
                self.send(STATE, json.dumps(state).encode())
                self.send(ANSWER, content.body)
                del content
                if is_last:
                    return

    def send(self, kind: bytes, payload: bytes | bytearray = b"") -> None:
        """Write one frame, which no interruption breaks off."""
        with self.interrupts.held_back():
            self._frames.write(HEAD.pack(kind, len(payload)))
            self._frames.write(payload)
            self._frames.flush()

    def answer(self, header: dict[str, Any], body: bytes) -> Content:
        """Return the answer, which is empty after lines or after a problem."""
        self.work.begin(self.send)
        try:
            with bounded(header["memory"]), self.interrupts.bounded(header["seconds"]):
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
            refused = self.work.refused(error, header)
        except Exception as error:  # a library's failure or a defect: it is logged, and the worker goes on
            _log_defect(header["request_id"], error)
            refused = self.work.failed(error) or Problem("internal", INTERNAL)
        self.send(PROBLEM, dump_problem(refused))
        return NOTHING

    def _answer(self, header: dict[str, Any], body: bytes) -> Content:
        if header["is_gzipped"]:
            body = decompress(body, header["most"])
        if header["lines"]:
            self.work.ask(header, body, self._send_lines)
            return NOTHING
        return represent(self.work.ask(header, body, lambda job: job.answer()), header["accepts_gzip"])

    def _send_lines(self, job: Any) -> bytes:
        hand_over(job, lambda line: self.send(LINE, line))
        return b""


def serve(work: Work) -> None:
    """Answer the questions that come over the standard input, by frames on the standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints must not stand between frames
    Server(work, sys.stdin.buffer, frames).run(json.loads(sys.argv[1]))


def _log_defect(request_id: str, error: Exception) -> None:
    """Write the traceback to the log, in one piece since other processes write there too."""
    text = f"Request {request_id} failed in a worker process; the traceback follows.\n"
    sys.stderr.write(text + format_defect(error))
    sys.stderr.flush()
