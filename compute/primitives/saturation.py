"""Derivatives of the sigmoid and of tanh, accurate to all digits where the functions saturate.

The textbook forms s (1 - s) and 1 - t^2 subtract nearly equal numbers there: at a = 20 they lose half of the
digits of sigmoid'(a) = 2.06e-9 and all digits of tanh'(a) = 1.7e-17. Exact numbers keep the textbook forms.
"""

from collections.abc import Callable

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.scalars import count

FLAT = 1 / 64  # a derivative above this has lost at most 6 bits
CONSISTENT = 1e-6  # the largest error of a textbook form, also of numbers that another run computed


def sigmoid_slope(xp: Arithmetic, a: Array, y: Array) -> Array:
    """Return the derivative of the sigmoid at a, given y = sigmoid(a)."""
    return _restore_digits(
        xp, xp.subtract(y, xp.multiply(y, y)), lambda a, y: xp.multiply(y, xp.sigmoid(xp.negative(a))), a, y
    )


def sigmoid_curvature(xp: Arithmetic, a: Array, s: Array) -> Array:
    """Return the second derivative of the sigmoid at a, given s = sigmoid(a)."""
    if xp.simplifies:
        return xp.multiply(sigmoid_slope(xp, a, s), xp.subtract(count(xp, 1), xp.multiply(count(xp, 2), s)))
    return xp.negative(xp.multiply(sigmoid_slope(xp, a, s), xp.tanh(xp.divide(a, count(xp, 2)))))


def tanh_slope(xp: Arithmetic, a: Array, y: Array) -> Array:
    """Return the derivative of tanh at a, given y = tanh(a)."""
    return _restore_digits(
        xp, xp.subtract(count(xp, 1), xp.multiply(y, y)), lambda a: _sech_squared(xp, a), a
    )


def _sech_squared(xp: Arithmetic, a: Array) -> Array:
    decay = xp.exp(xp.multiply(xp.absolute(a), count(xp, -2)))
    size = xp.add(decay, count(xp, 1))
    return xp.divide(xp.multiply(decay, count(xp, 4)), xp.multiply(size, size))


def tanh_curvature(xp: Arithmetic, a: Array, t: Array) -> Array:
    """Return the second derivative of tanh at a, given t = tanh(a)."""
    return xp.multiply(xp.multiply(t, tanh_slope(xp, a, t)), count(xp, -2))


def _restore_digits(xp: Arithmetic, textbook: Array, rule: Callable[..., Array], *operands: Array) -> Array:
    """Replace entries of the textbook form that have lost digits with the result of `rule`."""
    if xp.simplifies:
        return textbook
    if not xp.ordered or not isinstance(textbook, np.ndarray):
        return rule(*operands)
    # A value in the place of the computed one may have a slope far below zero, which is no loss of digits.
    # Where it is near zero by chance, the rule gives another result, which does not follow from that value.
    flat = np.abs(textbook.real) < FLAT
    if np.count_nonzero(flat):  # several times as fast as `any` for a few entries
        restored = rule(*(operand[flat] for operand in operands))
        is_same = np.abs(restored - textbook[flat]) <= CONSISTENT
        textbook[flat] = np.where(is_same, restored, textbook[flat])
    return textbook
