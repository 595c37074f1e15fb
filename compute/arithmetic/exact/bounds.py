"""How large exact expressions may become, and how far a computation has come."""

from collections.abc import Callable, Iterable
from typing import Any

from compute.errors import QuestionError, QuestionErrors

MAX_OPERATIONS = 200_000  # of all entries of one value together
MAX_DIGITS = 2_000  # of one integer
ADVICE = "numbers in the place of symbols, smaller shapes, or given values for what comes before"


class Progress:
    """The named values that the computation at hand has reached; `tell` is called with each."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tell: Callable[[str], None] = lambda name: None

    def begin(self) -> None:
        """Forget what an earlier computation reached, and all that is remembered of one question alone."""
        self.names = []
        for forget in FORGOTTEN:
            forget()

    def reached(self, name: str) -> None:
        self.names.append(name)
        self.tell(name)


PROGRESS = Progress()
_SIZES: dict[Any, int] = {}
FORGOTTEN: list[Callable[[], None]] = [_SIZES.clear]  # what is remembered of one question alone


def beyond(what: str, limit: str, names: list[str] | None = None, received: str = "") -> QuestionErrors:
    """Return the refusal of work that grew beyond a bound.

    names: the values that it reached. received: what came; by default, how far the work came.
    """
    came = reached(PROGRESS.names if names is None else names)
    return QuestionErrors(
        [QuestionError((), f"the exact answer {what}; {came}; send {ADVICE}", limit, received or came)]
    )


def reached(names: list[str]) -> str:
    """How far a computation came, in words."""
    shown = ", ".join(names[-5:])
    return f"it came as far as {shown}" if names else "it did not come as far as a first value"


def size(expression: Any) -> int:
    """How many operations and operands an expression has, written out; remembered, for they share parts."""
    known = _SIZES.get(expression)
    if known is not None:
        return known
    if not expression.args:
        found = 1
        if expression.is_Integer or expression.is_Rational:
            bits = max(abs(expression.p).bit_length(), expression.q.bit_length())
            if bits > MAX_DIGITS * 3.33:
                raise _too_many_digits(bits)
            found += bits // 32
    else:
        found = 1 + sum(size(one) for one in expression.args)
    if len(_SIZES) > 200_000:
        _SIZES.clear()
    _SIZES[expression] = found
    return found


def check(entries: Iterable[Any]) -> None:
    """Raise QuestionErrors where the entries of one value are too large together."""
    total = 0
    for one in entries:
        total += size(one)
        if total > MAX_OPERATIONS:
            expected = f"at most {MAX_OPERATIONS} operations in the entries of a value"
            raise beyond("grew too large", expected, received=f"at least {total} operations")


def check_power(base: Any, exponent: Any) -> None:
    """Raise QuestionErrors where a power of a fraction would have too many digits."""
    if base.is_Rational and exponent.is_Rational:
        bits = max(abs(base.p).bit_length(), base.q.bit_length())
        if bits > 1 and bits * abs(exponent) > MAX_DIGITS * 3.33:
            raise _too_many_digits(bits * abs(exponent))


def _too_many_digits(bits: Any) -> QuestionErrors:
    limit, received = f"at most {MAX_DIGITS} digits", "more than 10**15 digits"
    if bits < 10**15:
        received = f"about {int(bits / 3.3219)} digits"
    return beyond("holds integers of too many digits", limit, received=received)
