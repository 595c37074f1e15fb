"""Primitives related to the softmax: its Jacobian, and the hardmax, its limit for large scales."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, product, without
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import ATOM, Formula
from compute.primitives.reductions import axis_subscript, same_shape


def _hardmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    rows = np.moveaxis(a, axis, -1)
    largest = np.expand_dims(xp.argmax(rows, -1), -1)
    indicators = xp.scatter(xp.whole(np.ones(largest.shape, dtype=int)), largest, rows.shape[-1])
    return np.moveaxis(indicators, -1, axis)


def _sum_and_one(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[Array, Array]:
    total = xp.sum(y, axis)
    return total, xp.whole(np.ones(total.shape, dtype=int))


# 1 for the largest entry along an axis (the first if several are equal), and 0 for all others.
hardmax = Primitive(
    "hardmax",
    forward=_hardmax,
    gradients={"a": lambda xp, g: xp.zeros(g.shape)},
    tangents="symmetric",
    shape=same_shape,
    latex=lambda a, axis: Formula(rf"\operatorname{{hardmax}}{axis_subscript(axis)}\left({a.text}\right)"),
    expects="an axis of the operand",
    convention={"ties": "first", "derivative_of_hardmax": 0},
    promise=Promise("entries along the hardmax axis sum to 1", _sum_and_one),
)


def _jacobian(xp: Arithmetic, p: Array, *, axis: int) -> Array:
    rows = np.moveaxis(p, axis, -1)
    diagonal = np.eye(rows.shape[-1], dtype=bool)
    columns = np.expand_dims(rows, -1)
    products = xp.multiply(columns, np.expand_dims(rows, -2))
    return xp.where(diagonal, xp.subtract(columns, products), xp.negative(products))


def _jacobian_gradient(xp: Arithmetic, g: Array, p: Array, axis: int) -> Array:
    """Return the gradient of p_i [i = j] - p_i p_j: for p_k, g_kk - the sum over j of (g_kj + g_jk) p_j."""
    rows = np.moveaxis(p, axis, -1)
    both = xp.add(g, g.swapaxes(-1, -2))
    passed = xp.sum(xp.multiply(both, np.expand_dims(rows, -2)), -1).squeeze(-1)
    diagonal = np.diagonal(g, axis1=-2, axis2=-1)
    return np.moveaxis(xp.subtract(diagonal, passed), -1, axis)


def _jacobian_tangent(xp: Arithmetic, tangent: Array, y: Array, p: Array, *, axis: int) -> Array:
    rows, tangents = np.moveaxis(p, axis, -1), np.moveaxis(tangent, axis, -1)
    columns = np.expand_dims(tangents, -1)
    products = xp.add(
        xp.multiply(columns, np.expand_dims(rows, -2)),
        xp.multiply(np.expand_dims(rows, -1), np.expand_dims(tangents, -2)),
    )
    diagonal = np.eye(rows.shape[-1], dtype=bool)
    return xp.where(diagonal, xp.subtract(columns, products), xp.negative(products))


def _jacobian_shape(p: Shape, *, axis: int) -> Shape:
    return (*without(p, axis), p[axis], p[axis])


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
    meaning="The Jacobian of the softmax along an axis, from its result p: diag(p) - p p^T for each row.",
)
