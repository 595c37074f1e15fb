"""Numbers that record their own computation in LaTeX, so that a rule run on them yields its formula."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compute.latex import ATOM, POWER, PRODUCT, SUM, Formula, matrix_latex
from compute.optimizers.rules import squares
from compute.optimizers.rules.declaration import clip

Writer = Callable[[Any], Formula]
DIGITS = 6


class TracedNumber:
    """A number with the LaTeX of its computation.

    value: the number itself, for rules that compare.
    write: writes a number in LaTeX.
    negation: the number that this one negates, if any.
    is_leaf: whether it is a given number, not an expression with the same value.
    """

    __slots__ = ("formula", "is_leaf", "negation", "value", "write")
    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(
        self,
        value: Any,
        formula: Formula,
        write: Writer,
        negation: "TracedNumber | None" = None,
        *,
        is_leaf: bool = False,
    ) -> None:
        self.value, self.formula, self.write, self.negation = value, formula, write, negation
        self.is_leaf = is_leaf

    @property
    def text(self) -> str:
        return self.formula.text

    def is_just(self, number: int) -> bool:
        """Return whether it is a leaf with this value."""
        return self.is_leaf and not isinstance(self.value, np.ndarray) and bool(self.value == number)

    def _derived(self, value: Any, text: str, precedence: int = ATOM) -> "TracedNumber":
        return TracedNumber(value, Formula(text, precedence), self.write)

    def _traced(self, other: Any) -> "TracedNumber":
        return other if isinstance(other, TracedNumber) else trace_number(other, self.write)

    def __add__(self, addend: Any) -> "TracedNumber":
        other = self._traced(addend)
        if other.is_just(0):
            return self
        if self.is_just(0):
            return other
        if other.negation is not None:
            return self - other.negation
        return self._derived(self.value + other.value, f"{self.text} + {other.formula.at(PRODUCT)}", SUM)

    def __radd__(self, other: Any) -> "TracedNumber":
        return self._traced(other) + self

    def __sub__(self, operands: Any) -> "TracedNumber":
        other = self._traced(operands)
        if other.is_just(0):
            return self
        if self.is_just(0):
            return -other
        return self._derived(self.value - other.value, f"{self.text} - {other.formula.at(PRODUCT)}", SUM)

    def __rsub__(self, other: Any) -> "TracedNumber":
        return self._traced(other) - self

    def __mul__(self, factor: Any) -> "TracedNumber":
        other = self._traced(factor)
        if self.negation is not None:
            return -(self.negation * other)
        for a, b in ((self, other), (other, self)):
            if a.is_just(1):
                return b
            if a.is_just(0):
                return a
        text = rf"{self.formula.at(PRODUCT)} \cdot {other.formula.at(PRODUCT)}"
        return self._derived(self.value * other.value, text, PRODUCT)

    def __rmul__(self, other: Any) -> "TracedNumber":
        return self._traced(other) * self

    def __truediv__(self, divisor: Any) -> "TracedNumber":
        other = self._traced(divisor)
        if other.is_just(1):
            return self
        if self.negation is not None:
            return -(self.negation / other)
        text = rf"\frac{{{self.text}}}{{{other.text}}}"
        return self._derived(self.value / other.value, text, POWER)

    def __rtruediv__(self, other: Any) -> "TracedNumber":
        return self._traced(other) / self

    def __pow__(self, exponent: Any) -> "TracedNumber":
        other = self._traced(exponent)
        if other.is_just(1):
            return self
        return self._derived(self.value**other.value, f"{self.formula.at(ATOM)}^{{{other.text}}}", POWER)

    def __rpow__(self, other: Any) -> "TracedNumber":
        return self._traced(other) ** self

    def __neg__(self) -> "TracedNumber":
        if self.negation is not None:
            return self.negation
        if self.is_just(0):
            return self
        return TracedNumber(-self.value, Formula(f"-{self.formula.at(PRODUCT)}", SUM), self.write, self)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > self._traced(other).value)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= self._traced(other).value)

    def __bool__(self) -> bool:
        return bool(self.value)


def trace_number(number: Any, write: Writer) -> TracedNumber:
    """Return a number as a leaf."""
    formula = write(number)
    if not formula.text.startswith("-"):
        return TracedNumber(number, formula, write, is_leaf=True)
    return TracedNumber(
        number, formula, write, TracedNumber(-number, write(-number), write, is_leaf=True), is_leaf=True
    )


def float_formula(number: Any) -> Formula:
    """Return a float with six digits, a vector or matrix row by row.

    A square that overflows or underflows is written as the square of its root.
    """
    number = squares.unwrap(number)
    if isinstance(number, squares.Square):
        return Formula(rf"\left({float_formula(number.root).text}\right)^{{2}}", POWER)
    if isinstance(number, np.ndarray) and number.ndim:
        return matrix_latex([float_formula(entry).text for entry in np.atleast_1d(row)] for row in number)
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
    """Return a given float with all its digits."""
    text = str(number)
    is_plain = isinstance(number, float | np.floating) and "e" not in text and math.isfinite(number)
    if not is_plain:
        return float_formula(number)
    return Formula(text.removesuffix(".0"), SUM if text.startswith("-") else ATOM)


class TracingNamespace:
    """The functions that rules use, on single traced numbers."""

    def __init__(self, xp: Any, write: Writer) -> None:
        self.xp, self.write = xp, write

    def trace(self, number: Any) -> TracedNumber:
        """Return a number as a leaf, unless it is traced already."""
        return number if isinstance(number, TracedNumber) else trace_number(number, self.write)

    def square(self, a: Any) -> TracedNumber:
        operand = self.trace(a)
        return TracedNumber(squares.square(self.xp, operand.value), (operand**2).formula, self.write)

    def sqrt(self, a: Any) -> TracedNumber:
        operand = self.trace(a)
        value = squares.root(self.xp, operand.value)
        return TracedNumber(value, Formula(rf"\sqrt{{{operand.text}}}"), self.write)

    def absolute(self, a: Any) -> TracedNumber:
        return self._apply("absolute", (a,), r"\left|%s\right|")

    def sign(self, a: Any) -> TracedNumber:
        return self._apply("sign", (a,), r"\operatorname{sign}\left(%s\right)")

    def maximum(self, a: Any, b: Any) -> TracedNumber:
        operands = self.trace(a), self.trace(b)
        value = squares.maximum(self.xp, *(operand.value for operand in operands))
        text = rf"\max\left({operands[0].text}, {operands[1].text}\right)"
        return TracedNumber(value, Formula(text), self.write)

    def solve(self, matrix: Any, b: Any) -> TracedNumber:
        operands = self.trace(matrix), self.trace(b)
        text = rf"{operands[0].formula.at(ATOM)}^{{-1}} {operands[1].formula.at(PRODUCT)}"
        value = self.xp.solve(*(operand.value for operand in operands))
        return TracedNumber(value, Formula(text, PRODUCT), self.write)

    def clip(self, a: Any, low: Any, high: Any) -> TracedNumber:
        operands = [self.trace(operand) for operand in (a, low, high)]
        value = clip(self.xp, *(operand.value for operand in operands))
        inner = rf"\max\left({operands[0].text}, {operands[1].text}\right)"
        return TracedNumber(value, Formula(rf"\min\left({inner}, {operands[2].text}\right)"), self.write)

    def greater(self, a: Any, b: Any) -> Any:
        return self.xp.greater(self.trace(a).value, self.trace(b).value)

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Return the case that a decided condition selects, else the value alone."""
        if condition in (True, False):
            return a if condition else b
        return self.trace(self.xp.where(condition, self.trace(a).value, self.trace(b).value))

    def _apply(
        self, name: str, arguments: tuple[Any, ...], pattern: str, binding: int = ATOM
    ) -> TracedNumber:
        operands = [self.trace(argument) for argument in arguments]
        value = getattr(self.xp, name)(*(operand.value for operand in operands))
        return TracedNumber(
            value, Formula(pattern % tuple(operand.text for operand in operands), binding), self.write
        )
