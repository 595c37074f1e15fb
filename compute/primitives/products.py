"""Primitives that multiply entries with one another."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, at_least, product
from compute.latex import PRODUCT, Formula
from compute.primitive import Cost, Primitive


def _parts(a: Array, axis: int) -> list[Array]:
    """The slices along an axis, each with a first axis of size 1."""
    moved = np.moveaxis(a, axis, 0)
    return [moved[at : at + 1] for at in range(len(moved))]


def _product_over(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    found, *others = _parts(a, axis)
    for part in others:
        found = xp.multiply(found, part)
    return found.squeeze(0)


def _others(xp: Arithmetic, a: Array, axis: int) -> Array:
    """For each entry the product of the others along an axis: no quotient, for an entry may be 0."""
    parts = _parts(a, axis)
    before, after = ([xp.whole(np.ones(parts[0].shape, dtype=np.intp))] for _ in range(2))
    for part, other in zip(parts[:-1], parts[:0:-1], strict=True):
        before.append(xp.multiply(before[-1], part))
        after.append(xp.multiply(after[-1], other))
    found = [xp.multiply(one, other) for one, other in zip(before, reversed(after), strict=True)]
    return np.moveaxis(np.concatenate(found), 0, axis)


def _product_gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
    return xp.multiply(np.expand_dims(g, axis), _others(xp, a, axis))


def _product_tangents(xp: Arithmetic, change: Array, y: Array, a: Array, *, axis: int) -> Array:
    return xp.sum(xp.multiply(change, _others(xp, a, axis)), axis).squeeze(axis)


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
    spreads=True,
    spreads_back=True,
)
