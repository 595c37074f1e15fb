"""The work of a process that computes in floats."""

from typing import Any

from compute.budgets.bounded_cache import kept_bytes
from compute.question.limits import Limits
from compute.question.plan import prepare
from service.asking import ask
from service.endpoints import ENDPOINTS
from service.http.problems import Problem
from service.workers.interrupts import Interrupts, OutOfTime
from service.workers.memory import keep_freed_memory
from service.workers.worker import Send, Use, serve


class FloatWork:
    """Answers questions in floats within the limits that come with each."""

    def prepare(self, start: dict[str, Any], interrupts: Interrupts) -> None:
        """Have the process keep freed memory, and go on after an interruption."""
        keep_freed_memory(start["kept_bytes"])
        prepare.cache.budget = start["plan_bytes"]
        interrupts.install()

    def begin(self, send: Send) -> None:
        """Nothing has to be prepared for one question."""

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors."""
        return ask(ENDPOINTS[header["name"]], body, Limits(*header["limits"]), use)

    def refused(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem that a want of time, memory or depth makes."""
        if isinstance(error, OutOfTime):
            detail = f"the answer took too long: at most {header['seconds']:g} seconds of processor time"
        elif isinstance(error, RecursionError):
            detail = "the question is nested too deeply"
        else:
            detail = f"the answer took too much memory: at most {header['memory']} bytes"
        return Problem("too_large", f"{detail}; send smaller matrices or settings")

    def failed(self, _: Exception) -> Problem | None:
        """Return None: every failure is a defect of our own."""

    def kept(self) -> int:
        """Return the bytes of kept plans and of other caches."""
        return kept_bytes()


def main() -> None:
    """Answer until the standard input ends."""
    serve(FloatWork())
