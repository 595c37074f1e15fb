"""The work of a process that computes in exact numbers. It loads SymPy."""

from typing import Any

import sympy

from compute.arithmetic.exact.bounds import PROGRESS, beyond
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.budgets.bounded_cache import kept_bytes
from compute.question.limits import Limits
from compute.question.plan import prepare
from service.asking import understand
from service.endpoints import ENDPOINTS
from service.exact import answers, entries, solutions  # noqa: F401 - what questions ask for by name
from service.exact.failures import refusal
from service.http.problems import Problem, from_question
from service.http.reader import read_decimals
from service.questions.operations import EXACT_WORK
from service.workers.frames import OFFER, REACHED
from service.workers.interrupts import Interrupts
from service.workers.worker import Send, Use, serve

# Nothing in a question is as long as a class: what is beyond these could not be written down exactly.
LIMITS = Limits(work=2_000_000, entries=50_000, answer=20_000, values=50_000)


class Exact:
    """Answers questions in exact numbers, and tells how far it has come."""

    def prepare(self, start: dict[str, Any], _: Interrupts) -> None:
        """Load and remember everything that belongs to no question's time and memory."""
        EXACT_WORK.is_done_here = True
        prepare.cache.budget = start["plan_bytes"]
        get_arithmetic(EXACT)  # compiled within a question's bound, it may fail with any error
        x = sympy.Symbol("x", real=True)
        sympy.factor(sympy.cancel((sympy.exp(2 * x) - 1) / (sympy.exp(x) - 1) + sympy.sqrt(2)))
        sympy.latex(sympy.Piecewise((x, x > 0), (sympy.Max(x, 1), True)))

    def begin(self, send: Send) -> None:
        """Forget the last question, and tell of the values that this one reaches."""
        PROGRESS.begin()
        PROGRESS.tell = lambda name: send(REACHED, name.encode())
        EXACT_WORK.offer = lambda body: send(OFFER, body)

    def ask(self, header: dict[str, Any], body: bytes, use: Use) -> bytes:
        """Return what `use` makes of the job that a body asks for. Raises Problem or QuestionErrors."""
        return use(understand(ENDPOINTS[header["name"]], read_decimals(body), LIMITS))

    def refused(self, error: BaseException, header: dict[str, Any]) -> Problem:
        """Return the problem that a want of memory or depth makes. Where time is over, the process ends."""
        if isinstance(error, RecursionError):
            return from_question(beyond("is nested too deeply", "an expression with less nesting"))
        return from_question(beyond("took too much memory", f"at most {header['memory']} bytes"))

    def failed(self, error: Exception) -> Problem | None:
        """Return the problem that a failure of SymPy or mpmath makes; None for a defect of our own."""
        return refusal(error)

    def kept(self) -> int:
        """Return the bytes of kept plans and of other caches."""
        return kept_bytes()


def main() -> None:
    """Answer until the standard input ends."""
    serve(Exact())
