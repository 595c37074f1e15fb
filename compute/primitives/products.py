"""Products along an axis."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, at_least, product
from compute.graph.axis_windows import reductions_reads
from compute.graph.primitive import Cost, Primitive
from compute.latex import PRODUCT, Formula


def _multiply_pairs(xp: Arithmetic, a: Array) -> Array:
    """Multiply neighbours along the first axis; a last unpaired entry is kept.

    A long axis takes a logarithmic number of these vectorized steps.
    """
    paired = len(a) // 2 * 2
    return np.concatenate([xp.multiply(a[:paired:2], a[1:paired:2]), a[paired:]])


def _product_over(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    result = np.moveaxis(a, axis, 0)
    while len(result) > 1:
        result = _multiply_pairs(xp, result)
    return result.squeeze(0)


def _products_of_others(xp: Arithmetic, a: Array) -> Array:
    """Return for each entry the product of all others along the first axis. Entries may be 0: no division."""
    if len(a) == 1:
        return xp.whole(np.ones(a.shape, dtype=np.intp))
    paired = len(a) // 2 * 2
    outside = _products_of_others(xp, _multiply_pairs(xp, a))
    result = np.empty_like(a)
    for at, other in ((0, 1), (1, 0)):
        result[at:paired:2] = xp.multiply(outside[: paired // 2], a[other:paired:2])
    result[paired:] = outside[paired // 2 :]
    return result


def _products_of_others_along(xp: Arithmetic, a: Array, axis: int) -> Array:
    return np.moveaxis(_products_of_others(xp, np.moveaxis(a, axis, 0)), 0, axis)


def _product_gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
    return xp.multiply(np.expand_dims(g, axis), _products_of_others_along(xp, a, axis))


def _product_tangents(xp: Arithmetic, tangent: Array, y: Array, a: Array, *, axis: int) -> Array:
    return xp.sum(xp.multiply(tangent, _products_of_others_along(xp, a, axis)), axis).squeeze(axis)


def _product_shape(a: Shape, *, axis: int) -> Shape:
    at_least(-axis, a)
    at = len(a) + axis
    return (*a[:at], *a[at + 1 :])


product_over = Primitive(
    "product_over",
    forward=_product_over,
    gradients={"a": _product_gradient},
    tangents=_product_tangents,
    shape=_product_shape,
    latex=lambda a, axis: Formula(rf"\prod_{{\text{{axis }} {axis}}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, axis: Cost(elementwise=product(a)),
    reads=reductions_reads,
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The product along an axis; the result does not have this axis.",
)
