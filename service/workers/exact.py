"""Worker processes for exact arithmetic. This module loads SymPy."""

from typing import Any

import sympy

from compute.arithmetic.exact.bounds import PROGRESS, beyond
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.budgets.bounded_cache import kept_bytes
from compute.question.limits import Limits
from compute.question.plan import prepare
from service.asking import parse, understand
from service.endpoints import JOBS
from service.exact import answers, entries, grading, solutions  # noqa: F401 - imported by name when needed
from service.exact.failures import refusal
from service.http.problems import Problem, from_question
from service.http.reader import read_decimals, read_leniently
from service.questions.operations import EXACT_WORK
from service.workers.frames import OFFER, REACHED
from service.workers.interrupts import Interrupts
from service.workers.worker import Send, Use, serve

# Lower than the limits for floats: exact answers beyond these would be too long to write.
LIMITS = Limits(work=2_000_000, entries=50_000, answer=20_000, values=50_000)


class Exact:
    """Answers questions in exact arithmetic and reports its progress."""

    def prepare(self, start: dict[str, Any], _: Interrupts) -> None:
        """Load and cache everything that should not count against a question's time and memory."""
        EXACT_WORK.is_done_here = True
        prepare.cache.budget = start["plan_bytes"]
        get_arithmetic(EXACT)  # compiling it within a question's limits could fail with any error
        x = sympy.Symbol("x", real=True)
        sympy.factor(sympy.cancel((sympy.exp(2 * x) - 1) / (sympy.exp(x) - 1) + sympy.sqrt(2)))
        sympy.latex(sympy.Piecewise((x, x > 0), (sympy.Max(x, 1), True)))

    def begin(self, send: Send) -> None:
        """Reset the progress, and send a frame for each value that is reached."""
        PROGRESS.begin()
        PROGRESS.tell = lambda name: send(REACHED, name.encode())
        EXACT_WORK.offer = lambda body: send(OFFER, body)

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Plan the question in a body and return `use(job)`. Raises Problem or QuestionErrors."""
        endpoint = JOBS[header["name"]]
        if endpoint.holds_answers:
            document = parse(read_leniently, body, keeps_digits=True)
        else:
            document = parse(read_decimals, body)
        return use(understand(endpoint, document, LIMITS))

    def limit_problem(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem for an answer that ran out of memory or depth. Out of time, the process ends."""
        if isinstance(error, RecursionError):
            return from_question(beyond("is nested too deeply", "an expression with less nesting"))
        return from_question(beyond("took too much memory", f"at most {header['memory']} bytes"))

    def failure_problem(self, error: Exception) -> Problem | None:
        """Return the problem for a failure of SymPy or mpmath; None for a defect of the service."""
        return refusal(error)

    def cache_bytes(self) -> int:
        """Return the number of bytes in caches, plans included."""
        return kept_bytes()


def main() -> None:
    """Answer requests until standard input ends."""
    serve(Exact())
