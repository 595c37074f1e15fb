"""The logarithm of the softmax, which stays finite if the softmax underflows to 0."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.axis_windows import reductions_reads
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import Formula
from compute.primitives.reductions import axis_subscript, promised_sums, same_shape

CONSISTENT = 1e-6  # the largest difference between the softmax and exponentials of its logarithm


def _forward(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    def logs(axis: int, shifted: Array) -> Array:
        exponentials = xp.exp(shifted)
        return xp.log_total(exponentials, xp.sum(exponentials, axis), axis)

    shifted = xp.subtract(a, xp.max_shift(a, axis))
    return xp.subtract(shifted, xp.along(logs, axis, shifted))


def _keeping(xp: Arithmetic, a: Array, *, axis: int) -> tuple[Array, Array]:
    """Return the result and the softmax, whose entries are more accurate than exponentials of the result."""
    shifted = xp.subtract(a, xp.max_shift(a, axis))
    exponentials = xp.exp(shifted)
    total = xp.sum(exponentials, axis)
    logs = xp.log_total(exponentials, total, axis)
    return xp.subtract(shifted, logs), xp.softmax_divide(exponentials, total)


def _consistent(xp: Arithmetic, y: Array, weights: Array) -> Array:
    """Return the softmax; exponentials of the result where another one was put in its place."""
    if not xp.ordered or not isinstance(y, np.ndarray) or y.dtype == object:
        return weights
    exponentials = xp.exp(y)
    return np.where(np.abs(exponentials - weights) > CONSISTENT, exponentials, weights)


def _gradient(xp: Arithmetic, g: Array, y: Array, kept: Array, axis: int) -> Array:
    def gradient(axis: int, g: Array, y: Array, weights: Array) -> Array:
        weights = _consistent(xp, y, weights)
        difference = xp.difference(g, xp.multiply(weights, xp.sum(g, axis)))
        return xp.masked(xp.balanced(difference, weights, axis), y, axis)

    return xp.along(gradient, axis, g, y, kept)


def _tangent(xp: Arithmetic, tangent: Array, y: Array, a: Array, *, axis: int) -> Array:
    if xp.ordered:  # a common shift changes nothing, and this one avoids cancellation at a weight of nearly 1
        largest = np.expand_dims(xp.argmax(y, axis), axis)
        tangent = xp.subtract(tangent, np.take_along_axis(tangent, largest, axis))
    result = xp.subtract(tangent, xp.sum(xp.multiply(xp.exp(y), tangent), axis))
    return xp.masked(result, y, axis)


def _latex(a: Formula, axis: int) -> Formula:
    return Formula(rf"\log \operatorname{{softmax}}{axis_subscript(axis)}\left({a.text}\right)")


# a - log(sum(exp(a))) along an axis, stable for entries of any size. If all entries are -infinity, the result
# is too, and passes no gradient, as in the softmax.
log_softmax = Primitive(
    "log_softmax",
    forward=_forward,
    keeping=_keeping,
    gradients={"a": _gradient},
    tangents=_tangent,
    shape=same_shape,
    latex=_latex,
    # a maximum, two differences, an exponential and a sum for each entry
    cost=lambda shape, a, axis: Cost(elementwise=5 * product(shape)),
    reads=reductions_reads,
    expects="an axis of the operand",
    promise=Promise(
        "exponentials along the log-softmax axis sum to 1 (to 0 where all scores are -infinity)",
        lambda xp, y, a, *, axis: promised_sums(xp, xp.exp(y), a, axis=axis),
    ),
)
