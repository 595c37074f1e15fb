"""Primitives of what a softmax gives: how it changes, and what it is for large scales."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product, without
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import ATOM, Formula
from compute.primitives.reductions import along, same_along


def _hardmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    rows = np.moveaxis(a, axis, -1)
    places = np.expand_dims(xp.argmax(rows, -1), -1)
    found = xp.scatter(xp.whole(np.ones(places.shape, dtype=int)), places, rows.shape[-1])
    return np.moveaxis(found, -1, axis)


def _one_each(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[Array, Array]:
    total = xp.sum(y, axis)
    return total, xp.whole(np.ones(total.shape, dtype=int))


# 1 for the largest entry along an axis, the first of equals, and 0 for all others.
hardmax = Primitive(
    "hardmax",
    forward=_hardmax,
    gradients={"a": lambda xp, g: xp.zeros(g.shape)},
    tangents="symmetric",
    shape=same_along,
    latex=lambda a, axis: Formula(rf"\operatorname{{hardmax}}{along(axis)}\left({a.text}\right)"),
    expects="an axis of the operand",
    convention={"ties": "first", "derivative_of_hardmax": 0},
    promise=Promise("entries along the hardmax axis sum to 1", _one_each),
)


def _jacobian(xp: Arithmetic, p: Array, *, axis: int) -> Array:
    rows = np.moveaxis(p, axis, -1)
    diagonal = np.eye(rows.shape[-1], dtype=bool)
    columns = np.expand_dims(rows, -1)
    products = xp.multiply(columns, np.expand_dims(rows, -2))
    return xp.where(diagonal, xp.subtract(columns, products), xp.negative(products))


def _jacobian_gradient(xp: Arithmetic, g: Array, p: Array, axis: int) -> Array:
    """Of p_i [i = j] - p_i p_j, for p_k: g_kk less the sum over j of (g_kj + g_jk) p_j."""
    rows = np.moveaxis(p, axis, -1)
    both = xp.add(g, g.swapaxes(-1, -2))
    passed = xp.sum(xp.multiply(both, np.expand_dims(rows, -2)), -1).squeeze(-1)
    own = np.diagonal(g, axis1=-2, axis2=-1)
    return np.moveaxis(xp.subtract(own, passed), -1, axis)


def _jacobian_tangent(xp: Arithmetic, change: Array, y: Array, p: Array, *, axis: int) -> Array:
    rows, moved = np.moveaxis(p, axis, -1), np.moveaxis(change, axis, -1)
    columns = np.expand_dims(moved, -1)
    products = xp.add(
        xp.multiply(columns, np.expand_dims(rows, -2)),
        xp.multiply(np.expand_dims(rows, -1), np.expand_dims(moved, -2)),
    )
    diagonal = np.eye(rows.shape[-1], dtype=bool)
    return xp.where(diagonal, xp.subtract(columns, products), xp.negative(products))


def _jacobian_shape(p: Shape, *, axis: int) -> Shape:
    return (*without(p, axis), p[axis], p[axis])


# How the softmax along an axis changes with what it is of: diag(p) - p p^T, for each row of weights p.
softmax_jacobian = Primitive(
    "softmax_jacobian",
    forward=_jacobian,
    gradients={"p": _jacobian_gradient},
    tangents=_jacobian_tangent,
    shape=_jacobian_shape,
    latex=lambda p, axis: Formula(
        rf"\operatorname{{diag}}\left({p.text}\right) - {p.at(ATOM)} {p.at(ATOM)}^{{\top}}"
    ),
    cost=lambda shape, p, axis: Cost(elementwise=2 * product(shape)),
    expects="an axis of the operand",
)
