"""Primitives that multiply entries with one another."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, at_least, product
from compute.graph.primitive import Cost, Primitive
from compute.latex import PRODUCT, Formula


def _halved(xp: Arithmetic, a: Array) -> Array:
    """Products of neighbours along the first axis; an entry that is left over stays as it is.

    So many are done at once that a long axis takes few steps.
    """
    paired = len(a) // 2 * 2
    return np.concatenate([xp.multiply(a[:paired:2], a[1:paired:2]), a[paired:]])


def _product_over(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    found = np.moveaxis(a, axis, 0)
    while len(found) > 1:
        found = _halved(xp, found)
    return found.squeeze(0)


def _others(xp: Arithmetic, a: Array) -> Array:
    """For each entry the product of the others along the first axis: no quotient, for an entry may be 0."""
    if len(a) == 1:
        return xp.whole(np.ones(a.shape, dtype=np.intp))
    paired = len(a) // 2 * 2
    around = _others(xp, _halved(xp, a))
    found = np.empty_like(a)
    for at, other in ((0, 1), (1, 0)):
        found[at:paired:2] = xp.multiply(around[: paired // 2], a[other:paired:2])
    found[paired:] = around[paired // 2 :]
    return found


def _others_along(xp: Arithmetic, a: Array, axis: int) -> Array:
    return np.moveaxis(_others(xp, np.moveaxis(a, axis, 0)), 0, axis)


def _product_gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
    return xp.multiply(np.expand_dims(g, axis), _others_along(xp, a, axis))


def _product_tangents(xp: Arithmetic, change: Array, y: Array, a: Array, *, axis: int) -> Array:
    return xp.sum(xp.multiply(change, _others_along(xp, a, axis)), axis).squeeze(axis)


def _product_shape(a: Shape, *, axis: int) -> Shape:
    at_least(-axis, a)
    at = len(a) + axis
    return (*a[:at], *a[at + 1 :])


# The product along an axis, which is gone in the result.
product_over = Primitive(
    "product_over",
    forward=_product_over,
    gradients={"a": _product_gradient},
    tangents=_product_tangents,
    shape=_product_shape,
    latex=lambda a, axis: Formula(rf"\prod_{{\text{{axis }} {axis}}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, axis: Cost(elementwise=product(a)),
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)
