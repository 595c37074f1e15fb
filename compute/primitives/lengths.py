"""The lengths of vectors, for entries of any size."""

import numpy as np

from compute.arithmetic.expressions import HALF, Expression
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product, without
from compute.graph.primitive import Cost, Primitive
from compute.latex import SUM, Formula, constant_latex
from compute.primitives.scalars import count

FAR = 2.0**200  # from 1, up to which squares of float64 and their sums are safe
NEAR = 2.0**30  # the same of float32


def _length(xp: Arithmetic, a: Array, *, axis: int, added: Expression | None, vanishing: bool) -> Array:
    epsilon = None if added is None else xp.constant(added, {})
    scale = _scale(a, axis, epsilon) if isinstance(xp, Floating) else None
    if scale is None:
        return _plain(xp, a, axis, epsilon)
    outer: Array = scale.squeeze(axis)
    if epsilon is not None:
        epsilon = np.square(np.sqrt(epsilon) / outer)
    return _plain(xp, a / scale, axis, epsilon) * outer


def _plain(xp: Arithmetic, a: Array, axis: int, epsilon: Array | None) -> Array:
    squares = xp.sum(xp.multiply(a, a), axis).squeeze(axis)
    return xp.power(squares if epsilon is None else xp.add(squares, epsilon), HALF)


def _scale(a: Array, axis: int, epsilon: Array | None) -> Array | None:
    """A power of two near the largest entry of each vector whose squares floats might not hold, 1 for others.

    None where all are 1.
    """
    sizes = np.absolute(np.real(a)).max(axis=axis, keepdims=True, initial=0)
    if epsilon is not None:
        sizes = np.maximum(sizes, np.sqrt(np.real(epsilon)))
    far = NEAR if sizes.dtype == np.float32 else FAR
    beyond = np.isfinite(sizes) & (sizes != 0) & ((sizes > far) | (sizes < 1 / far))
    if not beyond.any():
        return None
    least = float(np.finfo(sizes.dtype).tiny)
    powers = np.maximum(np.ldexp(np.ones_like(sizes), np.frexp(sizes)[1] - 1), least)
    found: Array = np.where(beyond, powers, np.ones_like(sizes))
    return found


def _direction(xp: Arithmetic, y: Array, a: Array, axis: int, vanishing: bool) -> Array:
    """Each vector over its length; zeros where that is 0, if it may be."""
    zero, lengths = count(xp, 0), np.expand_dims(y, axis)
    if not vanishing:
        return xp.divide(a, lengths)
    some = xp.where(xp.equal(lengths, zero), count(xp, 1), lengths)
    return xp.where(xp.equal(lengths, zero), zero, xp.divide(a, some))


def _gradient(xp: Arithmetic, g: Array, y: Array, a: Array, axis: int, vanishing: bool) -> Array:
    return xp.multiply(np.expand_dims(g, axis), _direction(xp, y, a, axis, vanishing))


def _tangent(
    xp: Arithmetic, change: Array, y: Array, a: Array, *, axis: int, added: Expression | None, vanishing: bool
) -> Array:
    return xp.sum(xp.multiply(change, _direction(xp, y, a, axis, vanishing)), axis).squeeze(axis)


def _latex(a: Formula, axis: int, added: Expression | None, vanishing: bool) -> Formula:
    more = "" if added is None else f" + {constant_latex(added).at(SUM)}"
    over = {-1: r"\text{rows}", -2: r"\text{columns}"}.get(axis, rf"\text{{axis }} {axis}")
    return Formula(rf"\sqrt{{\sum_{{{over}}} {a.scripted('^', '2')}{more}}}")


def _cost(shape: Shape, a: Shape, *, axis: int, added: Expression | None, vanishing: bool) -> Cost:
    """A square and a sum for each entry, and a root for each vector."""
    return Cost(elementwise=2 * product(a) + product(shape))


# The root of the sum of squares along an axis, and of a constant. vanishing: whether it may be 0, where its
# derivative is taken as 0.
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
