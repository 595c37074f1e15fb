"""The logarithm of the softmax, which stays finite where the softmax itself is 0 in floating point."""

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product, without
from compute.latex import Formula
from compute.primitive import Cost, Primitive


def _log_softmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    shifted = xp.subtract(a, xp.shift(a, axis))
    return xp.subtract(shifted, xp.log(xp.sum(xp.exp(shifted), axis)))


def _gradient(xp: Arithmetic, g: Array, y: Array, axis: int) -> Array:
    return xp.subtract(g, xp.multiply(xp.exp(y), xp.sum(g, axis)))


def _tangent(xp: Arithmetic, t: Array, y: Array, a: Array, axis: int) -> Array:
    return xp.subtract(t, xp.sum(xp.multiply(xp.exp(y), t), axis))


def _latex(a: Formula, axis: int) -> Formula:
    over = "" if axis == -1 else rf"_{{\text{{axis }} {axis}}}"
    return Formula(rf"\log\operatorname{{softmax}}{over}\left({a.text}\right)")


def _shape(a: Shape, *, axis: int) -> Shape:
    without(a, axis)
    return a


# a - log(sum(exp(a))) along an axis.
log_softmax = Primitive(
    "log_softmax",
    forward=_log_softmax,
    gradients={"a": _gradient},
    tangents=_tangent,
    shape=_shape,
    latex=_latex,
    # a maximum, a difference, an exponential, a sum and another difference for each entry
    cost=lambda shape, a, axis: Cost(elementwise=5 * product(shape)),
    expects="enough axes",
)
