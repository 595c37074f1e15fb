"""The lengths (Euclidean norms) of vectors, without overflow or underflow of the squares."""

import numpy as np

from compute.arithmetic.expressions import HALF, Expression
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product, without
from compute.graph.primitive import Cost, Primitive
from compute.latex import SUM, Formula, constant_latex
from compute.primitives.scalars import count

FAR = 2.0**200  # float64: squares and their sums are safe for sizes between 1/FAR and FAR
NEAR = 2.0**30  # the same for float32


def _length(xp: Arithmetic, a: Array, *, axis: int, added: Expression | None, vanishing: bool) -> Array:
    epsilon = None if added is None else xp.constant(added, {})
    scale = _scale(a, axis, epsilon) if isinstance(xp, Floating) else None
    if scale is None:
        return _root_of_squares(xp, a, axis, epsilon)
    outer: Array = scale.squeeze(axis)
    if epsilon is not None:
        epsilon = np.square(np.sqrt(epsilon) / outer)
    return _root_of_squares(xp, a / scale, axis, epsilon) * outer


def _root_of_squares(xp: Arithmetic, a: Array, axis: int, epsilon: Array | None) -> Array:
    squares = xp.sum(xp.multiply(a, a), axis).squeeze(axis)
    return xp.power(squares if epsilon is None else xp.add(squares, epsilon), HALF)


def _scale(a: Array, axis: int, epsilon: Array | None) -> Array | None:
    """Return a power of two near the largest entry of each vector with unsafe squares, 1 for other vectors.

    None if all are 1.
    """
    sizes = np.absolute(np.real(a)).max(axis=axis, keepdims=True, initial=0)
    if epsilon is not None:
        sizes = np.maximum(sizes, np.sqrt(np.real(epsilon)))
    limit = NEAR if sizes.dtype == np.float32 else FAR
    is_unsafe = np.isfinite(sizes) & (sizes != 0) & ((sizes > limit) | (sizes < 1 / limit))
    if not is_unsafe.any():
        return None
    least = float(np.finfo(sizes.dtype).tiny)
    powers = np.maximum(np.ldexp(np.ones_like(sizes), np.frexp(sizes)[1] - 1), least)
    scale: Array = np.where(is_unsafe, powers, np.ones_like(sizes))
    return scale


def _direction(xp: Arithmetic, y: Array, a: Array, axis: int, vanishing: bool) -> Array:
    """Return each vector over its length; zeros for a length of 0, if that is possible (`vanishing`)."""
    zero, lengths = count(xp, 0), np.expand_dims(y, axis)
    if not vanishing:
        return xp.divide(a, lengths)
    divisors = xp.where(xp.equal(lengths, zero), count(xp, 1), lengths)
    return xp.where(xp.equal(lengths, zero), zero, xp.divide(a, divisors))


def _gradient(xp: Arithmetic, g: Array, y: Array, a: Array, axis: int, vanishing: bool) -> Array:
    return xp.multiply(np.expand_dims(g, axis), _direction(xp, y, a, axis, vanishing))


def _tangent(
    xp: Arithmetic,
    tangent: Array,
    y: Array,
    a: Array,
    *,
    axis: int,
    added: Expression | None,
    vanishing: bool,
) -> Array:
    return xp.sum(xp.multiply(tangent, _direction(xp, y, a, axis, vanishing)), axis).squeeze(axis)


def _latex(a: Formula, axis: int, added: Expression | None, vanishing: bool) -> Formula:
    epsilon = "" if added is None else f" + {constant_latex(added).at(SUM)}"
    over = {-1: r"\text{rows}", -2: r"\text{columns}"}.get(axis, rf"\text{{axis }} {axis}")
    return Formula(rf"\sqrt{{\sum_{{{over}}} {a.scripted('^', '2')}{epsilon}}}")


def _cost(shape: Shape, a: Shape, *, axis: int, added: Expression | None, vanishing: bool) -> Cost:
    """Count a square and a sum for each entry, and a root for each vector."""
    return Cost(elementwise=2 * product(a) + product(shape))


# The root of the sum of squares along an axis plus a constant. vanishing: whether it may be 0; its derivative
# there is defined as 0.
length_over = Primitive(
    "length_over",
    forward=_length,
    gradients={"a": _gradient},
    tangents=_tangent,
    shape=lambda a, axis, added, vanishing: without(a, axis),
    latex=_latex,
    cost=_cost,
    expects="enough axes",
    propagates_nonfinite=True,
)
