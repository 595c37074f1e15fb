"""The logarithm of the softmax, which stays finite where the softmax itself is 0 in floating point."""

from typing import NamedTuple

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.latex import Formula
from compute.primitive import Cost, Primitive
from compute.primitives.reductions import along, same_along


class _Shares(NamedTuple):
    """What forward came upon: the softmax itself, and the total that its parts were divided by."""

    weights: Array
    total: Array


def _keeping(xp: Arithmetic, a: Array, *, axis: int) -> tuple[Array, _Shares]:
    shifted = xp.subtract(a, xp.shift(a, axis))
    parts = xp.exp(shifted)
    total = xp.sum(parts, axis)
    return xp.log_share(shifted, total), _Shares(xp.share(parts, total), total)


def _forward(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    shifted = xp.subtract(a, xp.shift(a, axis))
    return xp.log_share(shifted, xp.sum(xp.exp(shifted), axis))


def _gradient(xp: Arithmetic, g: Array, kept: _Shares, axis: int) -> Array:
    passed = xp.difference(g, xp.multiply(kept.weights, xp.sum(g, axis)))
    return xp.present(passed, kept.total)


def _tangent(xp: Arithmetic, change: Array, y: Array, a: Array, *, axis: int) -> Array:
    weights = xp.exp(y)
    passed = xp.subtract(change, xp.sum(xp.multiply(weights, change), axis))
    return xp.present(passed, xp.sum(weights, axis))


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
)
