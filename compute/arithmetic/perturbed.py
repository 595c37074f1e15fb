"""Floats that round at random: every result of arithmetic is changed by a few units of its rounding.

Runs of one computation over them spread as far as rounding may have moved its result, wherever on the way it
happened. Functions that only move, compare or choose entries round nothing and stay as they are.

Source: Parker, Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic (1997).
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic, Array

UNITS = 2  # by how many units of rounding a result is changed: functions such as exp are off by up to that
EXACT = {
    "constant", "powers", "whole", "zeros", "one_hot", "maximum", "minimum", "greater", "greater_equal",
    "equal", "negative", "absolute", "sign", "where", "select", "max_shift", "masked", "places", "take",
    "entrywise", "along", "argmax", "is_finite", "equality", "outlines", "begin", "simplify",
}  # fmt: skip


def rounding_unit(kind: str) -> float:
    """The relative change that stands for the rounding of numbers of this dtype."""
    return UNITS * float(np.finfo(kind).eps)


def perturb(array: Array, change: float, draw: np.random.Generator) -> Array:
    """Each entry changed by a part of itself, up or down, between half of `change` and all of it."""
    factor = _signs(draw, np.shape(array))
    factor *= change
    factor += 1
    found: Array = array * factor
    return found


def make_perturbed(
    base: Floating, change: float, draw: np.random.Generator, kind: str | None = None
) -> Floating:
    """The namespace with numbers that round at random.

    change: of a result, beside itself; kind: a dtype among whose smallest numbers results lose digits, or
    vanish; None for no such loss.
    """
    rounding = _Rounding(base, change, draw, kind)
    found = copy(base)
    for name in vars(Arithmetic):
        function = getattr(base, name, None)
        if callable(function) and name not in EXACT and not name.startswith("_"):
            setattr(found, name, getattr(rounding, name, None) or rounding.rounded(function))
    return found


class _Rounding:
    """Functions of a namespace, with results that round at random."""

    def __init__(self, base: Floating, change: float, draw: np.random.Generator, kind: str | None) -> None:
        self._base, self._change, self._draw = base, change, draw
        self._least = 0.0 if kind is None else float(np.finfo(kind).smallest_subnormal)
        self._tiny = 0.0 if kind is None else float(np.finfo(kind).tiny)

    def rounded(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """The function with its result rounded."""
        return lambda *operands: self._round(function(*operands))

    def _round(self, result: Array, vanishes: Callable[[], Array] | None = None) -> Array:
        """The result rounded. vanishes: where it is not 0 in truth."""
        if np.asarray(result).dtype.kind != "f":
            return result
        found = perturb(result, self._change, self._draw)
        if self._tiny and (small := np.abs(result) < self._tiny).any():
            lost = small & ((result != 0) | (False if vanishes is None else vanishes()))
            found = np.where(lost, result + 2 * self._least * _signs(self._draw, found.shape), found)
        return found

    def _changed(self, array: Array) -> Array:
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

    # Rounding inside of sums is as if each of their terms had been rounded.

    def sum(self, a: Array, axis: int) -> Array:
        return self._round(self._base.sum(self._changed(a), axis))

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        return self._base.scatter(self._changed(a), places, size)

    def matmul(self, a: Array, b: Array) -> Array:
        def vanishes() -> Array:
            found: Array = np.matmul(np.not_equal(a, 0).astype(float), np.not_equal(b, 0).astype(float)) > 0
            return found

        return self._round(self._base.matmul(self._changed(a), b), vanishes)

    def solve(self, matrix: Array, b: Array) -> Array:
        return self._round(self._base.solve(self._changed(matrix), b))


def _signs(draw: np.random.Generator, shape: Any) -> Array:
    """Random numbers of either sign, with sizes from 1/2 to 1: two of one size seldom cancel."""
    drawn = np.asarray(draw.random(shape))
    drawn -= drawn < 0.5
    return drawn
