"""Limits on the work and size of an answer, and errors for questions beyond them."""

from collections.abc import Callable
from dataclasses import dataclass

from compute.budgets.planning import UNBOUNDED
from compute.errors import QuestionErrors, TooLarge

SMALLER = "smaller matrices or settings"


@dataclass(frozen=True, slots=True)
class Limits:
    """Amounts that an answer is allowed or predicted to take.

    work: elementary operations.
    entries: numbers held at once.
    answer: numbers that are returned.
    values: values of the graph that may be planned, see `compute.budgets.planning`; not predicted.
    """

    work: int
    entries: int
    answer: int
    values: int = UNBOUNDED

    def with_more(self, work: int, entries: int) -> "Limits":
        """Return these limits with work and entries added; `values` is unbounded."""
        return Limits(self.work + work, self.entries + entries, self.answer)


def check_limits(
    predicted: Limits, limits: Limits, smaller: str = SMALLER, *, fewer: Callable[[], str]
) -> None:
    """Raise QuestionErrors with TooLarge if the prediction exceeds the limits.

    smaller: the advice if it takes too much work or memory.
    fewer: returns the advice if the answer is too large.
    """
    if predicted.work > limits.work:
        raise _too_large("elementary operations", predicted.work, limits.work, smaller)
    if predicted.entries > limits.entries:
        raise _too_large("numbers held at once", predicted.entries, limits.entries, smaller)
    if predicted.answer > limits.answer:
        raise _too_large("numbers in the answer", predicted.answer, limits.answer, fewer())


def _too_large(amount: str, predicted: int, limit: int, advice: str) -> QuestionErrors:
    message = f"there would be {predicted:,} {amount}, and at most {limit:,} are allowed; send {advice}"
    received = f"a question that takes {predicted}"
    return QuestionErrors([TooLarge((), message, f"at most {limit} {amount}", received)])


def too_many_values(values: int) -> QuestionErrors:
    """Return the error of a question with more values to plan than allowed, for an `Allowance`."""
    message = (
        f"there would be more than {values:,} values to plan; send shorter sequences, fewer layers or lines,"
        " or ask for fewer names, Jacobians and checks"
    )
    received = f"a question that takes more than {values}"
    return QuestionErrors([TooLarge((), message, f"at most {values} values to plan", received)])
