"""Numbers that write how they come about: a rule that runs on them gives its formula with numbers put in."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compute.latex import ATOM, POWER, PRODUCT, SUM, Formula, matrix_latex
from compute.optimizers import squares
from compute.optimizers.declaration import within

Writer = Callable[[Any], Formula]
DIGITS = 6


class TracedNumber:
    """A number with how it came about, in LaTeX.

    worth: the number itself, for rules that compare; opposite: what it is the negative of; came: whether it
    is a number that came, and not an expression that happens to be worth as much.
    """

    __slots__ = ("came", "formula", "opposite", "worth", "write")
    __array_ufunc__ = None  # a matrix beside such a number becomes one as a whole

    def __init__(
        self,
        worth: Any,
        formula: Formula,
        write: Writer,
        opposite: "TracedNumber | None" = None,
        *,
        came: bool = False,
    ) -> None:
        self.worth, self.formula, self.write, self.opposite = worth, formula, write, opposite
        self.came = came

    @property
    def text(self) -> str:
        return self.formula.text

    def is_just(self, number: int) -> bool:
        """Whether it is this very number."""
        return self.came and not isinstance(self.worth, np.ndarray) and bool(self.worth == number)

    def _made(self, worth: Any, text: str, binding: int = ATOM) -> "TracedNumber":
        return TracedNumber(worth, Formula(text, binding), self.write)

    def _of(self, other: Any) -> "TracedNumber":
        return other if isinstance(other, TracedNumber) else as_written(other, self.write)

    def __add__(self, added: Any) -> "TracedNumber":
        other = self._of(added)
        if other.is_just(0):
            return self
        if self.is_just(0):
            return other
        if other.opposite is not None:
            return self - other.opposite
        return self._made(self.worth + other.worth, f"{self.text} + {other.formula.at(PRODUCT)}", SUM)

    def __radd__(self, other: Any) -> "TracedNumber":
        return self._of(other) + self

    def __sub__(self, taken: Any) -> "TracedNumber":
        other = self._of(taken)
        if other.is_just(0):
            return self
        if self.is_just(0):
            return -other
        return self._made(self.worth - other.worth, f"{self.text} - {other.formula.at(PRODUCT)}", SUM)

    def __rsub__(self, other: Any) -> "TracedNumber":
        return self._of(other) - self

    def __mul__(self, factor: Any) -> "TracedNumber":
        other = self._of(factor)
        if self.opposite is not None:
            return -(self.opposite * other)
        for one, rest in ((self, other), (other, self)):
            if one.is_just(1):
                return rest
            if one.is_just(0):
                return one
        text = rf"{self.formula.at(PRODUCT)} \cdot {other.formula.at(PRODUCT)}"
        return self._made(self.worth * other.worth, text, PRODUCT)

    def __rmul__(self, other: Any) -> "TracedNumber":
        return self._of(other) * self

    def __truediv__(self, divisor: Any) -> "TracedNumber":
        other = self._of(divisor)
        if other.is_just(1):
            return self
        if self.opposite is not None:
            return -(self.opposite / other)
        text = rf"\frac{{{self.text}}}{{{other.text}}}"
        return self._made(self.worth / other.worth, text, POWER)

    def __rtruediv__(self, other: Any) -> "TracedNumber":
        return self._of(other) / self

    def __pow__(self, exponent: Any) -> "TracedNumber":
        other = self._of(exponent)
        if other.is_just(1):
            return self
        return self._made(self.worth**other.worth, f"{self.formula.at(ATOM)}^{{{other.text}}}", POWER)

    def __rpow__(self, other: Any) -> "TracedNumber":
        return self._of(other) ** self

    def __neg__(self) -> "TracedNumber":
        if self.opposite is not None:
            return self.opposite
        if self.is_just(0):
            return self
        return TracedNumber(-self.worth, Formula(f"-{self.formula.at(PRODUCT)}", SUM), self.write, self)

    def __gt__(self, other: Any) -> bool:
        return bool(self.worth > self._of(other).worth)

    def __ge__(self, other: Any) -> bool:
        return bool(self.worth >= self._of(other).worth)

    def __bool__(self) -> bool:
        return bool(self.worth)


def as_written(number: Any, write: Writer) -> TracedNumber:
    """A number as it is."""
    formula = write(number)
    if not formula.text.startswith("-"):
        return TracedNumber(number, formula, write, came=True)
    return TracedNumber(
        number, formula, write, TracedNumber(-number, write(-number), write, came=True), came=True
    )


def float_formula(number: Any) -> Formula:
    """A float as people write it, with six digits; a vector or matrix row by row.

    A square that is no float, since it is too large or too small, is written as the square of its root.
    """
    number = squares.plain(number)
    if isinstance(number, squares.Square):
        return Formula(rf"\left({float_formula(number.root).text}\right)^{{2}}", POWER)
    if isinstance(number, np.ndarray) and number.ndim:
        return matrix_latex([float_formula(one).text for one in np.atleast_1d(row)] for row in number)
    if isinstance(number, bool | np.bool_):
        return Formula(str(bool(number)).lower())
    text = f"{float(number):.{DIGITS}g}"
    mantissa, _, exponent = text.partition("e")
    if exponent:
        power = f"10^{{{int(exponent)}}}"
        if mantissa in ("1", "-1"):
            return Formula(mantissa[:-1] + power, POWER if number > 0 else SUM)
        return Formula(rf"{mantissa} \cdot {power}", PRODUCT if number > 0 else SUM)
    if not np.isfinite(number):
        text = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}[text]
    return Formula(text, SUM if text.startswith("-") else ATOM)


def setting_formula(number: Any) -> Formula:
    """A float that was said, with all its digits."""
    text = str(number)
    plain = isinstance(number, float | np.floating) and "e" not in text and math.isfinite(number)
    if not plain:
        return float_formula(number)
    return Formula(text.removesuffix(".0"), SUM if text.startswith("-") else ATOM)


class TracingNamespace:
    """What rules ask of a namespace, for single numbers that are written."""

    def __init__(self, xp: Any, write: Writer) -> None:
        self.xp, self.write = xp, write

    def written(self, number: Any) -> TracedNumber:
        """A number as it is."""
        return number if isinstance(number, TracedNumber) else as_written(number, self.write)

    def square(self, a: Any) -> TracedNumber:
        taken = self.written(a)
        return TracedNumber(squares.square(self.xp, taken.worth), (taken**2).formula, self.write)

    def sqrt(self, a: Any) -> TracedNumber:
        taken = self.written(a)
        worth = squares.root(self.xp, taken.worth)
        return TracedNumber(worth, Formula(rf"\sqrt{{{taken.text}}}"), self.write)

    def absolute(self, a: Any) -> TracedNumber:
        return self._made("absolute", (a,), r"\left|%s\right|")

    def sign(self, a: Any) -> TracedNumber:
        return self._made("sign", (a,), r"\operatorname{sign}\left(%s\right)")

    def maximum(self, a: Any, b: Any) -> TracedNumber:
        taken = self.written(a), self.written(b)
        worth = squares.larger(self.xp, *(one.worth for one in taken))
        text = rf"\max\left({taken[0].text}, {taken[1].text}\right)"
        return TracedNumber(worth, Formula(text), self.write)

    def solve(self, matrix: Any, b: Any) -> TracedNumber:
        taken = self.written(matrix), self.written(b)
        text = rf"{taken[0].formula.at(ATOM)}^{{-1}} {taken[1].formula.at(PRODUCT)}"
        worth = self.xp.solve(*(one.worth for one in taken))
        return TracedNumber(worth, Formula(text, PRODUCT), self.write)

    def within(self, a: Any, low: Any, high: Any) -> TracedNumber:
        taken = [self.written(one) for one in (a, low, high)]
        worth = within(self.xp, *(one.worth for one in taken))
        inner = rf"\max\left({taken[0].text}, {taken[1].text}\right)"
        return TracedNumber(worth, Formula(rf"\min\left({inner}, {taken[2].text}\right)"), self.write)

    def greater(self, a: Any, b: Any) -> Any:
        return self.xp.greater(*(self.written(one).worth for one in (a, b)))

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Of a condition that is decided the case that holds; else the number alone."""
        if condition in (True, False):
            return a if condition else b
        return self.written(self.xp.where(condition, *(self.written(one).worth for one in (a, b))))

    def _made(self, name: str, operands: tuple[Any, ...], pattern: str, binding: int = ATOM) -> TracedNumber:
        taken = [self.written(one) for one in operands]
        worth = getattr(self.xp, name)(*(one.worth for one in taken))
        return TracedNumber(worth, Formula(pattern % tuple(one.text for one in taken), binding), self.write)
