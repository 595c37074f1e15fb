"""Limits on the work of an answer, and the refusal of questions beyond them."""

from collections.abc import Callable
from dataclasses import dataclass

from compute.budgets.planning import UNBOUNDED
from compute.errors import QuestionErrors, TooLarge

SMALLER = "smaller matrices or settings"


@dataclass(frozen=True, slots=True)
class Limits:
    """Amounts that an answer may take, or will.

    work: elementary operations; entries: numbers held at once; answer: numbers sent back; values: those that
    are planned, see `compute.budgets.planning`, which no prediction counts.
    """

    work: int
    entries: int
    answer: int
    values: int = UNBOUNDED

    def with_more(self, work: int, entries: int) -> "Limits":
        """The same and more of two."""
        return Limits(self.work + work, self.entries + entries, self.answer)


def check_limits(
    predicted: Limits, limits: Limits, smaller: str = SMALLER, *, fewer: Callable[[], str]
) -> None:
    """Raise QuestionErrors with TooLarge where more is predicted than is allowed.

    smaller, fewer: what is advised where it is too much work, and too much to send back.
    """
    if predicted.work > limits.work:
        raise _too_large("elementary operations", predicted.work, limits.work, smaller)
    if predicted.entries > limits.entries:
        raise _too_large("numbers held at once", predicted.entries, limits.entries, smaller)
    if predicted.answer > limits.answer:
        raise _too_large("numbers in the answer", predicted.answer, limits.answer, fewer())


def _too_large(what: str, predicted: int, limit: int, advice: str) -> QuestionErrors:
    message = f"there would be {predicted:,} {what}, and at most {limit:,} are allowed; send {advice}"
    received = f"a question that takes {predicted}"
    return QuestionErrors([TooLarge((), message, f"at most {limit} {what}", received)])


def too_many_values(values: int) -> QuestionErrors:
    """Return the refusal of a question that would have more values than this to plan, for an `Allowance`."""
    message = (
        f"there would be more than {values:,} values to plan; send shorter sequences, fewer layers or lines,"
        " or ask for fewer names, Jacobians and checks"
    )
    received = f"a question that takes more than {values}"
    return QuestionErrors([TooLarge((), message, f"at most {values} values to plan", received)])
