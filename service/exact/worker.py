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
from pathlib import Path
from typing import Any, BinaryIO

import sympy

from compute.answers import Limits
from compute.arithmetic.exact.bounds import PROGRESS, beyond
from compute.errors import QuestionErrors
from service.exact.frames import ANSWER, LAST_ANSWER, REACHED, READY, frame
from service.posts import POSTS
from service.problems import Problem, from_question
from service.reader import read

RETIREMENT = 256 * 2**20  # bytes that a worker may have held before it makes room for a fresh one
# Nothing in a question is as long as a class: what is beyond these could not be written down exactly.
LIMITS = Limits(work=2_000_000, entries=50_000, answer=20_000)


def main() -> None:
    """Answer until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one ends it
    requests, frames = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints must not stand between frames
    _warm_up()
    _send(frames, READY)
    while line := requests.readline():
        header = json.loads(line)
        body = requests.read(header["length"])
        signal.setitimer(signal.ITIMER_PROF, header["seconds"])
        answered = _answer(header, body, frames)
        signal.setitimer(signal.ITIMER_PROF, 0)
        worn = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > RETIREMENT
        _send(frames, LAST_ANSWER if worn else ANSWER, answered)
        if worn:
            break


def _answer(header: dict[str, Any], body: bytes, frames: BinaryIO) -> bytes:
    """Status and body of the response."""
    PROGRESS.begin(lambda name: _send(frames, REACHED, name.encode()))
    with _Memory(header["memory"]):
        try:
            return b"200" + POSTS[header["name"]].understand(read(body), LIMITS).answer()
        except Problem as problem:
            refused = problem
        except QuestionErrors as error:
            refused = from_question(error)
        except (MemoryError, RecursionError) as error:
            what = "took too much memory" if isinstance(error, MemoryError) else "is nested too deeply"
            refused = from_question(beyond(what, "less"))
    response = refused.response()
    return b"%d" % response.status_code + bytes(response.body)


class _Memory:
    """A bound on what is taken beyond what the process has."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __enter__(self) -> None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        self.before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (held + self.more, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_AS, self.before)


def _send(frames: BinaryIO, kind: bytes, payload: bytes = b"") -> None:
    frames.write(frame(kind, payload))
    frames.flush()


def _warm_up() -> None:
    """What SymPy loads and remembers on first use belongs to no question's time."""
    x = sympy.Symbol("x", real=True)
    sympy.factor(sympy.cancel((sympy.exp(2 * x) - 1) / (sympy.exp(x) - 1) + sympy.sqrt(2)))
    sympy.latex(sympy.Piecewise((x, x > 0), (sympy.Max(x, 1), True)))
