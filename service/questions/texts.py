"""Numbers that text stands for, such as "NaN" or "2*sqrt(2)"."""

import re

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import parse
from compute.errors import Path, QuestionErrors, TooLarge
from service.schemas.formats import SPECIAL

MOST_EXPRESSIONS = 20_000  # different ones in a document: reading each takes some 50 microseconds
_DECIMAL = re.compile(r"(?:0|[1-9]\d{0,16})(?:\.\d{0,17})?(?:[eE][+-]?\d{1,2})?", re.ASCII)


class Texts:
    """What text in the place of numbers is worth, each expression read once for a whole document."""

    def __init__(self) -> None:
        self._known: dict[str, float] = dict(SPECIAL)
        self._expressions = 0

    def number(self, text: str) -> float:
        """Return the number that a text stands for.

        Raises ExpressionError where it stands for none, TooManyExpressions where the document holds too many
        different ones.
        """
        found = self._known.get(text)
        if found is None:
            if _DECIMAL.fullmatch(text):  # as cheap as a look-up, and there may be millions
                return float(text)
            self._expressions += 1
            if self._expressions > MOST_EXPRESSIONS:
                raise TooManyExpressions
            found = self._known[text] = evaluate(parse(text))
        return found


class TooManyExpressions(Exception):
    """A document holds more different expressions than are read."""

    def at(self, path: Path) -> QuestionErrors:
        """Return the same as a fault of the tensor at this path."""
        message = (
            f"the document holds more than {MOST_EXPRESSIONS:,} different constant expressions, each of which"
            " has to be read; send numbers"
        )
        expected = f"at most {MOST_EXPRESSIONS} different expressions"
        return QuestionErrors([TooLarge(path, message, expected, f"more than {MOST_EXPRESSIONS}")])
