"""Monte Carlo arithmetic: floats that round at random by a few units in the last place.

The spread of repeated runs of a computation shows how far rounding may have moved its result, wherever on the
way it happened. Functions that only move, compare or select entries do not round and are unchanged.

Source: Parker, Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic (1997).
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic, Array

UNITS = 2  # units in the last place by which results are changed: functions such as exp may be as far off
EXACT = {
    "constant", "powers", "whole", "zeros", "one_hot", "maximum", "minimum", "greater", "greater_equal",
    "equal", "negative", "absolute", "sign", "where", "select", "max_shift", "masked", "places", "take",
    "entrywise", "along", "argmax", "argsort", "floor", "rint", "round_to", "is_finite",
    "equality", "outlines", "begin", "simplify",
}  # fmt: skip


def rounding_unit(kind: str) -> float:
    """Return the relative change that models rounding in this dtype."""
    return UNITS * float(np.finfo(kind).eps)


def perturb(array: Array, change: float, draw: np.random.Generator) -> Array:
    """Return each entry with a random relative change, up or down, between `change / 2` and `change`."""
    factor = _draw_signs(draw, np.shape(array))
    factor *= change
    factor += 1
    perturbed: Array = array * factor
    return perturbed


def make_perturbed(
    base: Floating, change: float, draw: np.random.Generator, kind: str | None = None
) -> Floating:
    """Return the namespace with results that round at random.

    change: the relative change of a result.
    kind: a dtype whose underflow is modelled too; None for none.
    """
    rounding = _Rounding(base, change, draw, kind)
    perturbed = copy(base)
    for name in vars(Arithmetic):
        function = getattr(base, name, None)
        if callable(function) and name not in EXACT and not name.startswith("_"):
            setattr(perturbed, name, getattr(rounding, name, None) or rounding.wrap(function))
    return perturbed


class _Rounding:
    """The functions of a namespace with results that round at random."""

    def __init__(self, base: Floating, change: float, draw: np.random.Generator, kind: str | None) -> None:
        self._base, self._change, self._draw = base, change, draw
        self._least = 0.0 if kind is None else float(np.finfo(kind).smallest_subnormal)
        self._tiny = 0.0 if kind is None else float(np.finfo(kind).tiny)

    def wrap(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """Return a function with its result rounded."""
        return lambda *operands: self._round(function(*operands))

    def _round(self, result: Array, vanishes: Callable[[], Array] | None = None) -> Array:
        """Return the result rounded. vanishes: returns where the exact result is not 0."""
        if np.asarray(result).dtype.kind != "f":
            return result
        rounded = perturb(result, self._change, self._draw)
        if self._tiny and (small := np.abs(result) < self._tiny).any():
            lost = small & ((result != 0) | (False if vanishes is None else vanishes()))
            shift = 2 * self._least * _draw_signs(self._draw, rounded.shape)
            rounded = np.where(lost, result + shift, rounded)
        return rounded

    def _perturb(self, array: Array) -> Array:
        return perturb(array, self._change, self._draw)

    def multiply(self, a: Array, b: Array) -> Array:
        return self._round(self._base.multiply(a, b), lambda: (a != 0) & (b != 0))

    def divide(self, a: Array, b: Array) -> Array:
        return self._round(self._base.divide(a, b), lambda: np.not_equal(a, 0))

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        some = parts != 0
        return self._round(self._base.softmax_divide(parts, total), lambda: some)

    def exp(self, a: Array) -> Array:
        return self._round(self._base.exp(a), lambda: np.isfinite(a))

    def sigmoid(self, a: Array) -> Array:
        return self._round(self._base.sigmoid(a), lambda: np.isfinite(a))

    def softplus(self, a: Array) -> Array:
        return self._round(self._base.softplus(a), lambda: np.isfinite(a))

    def power(self, a: Array, exponent: Expression) -> Array:
        return self._round(self._base.power(a, exponent), lambda: np.not_equal(a, 0))

    def exponentials(self, a: Array, axis: int) -> Array:
        return self.exp(self._round(self._base.subtract(a, self._base.max_shift(a, axis))))

    # Rounding inside sums is modelled by rounding each term.

    def sum(self, a: Array, axis: int) -> Array:
        return self._round(self._base.sum(self._perturb(a), axis))

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        return self._base.scatter(self._perturb(a), places, size)

    def matmul(self, a: Array, b: Array) -> Array:
        def vanishes() -> Array:
            found: Array = np.matmul(np.not_equal(a, 0).astype(float), np.not_equal(b, 0).astype(float)) > 0
            return found

        return self._round(self._base.matmul(self._perturb(a), b), vanishes)

    def solve(self, matrix: Array, b: Array) -> Array:
        return self._round(self._base.solve(self._perturb(matrix), b))


def _draw_signs(draw: np.random.Generator, shape: Any) -> Array:
    """Return random numbers of either sign and sizes from 1/2 to 1, so that two seldom cancel."""
    drawn = np.asarray(draw.random(shape))
    drawn -= drawn < 0.5
    return drawn
