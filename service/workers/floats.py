"""Worker processes for floating-point arithmetic."""

from typing import Any

from compute.budgets.bounded_cache import kept_bytes
from compute.question.limits import Limits
from compute.question.plan import prepare
from service.asking import ask
from service.endpoints import JOBS
from service.http.problems import Problem
from service.workers.interrupts import Interrupts, OutOfTime
from service.workers.memory import keep_freed_memory
from service.workers.worker import Send, Use, serve


class FloatWork:
    """Answers questions in floating point, within the limits that come with each."""

    def prepare(self, start: dict[str, Any], interrupts: Interrupts) -> None:
        """Keep freed memory in the process, and make interruptions raise exceptions."""
        keep_freed_memory(start["kept_bytes"])
        prepare.cache.budget = start["plan_bytes"]
        interrupts.install()

    def begin(self, send: Send) -> None:
        """Do nothing: a question needs no preparation."""

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Plan the question in a body and return `use(job)`. Raises Problem or QuestionErrors."""
        return ask(JOBS[header["name"]], body, Limits(*header["limits"]), use)

    def limit_problem(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem for an answer that ran out of time, memory or recursion depth."""
        if isinstance(error, OutOfTime):
            detail = f"the answer took too long: at most {header['seconds']:g} seconds of processor time"
        elif isinstance(error, RecursionError):
            detail = "the question is nested too deeply"
        else:
            detail = f"the answer took too much memory: at most {header['memory']} bytes"
        return Problem("too_large", f"{detail}; send smaller matrices or settings")

    def failure_problem(self, _: Exception) -> Problem | None:
        """Return None: every failure is a defect of the service."""

    def cache_bytes(self) -> int:
        """Return the number of bytes in caches, plans included."""
        return kept_bytes()


def main() -> None:
    """Answer requests until standard input ends."""
    serve(FloatWork())
