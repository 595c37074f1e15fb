"""Primitives that combine the entries along an axis."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, at_least, product, without
from compute.graph.numerics import Hazard, find_cancellation, find_saturated_rows
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import PRODUCT, SUM, Formula
from compute.primitives.scalars import count


def _softmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    exponentials = xp.exponentials(a, axis)
    return xp.softmax_divide(exponentials, xp.sum(exponentials, axis))


def _softmax_gradient(xp: Arithmetic, g: Array, y: Array, axis: int) -> Array:
    def passed(axis: int, g: Array, y: Array) -> Array:
        weighted = xp.multiply(g, y)
        return xp.balanced(xp.difference(weighted, xp.multiply(y, xp.sum(weighted, axis))), y, axis)

    return xp.along(passed, axis, g, y)


def _softmax_remark(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[str, str] | None:
    empty = xp.sum(y, axis).reshape(-1) == 0
    if not empty.any():
        return None
    shape = list(y.shape)
    shape[axis] = 1
    first = [int(index) for index in _unravel(int(empty.argmax()), shape)]
    del first[axis]
    return (
        "nothing_to_attend",
        f"{int(empty.sum())} of {empty.size} softmax rows have no entry above -infinity, the first at"
        f" {first}; their weights are zeros, not NaN, and pass no gradient",
    )


def _unravel(flat: int, shape: list[int]) -> list[int]:
    index: list[int] = []
    for size in reversed(shape):
        flat, remainder = divmod(flat, size)
        index.insert(0, remainder)
    return index


def along(axis: int) -> str:
    """What stands behind a function to say along which axis it is taken, if not along rows."""
    return "" if axis == -1 else rf"_{{{_over(axis)}}}"


def _softmax_latex(a: Formula, axis: int) -> Formula:
    return Formula(rf"\operatorname{{softmax}}{along(axis)}\left({a.text}\right)")


def _softmax_cost(shape: Shape, a: Shape, *, axis: int) -> Cost:
    """A maximum, a difference, an exponential, a sum and a quotient for each entry."""
    return Cost(elementwise=5 * product(shape))


def totals(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[Array, Array]:
    """What weights sum to along an axis, and what they have to: 1, or 0 where all scores are -infinity."""
    one, zero = count(xp, 1), count(xp, 0)
    above = xp.where(xp.greater(a, np.array(xp.negative_infinity)), one, zero)
    return xp.sum(y, axis), xp.where(xp.greater(xp.sum(above, axis), zero), one, zero)


# exp(a) / sum(exp(a)) along an axis, stable for entries of any size. Entries of -infinity get weight 0; if
# all are, so do all.
softmax = Primitive(
    "softmax",
    forward=_softmax,
    gradients={"a": _softmax_gradient},
    tangents="symmetric",
    shape=lambda a, axis: a,
    latex=_softmax_latex,
    cost=_softmax_cost,
    expects="any shape",
    remark=_softmax_remark,
    promise=Promise("entries along the softmax axis sum to 1 (to 0 where all scores are -infinity)", totals),
    propagates_nonfinite_gradient=True,
    hazard=Hazard(
        pole="the largest entry is subtracted from all, and Infinity less itself is NaN",
        remedy="keep the scores finite",
    ),
    diagnosis=lambda y, a, absorbed, axis: find_saturated_rows(y, a, axis),
)


def same_along(a: Shape, *, axis: int) -> Shape:
    """The shape of what has one entry for each, taken along an axis that there is."""
    without(a, axis)
    return a


def _over(axis: int) -> str:
    return {-1: r"\text{rows}", -2: r"\text{columns}"}.get(axis, rf"\text{{axis }} {axis}")


# The sum along an axis, which is gone in the result.
sum_over = Primitive(
    "sum_over",
    forward=lambda xp, a, *, axis: xp.sum(a, axis).squeeze(axis),
    gradients={
        "a": lambda xp, g, axis, shapes: np.broadcast_to(np.expand_dims(g, axis), shapes[0]),
    },
    tangents="linear",
    shape=lambda a, axis: without(a, axis),
    latex=lambda a, axis: Formula(rf"\sum_{{{_over(axis)}}} {a.at(PRODUCT)}", SUM),
    cost=lambda shape, a, axis: Cost(elementwise=product(a)),
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    diagnosis=lambda y, a, absorbed, axis: find_cancellation(y, np.abs(a).sum(axis=axis)),
)


def _argmax(xp: Arithmetic, a: Array, *, axis: int, left: int | None) -> Array:
    found = xp.argmax(a, axis)
    if left is not None:  # counted along a band: as keys
        found = found + np.arange(found.shape[-1]) - left
    return found


def _largest_weight(xp: Arithmetic, a: Array, *, axis: int, left: int | None) -> Array:
    found = _argmax(xp, a, axis=axis, left=left)
    none: Any = xp.whole(np.array(-1)) if found.dtype == object else -1
    return np.where((a == 0).all(axis=axis), none, found)


def _argmax_shape(a: Shape, *, axis: int, left: int | None) -> Shape:
    if left is not None:
        at_least(2, a)
    return without(a, axis)


def _argmax_latex(a: Formula, axis: int, left: int | None) -> Formula:
    return Formula(rf"\operatorname{{argmax}}_{{{_over(axis)}}} {a.at(PRODUCT)}", PRODUCT)


# Where the largest entry stands, the first of equals; NaN is larger than any number. Along a band that
# reaches `left` before each query it is the key's index too, and not the offset.
argmax = Primitive(
    "argmax",
    forward=_argmax,
    shape=_argmax_shape,
    latex=_argmax_latex,
    kind="index",
    expects="enough axes",
)

# The same of weights, of which all are 0 where there is nothing to attend to: -1 there.
largest_weight = Primitive(
    "largest_weight",
    forward=_largest_weight,
    shape=_argmax_shape,
    latex=_argmax_latex,
    kind="index",
    expects="enough axes",
)
