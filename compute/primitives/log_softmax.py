"""The logarithm of the softmax, which stays finite where the softmax itself is 0 in floating point."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import Formula
from compute.primitives.reductions import along, same_along, totals


def _forward(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    def logs(axis: int, shifted: Array) -> Array:
        exponentials = xp.exp(shifted)
        return xp.log_total(exponentials, xp.sum(exponentials, axis), axis)

    shifted = xp.subtract(a, xp.max_shift(a, axis))
    return xp.subtract(shifted, xp.along(logs, axis, shifted))


def _keeping(xp: Arithmetic, a: Array, *, axis: int) -> tuple[Array, Array]:
    """With the softmax, whose entries keep more digits than the exponentials of the result."""
    shifted = xp.subtract(a, xp.max_shift(a, axis))
    exponentials = xp.exp(shifted)
    total = xp.sum(exponentials, axis)
    logs = xp.log_total(exponentials, total, axis)
    return xp.subtract(shifted, logs), xp.softmax_divide(exponentials, total)


def _gradient(xp: Arithmetic, g: Array, y: Array, kept: Array, axis: int) -> Array:
    def passed(axis: int, g: Array, y: Array, weights: Array) -> Array:
        found = xp.difference(g, xp.multiply(weights, xp.sum(g, axis)))
        return xp.masked(xp.balanced(found, weights, axis), y, axis)

    return xp.along(passed, axis, g, y, kept)


def _tangent(xp: Arithmetic, change: Array, y: Array, a: Array, *, axis: int) -> Array:
    if xp.ordered:  # the same for all changes less one of them: nothing cancels beside a weight of nearly 1
        largest = np.expand_dims(xp.argmax(y, axis), axis)
        change = xp.subtract(change, np.take_along_axis(change, largest, axis))
    passed = xp.subtract(change, xp.sum(xp.multiply(xp.exp(y), change), axis))
    return xp.masked(passed, y, axis)


def _latex(a: Formula, axis: int) -> Formula:
    return Formula(rf"\log \operatorname{{softmax}}{along(axis)}\left({a.text}\right)")


# a - log(sum(exp(a))) along an axis, stable for entries of any size. Where all entries are -infinity they
# stay so and pass no gradient, as in the softmax.
log_softmax = Primitive(
    "log_softmax",
    forward=_forward,
    keeping=_keeping,
    gradients={"a": _gradient},
    tangents=_tangent,
    shape=same_along,
    latex=_latex,
    # a maximum, two differences, an exponential and a sum for each entry
    cost=lambda shape, a, axis: Cost(elementwise=5 * product(shape)),
    expects="an axis of the operand",
    promise=Promise(
        "exponentials along the log-softmax axis sum to 1 (to 0 where all scores are -infinity)",
        lambda xp, y, a, *, axis: totals(xp, xp.exp(y), a, axis=axis),
    ),
)
