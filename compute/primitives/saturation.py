"""Derivatives of the sigmoid and of tanh, with all digits where the functions saturate.

The textbook forms s (1 - s) and 1 - t^2 subtract nearly equal numbers there: at a = 20 half of the digits of
sigmoid'(a) = 2.06e-9 are gone, and of tanh'(a) = 1.7e-17 all. Exact numbers keep the textbook forms.
"""

from compute.arithmetic.expressions import parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.entries import count, known

FLAT = parse("1/64")  # a derivative above this has lost 6 bits at most


def sigmoid_slope(xp: Arithmetic, a: Array, s: Array) -> Array:
    """The derivative of the sigmoid at a, where it is s."""
    slope = xp.subtract(s, xp.multiply(s, s))
    if _keeps_digits(xp, slope):
        return slope
    return xp.multiply(s, xp.sigmoid(xp.negative(a)))


def sigmoid_curvature(xp: Arithmetic, a: Array, s: Array) -> Array:
    """The second derivative of the sigmoid at a, where it is s."""
    if xp.settles:
        return xp.multiply(sigmoid_slope(xp, a, s), xp.subtract(count(xp, 1), xp.multiply(count(xp, 2), s)))
    return xp.negative(xp.multiply(sigmoid_slope(xp, a, s), xp.tanh(xp.divide(a, count(xp, 2)))))


def tanh_slope(xp: Arithmetic, a: Array, t: Array) -> Array:
    """The derivative of tanh at a, where it is t."""
    slope = xp.subtract(count(xp, 1), xp.multiply(t, t))
    if _keeps_digits(xp, slope):
        return slope
    decay = xp.exp(xp.multiply(xp.absolute(a), count(xp, -2)))
    size = xp.add(decay, count(xp, 1))
    return xp.divide(xp.multiply(decay, count(xp, 4)), xp.multiply(size, size))


def tanh_curvature(xp: Arithmetic, a: Array, t: Array) -> Array:
    """The second derivative of tanh at a, where it is t."""
    return xp.multiply(xp.multiply(t, tanh_slope(xp, a, t)), count(xp, -2))


def _keeps_digits(xp: Arithmetic, slope: Array) -> bool:
    """Whether a textbook form is good enough for all entries."""
    if not xp.ordered:
        return xp.settles
    return not known(xp.greater(xp.constant(FLAT, {}), slope), True).any()
