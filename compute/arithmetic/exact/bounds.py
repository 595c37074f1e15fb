"""Bounds on the size of exact expressions, and the progress of a computation."""

from collections.abc import Callable, Iterable
from typing import Any

from compute.errors import QuestionError, QuestionErrors

MAX_OPERATIONS = 200_000  # of all entries of one value together
MAX_DIGITS = 2_000  # of one integer
ADVICE = "numbers in the place of symbols, smaller shapes, or given values for what comes before"


class Progress:
    """The named values that the current computation has reached; `tell` is called with each."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tell: Callable[[str], None] = lambda name: None

    def begin(self) -> None:
        """Clear the progress of an earlier computation, and all caches of a single question."""
        self.names = []
        for forget in FORGOTTEN:
            forget()

    def reached(self, name: str) -> None:
        self.names.append(name)
        self.tell(name)


PROGRESS = Progress()
_SIZES: dict[Any, int] = {}
FORGOTTEN: list[Callable[[], None]] = [_SIZES.clear]
"""Functions that clear the caches of a single question."""


def beyond(what: str, limit: str, names: list[str] | None = None, received: str = "") -> QuestionErrors:
    """Return the error for work that grew beyond a bound.

    names: the values that it reached, by default those of `PROGRESS`.
    received: by default, how far the work came.
    """
    came = reached(PROGRESS.names if names is None else names)
    return QuestionErrors(
        [QuestionError((), f"the exact answer {what}; {came}; send {ADVICE}", limit, received or came)]
    )


def reached(names: list[str]) -> str:
    """Return how far a computation came, in words."""
    shown = ", ".join(names[-5:])
    return f"it came as far as {shown}" if names else "it did not come as far as a first value"


def size(expression: Any) -> int:
    """Return the number of operations and operands of an expression, cached since expressions share parts."""
    known = _SIZES.get(expression)
    if known is not None:
        return known
    if not expression.args:
        count = 1
        if expression.is_Integer or expression.is_Rational:
            bits = max(abs(expression.p).bit_length(), expression.q.bit_length())
            if bits > MAX_DIGITS * 3.33:
                raise _too_many_digits(bits)
            count += bits // 32
    else:
        count = 1 + sum(size(operand) for operand in expression.args)
    if len(_SIZES) > 200_000:
        _SIZES.clear()
    _SIZES[expression] = count
    return count


def check(entries: Iterable[Any]) -> None:
    """Raise QuestionErrors if the entries of one value are too large together."""
    total = 0
    for entry in entries:
        total += size(entry)
        if total > MAX_OPERATIONS:
            expected = f"at most {MAX_OPERATIONS} operations in the entries of a value"
            raise beyond("grew too large", expected, received=f"at least {total} operations")


def check_power(base: Any, exponent: Any) -> None:
    """Raise QuestionErrors if a power of a fraction would have too many digits."""
    if base.is_Rational and exponent.is_Rational:
        bits = max(abs(base.p).bit_length(), base.q.bit_length())
        if bits > 1 and bits * abs(exponent) > MAX_DIGITS * 3.33:
            raise _too_many_digits(bits * abs(exponent))


def _too_many_digits(bits: Any) -> QuestionErrors:
    limit, received = f"at most {MAX_DIGITS} digits", "more than 10**15 digits"
    if bits < 10**15:
        received = f"about {int(bits / 3.3219)} digits"
    return beyond("holds integers of too many digits", limit, received=received)
