"""Numbers written as text, such as "NaN" or "2*sqrt(2)"."""

import re

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import parse
from compute.errors import Path, QuestionErrors, TooLarge
from service.schemas.formats import SPECIAL

MOST_EXPRESSIONS = 20_000  # different ones per document, each of which takes about 50 microseconds to read
_DECIMAL = re.compile(r"(?:0|[1-9]\d{0,16})(?:\.\d{0,17})?(?:[eE][+-]?\d{1,2})?", re.ASCII)


class Texts:
    """The numbers of texts in a document, each expression evaluated once."""

    def __init__(self) -> None:
        self._known: dict[str, float] = dict(SPECIAL)
        self._expressions = 0

    def number(self, text: str) -> float:
        """Return the number of a text.

        Raises ExpressionError if it is not a number, TooManyExpressions if the document holds too many
        different expressions.
        """
        value = self._known.get(text)
        if value is None:
            if _DECIMAL.fullmatch(text):  # as cheap as a lookup, and there may be millions
                return float(text)
            self._expressions += 1
            if self._expressions > MOST_EXPRESSIONS:
                raise TooManyExpressions
            value = self._known[text] = evaluate(parse(text))
        return value


class TooManyExpressions(Exception):
    """A document holds too many different expressions."""

    def at(self, path: Path) -> QuestionErrors:
        """Return the error for the tensor at this path."""
        message = (
            f"the document holds more than {MOST_EXPRESSIONS:,} different constant expressions, each of which"
            " has to be read; send numbers"
        )
        expected = f"at most {MOST_EXPRESSIONS} different expressions"
        return QuestionErrors([TooLarge(path, message, expected, f"more than {MOST_EXPRESSIONS}")])
