"""A process that answers exact questions, one at a time, within limits that the operating system keeps.

It reads requests from its standard input and writes frames to its standard output (see `service.exact.pool`).
The processor time of one answer is limited by a timer whose signal ends the process wherever it is, and its
memory by the address space it may have.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import sympy

from compute.arithmetic.exact.bounds import PROGRESS, beyond
from compute.arithmetic.kinds import EXACT, arithmetic
from compute.errors import QuestionErrors
from compute.limits import Limits
from service.defects import format_defect
from service.endpoints import ENDPOINTS
from service.exact import answers, entries, solutions  # noqa: F401 - what questions ask for by name
from service.exact.failures import refusal
from service.exact.frames import (
    ANSWER,
    LAST_ANSWER,
    LINE,
    OFFER,
    PROBLEM,
    REACHED,
    READY,
    dump_problem,
    frame,
)
from service.http.problems import INTERNAL, Problem, from_question
from service.http.reader import read_decimals
from service.questions.operations import EXACT_WORK

HELD = Path("/proc/self/statm")  # pages of memory, in all and resident
STATUS_FILE = Path("/proc/self/status")
KIB = 1024
RETIREMENT = 256 * 2**20  # bytes that a worker may have held before it makes room for a fresh one
# Nothing in a question is as long as a class: what is beyond these could not be written down exactly.
LIMITS = Limits(work=2_000_000, entries=50_000, answer=20_000)


def main() -> None:
    """Answer until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one ends it
    requests, frames = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints must not stand between frames
    EXACT_WORK.is_done_here = True
    EXACT_WORK.offer = lambda body: _send(frames, OFFER, body)
    _warm_up()
    _send(frames, READY)
    while line := requests.readline():
        header = json.loads(line)
        body = requests.read(header["length"])
        signal.setitimer(signal.ITIMER_PROF, header["seconds"])
        answered = _answer(header, body, frames)
        signal.setitimer(signal.ITIMER_PROF, 0)
        worn = _most_held() > RETIREMENT
        _send(frames, LAST_ANSWER if worn else ANSWER, answered)
        if worn:
            break


def _answer(header: dict[str, Any], body: bytes, frames: BinaryIO) -> bytes:
    """Return the body of the response, which is empty after lines or after a problem."""
    PROGRESS.begin()
    PROGRESS.tell = lambda name: _send(frames, REACHED, name.encode())
    with _memory(header["memory"]):
        try:
            job: Any = ENDPOINTS[header["name"]].understand(read_decimals(body), LIMITS)
            if not header["lines"]:
                return bytes(job.answer())
            for line in job.lines():
                _send(frames, LINE, line)
            return b""
        except Problem as problem:
            refused = problem
        except QuestionErrors as error:
            refused = from_question(error)
        except RecursionError:
            refused = from_question(beyond("is nested too deeply", "an expression with less nesting"))
        except (MemoryError, SystemError):  # C code may say it so
            refused = from_question(beyond("took too much memory", f"at most {header['memory']} bytes"))
        except Exception as error:  # a library's failure or a defect: it is logged, and the worker goes on
            _log_defect(header["request_id"], error)
            refused = refusal(error) or Problem("internal", INTERNAL)
    _send(frames, PROBLEM, dump_problem(refused))
    return b""


def _log_defect(request_id: str, error: Exception) -> None:
    """Write the traceback to the log, in one piece since other processes write there too."""
    text = f"Request {request_id} failed in a worker process; the traceback follows.\n"
    sys.stderr.write(text + format_defect(error))
    sys.stderr.flush()


def _most_held() -> int:
    """The most bytes of memory that this process has held.

    The system's count for a process begins with what its parent held; that for its memory does not.
    """
    if STATUS_FILE.exists():
        for line in STATUS_FILE.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


@contextmanager
def _memory(more: int) -> Iterator[None]:
    """A bound on what is taken beyond what the process has, where the system says what it has."""
    if not HELD.exists():
        yield
        return
    held = int(HELD.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _send(frames: BinaryIO, kind: bytes, payload: bytes = b"") -> None:
    frames.write(frame(kind, payload))
    frames.flush()


def _warm_up() -> None:
    """What is loaded and remembered on first use belongs to no question's time and memory."""
    arithmetic(EXACT)  # compiled within a question's bound, it may fail with any error
    x = sympy.Symbol("x", real=True)
    sympy.factor(sympy.cancel((sympy.exp(2 * x) - 1) / (sympy.exp(x) - 1) + sympy.sqrt(2)))
    sympy.latex(sympy.Piecewise((x, x > 0), (sympy.Max(x, 1), True)))
