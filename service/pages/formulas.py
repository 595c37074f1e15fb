"""Expressions, conditions and growths that answers have as text, as mathematics."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compute.arithmetic.expressions import Expression, ExpressionError, fold, parse
from compute.latex import COMPARISONS, PRODUCT, SUM, Formula, Latex, symbol_latex
from service.pages.blocks import Code, Inline, Math

LONGEST, DIGITS = 4_000, 1_000  # characters of an expression of an answer, and digits of its numbers
KEYWORD = re.compile(r"\blambda\b")  # a word of the grammar of expressions, which is Python's
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
DIGIT = str.maketrans(RAISED, "0123456789")
LETTER, NAME = (re.compile(rf"({name})([{RAISED}]*)") for name in ("[A-Za-z]", "[A-Za-z][A-Za-z0-9_]*"))
AND = r" \quad\text{and}\quad "
REVERSED = {"<": ">", r"\le": r"\ge"}
TURNED = {"greater": "less", "greater_equal": "less_equal"}


class _Negative(Formula):
    """A formula that is one term with a minus sign in front."""


class Products(Latex):
    """LaTeX with products side by side, as in print: `2*x*y` is `2 x y`."""

    def apply(self, head: str, operands: list[Formula]) -> Formula:
        """Return the formula of a function of formulas."""
        first = operands[0]
        if head == "negative":
            return _Negative(*super().apply(head, operands))
        if isinstance(first, _Negative) and head in ("multiply", "divide"):
            inner = Formula(first.text[1:], PRODUCT)
            return _Negative(f"-{self.apply(head, [inner, *operands[1:]]).text}", SUM)
        if head != "multiply":
            return super().apply(head, operands)
        left, right = (operand.at(PRODUCT) for operand in operands)
        if right[0].isdigit() or (right.startswith(r"\frac") and left[-1].isdigit()):
            sign = r" \cdot "
        else:
            sign = r" \, " if r"\mathrm" in left + right else " "
        return Formula(f"{left}{sign}{right}", PRODUCT)


def write_formula(text: str) -> Inline:
    """Return an expression such as `3*d**2*n`, or a condition such as `eta < 4`, as mathematics.

    Text that is neither stays as it is.
    """
    return write_relation([text])


def write_relation(conditions: Sequence[str]) -> Inline:
    """Return conditions that hold together as one formula, with `0 < x` and `x < 4` as `0 < x < 4`.

    Text that is neither an expression nor a condition stays as it is.
    """
    try:
        parts = [part for text in conditions for part in _split(_read(text))]
    except (ExpressionError, ValueError):
        return Code(" and ".join(conditions))
    bounds = list(dict.fromkeys(map(_write_bound, parts)))
    return Math(AND.join(" ".join(chain) for chain in _chain(bounds)))


def write_factor(text: str) -> Inline:
    """Return an expression as mathematics that stands in a product: a sum is in parentheses.

    Text that is no expression stays as it is.
    """
    try:
        return Math(fold(_read(text), Products()).at(PRODUCT))
    except (ExpressionError, ValueError):
        return Code(text)


class _Bound(NamedTuple):
    """The sides of `low < high` and the sign between them, as LaTeX; other formulas are all in `low`.

    below, above: the sides that are symbols, and empty text for those that are not.
    """

    low: str
    sign: str = ""
    high: str = ""
    below: str = ""
    above: str = ""


def _read(text: str) -> Expression:
    symbol = KEYWORD.sub("lambda_", text)
    try:
        return parse(symbol, LONGEST, DIGITS)
    except ExpressionError:
        [condition] = parse(f"indicator({symbol})", LONGEST, DIGITS).operands  # no condition stands alone
        return condition


def _split(expression: Expression) -> list[Expression]:
    if expression.head != "and":
        return [expression]
    return [part for operand in expression.operands for part in _split(operand)]


def _write_bound(part: Expression) -> _Bound:
    head = TURNED.get(part.head, part.head)
    if head not in TURNED.values():
        return _Bound(fold(part, Products()).text)
    sides = part.operands if head == part.head else part.operands[::-1]
    low, high = (fold(side, Products()).text for side in sides)
    below, above = (side.text if side.head == "symbol" else "" for side in sides)
    return _Bound(low, COMPARISONS[head], high, below, above)


def _chain(bounds: Sequence[_Bound]) -> Iterator[list[str]]:
    """Yield each bound, with the one that starts at the symbol at which it ends."""
    rest = list(bounds)
    while rest:
        first = next((bound for bound in rest if bound.above), rest[0])
        rest.remove(first)
        second = next((bound for bound in rest if first.above and bound.below == first.above), None)
        if second is not None:
            rest.remove(second)
            yield [*first[:3], *second[1:3]]
        elif first.above and not first.below:  # `x > 4` reads better than `4 < x`
            yield [first.high, REVERSED[first.sign], first.low]
        else:
            yield [text for text in first[:3] if text]


def write_growth(growth: str) -> Math:
    """Return a growth such as `O(d²n + n²d)` as mathematics."""
    terms = [_write_term(term) for term in growth.removeprefix("O(").removesuffix(")").split(" + ")]
    return Math(f"O({' + '.join(terms)})")


def _write_term(term: str) -> str:
    """Return a product, whose factors are single letters if no dots part them."""
    has_names = "·" in term or "_" in term
    factors = (NAME if has_names else LETTER).findall(term)
    written = (
        f"{symbol_latex(name)}^{{{power.translate(DIGIT)}}}" if power else symbol_latex(name)
        for name, power in factors
    )
    return (r" \, " if has_names else " ").join(written) or "1"
