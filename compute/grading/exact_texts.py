"""Read the entries of a student's answer as exact numbers with free symbols."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import Symbols, rational, value
from compute.arithmetic.exact.bounds import MAX_DIGITS
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.grading.notation import (
    Limits,
    Notation,
    UnreadableEntry,
    UnreadableText,
    check_length,
    read_expression,
)
from compute.grading.written import CachedTexts, find_decimal, half_unit, read_word

LIMITS = Limits(longest=10_000, digits=MAX_DIGITS, deepest=90)
BITS = 6_600  # of an integer of MAX_DIGITS digits
MOST_COMPARED = 16  # operands of max and min in one text: SymPy takes cubic time for symbols
_WORDS = {"nan": sympy.nan, "inf": sympy.oo, "-inf": -sympy.oo}


class ExactTexts(CachedTexts):
    """Reads entries as exact numbers.

    symbols: of the question. names: of the symbols that may be used; None for any.
    known: the names that the question has, if any may be used.
    """

    def __init__(
        self,
        notation: Notation,
        symbols: Symbols,
        names: Collection[str] | None = None,
        known: Collection[str] = (),
    ) -> None:
        super().__init__(notation)
        self.symbols, self.names, self.known = symbols, names, frozenset(known)

    def read_text(self, text: str) -> tuple[Any, float]:
        check_length(text, LIMITS.longest)
        return self.recall(text, self._read_expression)

    def read_number(self, number: float) -> Any:
        if isinstance(number, int) and number.bit_length() > BITS:
            raise UnreadableEntry("too_large", f"the number has more than {MAX_DIGITS} digits")
        text = str(number)
        if text in _WORDS:
            return _WORDS[text]
        try:
            return rational(text)
        except ExpressionError as error:
            raise UnreadableEntry("too_large", f"the number {error}") from None

    def collect(self, values: Sequence[Any]) -> Array:
        collected: Array = np.empty(len(values), dtype=object)
        collected[:] = values
        return collected

    def _read_expression(self, text: str) -> tuple[Any, float]:
        word = read_word(text)
        if word is not None:
            return (word if isinstance(word, bool) else _WORDS[str(word)]), 0.0
        expression = read_expression(text, self.notation, self.names, LIMITS, self.known)
        _check_compared(expression)
        try:
            found = value(expression, self.symbols)
        except ExpressionError as error:
            raise UnreadableText("no_value", str(error)) from None
        except QuestionErrors:
            reason = f"has a power, or numbers of more than {MAX_DIGITS} digits, that cannot be written out"
            raise UnreadableText("too_large", reason) from None
        except Exception:  # of SymPy, which raises many kinds, and no text of a student may raise one
            raise UnreadableText("no_value", "has no value that can be worked out exactly") from None
        decimal = find_decimal(text, self.notation)
        return found, 0.0 if decimal is None else half_unit(decimal)


def _check_compared(expression: Expression) -> None:
    """Raise UnreadableText if the operands of max and min are too many, whether nested or side by side."""
    compared, pending = 0, [expression]
    while pending:
        current = pending.pop()
        compared += len(current.operands) if current.head in ("max", "min") else 0
        pending.extend(current.operands)
    if compared > MOST_COMPARED:
        reason = f"takes the max or min of {compared} numbers; at most {MOST_COMPARED} can be compared"
        raise UnreadableText("too_large", reason)
