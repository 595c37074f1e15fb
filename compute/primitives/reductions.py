"""Reductions along an axis: softmax, sums, indices of maxima."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, at_least, product, without
from compute.graph.axis_windows import reductions_reads
from compute.graph.numerics import Hazard, find_cancellation, find_saturated_rows
from compute.graph.primitive import Cost, Primitive, Promise
from compute.latex import PRODUCT, Formula, axes_latex, sum_latex
from compute.primitives.scalars import count


def _softmax(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    exponentials = xp.exponentials(a, axis)
    return xp.softmax_divide(exponentials, xp.sum(exponentials, axis))


def _softmax_gradient(xp: Arithmetic, g: Array, y: Array, axis: int) -> Array:
    def gradient(axis: int, g: Array, y: Array) -> Array:
        weighted = xp.multiply(g, y)
        return xp.balanced(xp.difference(weighted, xp.multiply(y, xp.sum(weighted, axis))), y, axis)

    return xp.along(gradient, axis, g, y)


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


def axis_subscript(axis: int) -> str:
    """Return the LaTeX subscript that names the axis of a function; empty for the last axis."""
    return "" if axis == -1 else rf"_{{{axes_latex([axis])}}}"


def _softmax_latex(a: Formula, axis: int) -> Formula:
    return Formula(rf"\operatorname{{softmax}}{axis_subscript(axis)}\left({a.text}\right)")


def _softmax_cost(shape: Shape, a: Shape, *, axis: int) -> Cost:
    """Count a maximum, a difference, an exponential, a sum and a quotient for each entry."""
    return Cost(elementwise=5 * product(shape))


def promised_sums(xp: Arithmetic, y: Array, a: Array, *, axis: int) -> tuple[Array, Array]:
    """Return the sums of weights along an axis and the promised sums: 1, or 0 if all scores are -infinity."""
    one, zero = count(xp, 1), count(xp, 0)
    above = xp.where(xp.greater(a, np.array(xp.negative_infinity)), one, zero)
    return xp.sum(y, axis), xp.where(xp.greater(xp.sum(above, axis), zero), one, zero)


# exp(a) / sum(exp(a)) along an axis, stable for entries of any size. Entries of -infinity get weight 0, even
# if all entries are -infinity.
softmax = Primitive(
    "softmax",
    forward=_softmax,
    gradients={"a": _softmax_gradient},
    tangents="symmetric",
    shape=lambda a, axis: a,
    latex=_softmax_latex,
    cost=_softmax_cost,
    reads=reductions_reads,
    expects="any shape",
    remark=_softmax_remark,
    promise=Promise(
        "entries along the softmax axis sum to 1 (to 0 where all scores are -infinity)", promised_sums
    ),
    propagates_nonfinite_gradient=True,
    hazard=Hazard(
        pole="the largest entry is subtracted from all, and Infinity less itself is NaN",
        remedy="keep the scores finite",
    ),
    diagnosis=lambda y, a, absorbed, axis: find_saturated_rows(y, a, axis),
)


def same_shape(a: Shape, *, axis: int) -> Shape:
    """Return the shape unchanged. Raises ShapeError if it does not have this axis."""
    without(a, axis)
    return a


sum_over = Primitive(
    "sum_over",
    forward=lambda xp, a, *, axis: xp.sum(a, axis).squeeze(axis),
    gradients={
        "a": lambda xp, g, axis, shapes: np.broadcast_to(np.expand_dims(g, axis), shapes[0]),
    },
    tangents="linear",
    moments="total",
    shape=lambda a, axis: without(a, axis),
    latex=lambda a, axis: sum_latex(a, None if axis is None else [axis]),
    cost=lambda shape, a, axis: Cost(elementwise=product(a)),
    reads=reductions_reads,
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    diagnosis=lambda y, a, absorbed, axis: find_cancellation(y, np.abs(a).sum(axis=axis)),
    meaning="The sum along an axis; the result does not have this axis.",
)


def _argmax(xp: Arithmetic, a: Array, *, axis: int, left: int | None) -> Array:
    index = xp.argmax(a, axis)
    if left is not None:  # from places in the band to keys
        index = index + np.arange(index.shape[-1]) - left
    return index


def _largest_weight(xp: Arithmetic, a: Array, *, axis: int, left: int | None) -> Array:
    index = _argmax(xp, a, axis=axis, left=left)
    no_index: Any = xp.whole(np.array(-1)) if index.dtype == object else -1
    return np.where((a == 0).all(axis=axis), no_index, index)


def _argmax_shape(a: Shape, *, axis: int, left: int | None) -> Shape:
    if left is not None:
        at_least(2, a)
    return without(a, axis)


def _argmax_latex(a: Formula, axis: int, left: int | None) -> Formula:
    return Formula(rf"\operatorname{{argmax}}_{{{axes_latex([axis])}}} {a.at(PRODUCT)}", PRODUCT)


# The index of the largest entry, the first if several are equal; NaN is larger than any number. Along a band
# that reaches `left` keys before each query it is the index of the key, not the place in the band.
argmax = Primitive(
    "argmax",
    forward=_argmax,
    shape=_argmax_shape,
    latex=_argmax_latex,
    kind="index",
    expects="enough axes",
)

largest_weight = Primitive(
    "largest_weight",
    forward=_largest_weight,
    shape=_argmax_shape,
    latex=_argmax_latex,
    kind="index",
    expects="enough axes",
    meaning="The index of the largest attention weight; -1 if all are 0, that is, if there is nothing to "
    "attend to.",
)
