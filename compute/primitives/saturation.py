"""Derivatives of the sigmoid and of tanh, with all digits where the functions saturate.

The textbook forms s (1 - s) and 1 - t^2 subtract nearly equal numbers there: at a = 20 half of the digits of
sigmoid'(a) = 2.06e-9 are gone, and of tanh'(a) = 1.7e-17 all. Exact numbers keep the textbook forms.
"""

from collections.abc import Callable

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.scalars import count

FLAT = 1 / 64  # a derivative above this has lost 6 bits at most


def sigmoid_slope(xp: Arithmetic, a: Array, y: Array) -> Array:
    """The derivative of the sigmoid at a, where it is y."""
    return _with_digits(
        xp, xp.subtract(y, xp.multiply(y, y)), lambda a, y: xp.multiply(y, xp.sigmoid(xp.negative(a))), a, y
    )


def sigmoid_curvature(xp: Arithmetic, a: Array, s: Array) -> Array:
    """The second derivative of the sigmoid at a, where it is s."""
    if xp.simplifies:
        return xp.multiply(sigmoid_slope(xp, a, s), xp.subtract(count(xp, 1), xp.multiply(count(xp, 2), s)))
    return xp.negative(xp.multiply(sigmoid_slope(xp, a, s), xp.tanh(xp.divide(a, count(xp, 2)))))


def tanh_slope(xp: Arithmetic, a: Array, y: Array) -> Array:
    """The derivative of tanh at a, where it is y."""
    return _with_digits(xp, xp.subtract(count(xp, 1), xp.multiply(y, y)), lambda a: _square_of_sech(xp, a), a)


def _square_of_sech(xp: Arithmetic, a: Array) -> Array:
    decay = xp.exp(xp.multiply(xp.absolute(a), count(xp, -2)))
    size = xp.add(decay, count(xp, 1))
    return xp.divide(xp.multiply(decay, count(xp, 4)), xp.multiply(size, size))


def tanh_curvature(xp: Arithmetic, a: Array, t: Array) -> Array:
    """The second derivative of tanh at a, where it is t."""
    return xp.multiply(xp.multiply(t, tanh_slope(xp, a, t)), count(xp, -2))


def _with_digits(xp: Arithmetic, textbook: Array, rule: Callable[..., Array], *operands: Array) -> Array:
    """The textbook form, and a rule's result where that form has lost digits."""
    if xp.simplifies:
        return textbook
    if not xp.ordered or not isinstance(textbook, np.ndarray):
        return rule(*operands)
    flat = np.real(textbook) < FLAT
    if flat.any():
        textbook[flat] = rule(*(one[flat] for one in operands))
    return textbook
