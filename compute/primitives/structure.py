"""Primitives that create or rearrange entries without arithmetic.

They use the methods of NumPy arrays, which are the same for every kind of entry.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, at_least, divide, write_shifted
from compute.graph.axis_windows import AxisWindow, Reads, expanded_reads, reshaped_reads, transposed_reads
from compute.graph.primitive import Primitive, no_cost
from compute.latex import ATOM, POWER, SUM, Formula, constant_latex

CausalAlignment: TypeAlias = Literal["upper_left", "lower_right"]


def _transpose_shape(a: Shape) -> Shape:
    at_least(2, a)
    return (*a[:-2], a[-1], a[-2])


# The last two axes swapped.
transpose = Primitive(
    "transpose",
    forward=lambda xp, a: a.swapaxes(-1, -2),
    gradients={"a": lambda xp, g: g.swapaxes(-1, -2)},
    tangents="linear",
    moments="moved",
    shape=_transpose_shape,
    latex=lambda a: Formula(a.scripted("^", r"\top", POWER), POWER),
    cost=no_cost,
    kind="same",
    reads=transposed_reads,
    expects="at least two axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _split(xp: Arithmetic, a: Array, *, parts: int, axis: int) -> Array:
    if axis == -1:
        return a.reshape(*a.shape[:-1], parts, a.shape[-1] // parts).swapaxes(-3, -2)
    return a.reshape(*a.shape[:-2], parts, a.shape[-2] // parts, a.shape[-1])


def _merge(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    if axis == -1:
        *batch, parts, rows, columns = a.shape
        return a.swapaxes(-3, -2).reshape(*batch, rows, parts * columns)
    *batch, parts, rows, columns = a.shape
    return a.reshape(*batch, parts * rows, columns)


def _check_axis(axis: int) -> None:
    if axis not in (-1, -2):
        raise ShapeError(f"expected the axis -1 or -2, not {axis}")


def _split_shape(a: Shape, *, parts: Size, axis: int) -> Shape:
    at_least(2, a)
    _check_axis(axis)
    trailing = list(a[-2:])
    trailing[axis] = divide(trailing[axis], parts)
    return (*a[:-2], parts, *trailing)


def _merge_shape(a: Shape, *, axis: int) -> Shape:
    at_least(3, a)
    _check_axis(axis)
    trailing = list(a[-2:])
    trailing[axis] = a[-3] * trailing[axis]
    return (*a[:-3], *trailing)


def _split_reads(place: int, shape: Shape, a: Shape, *, parts: Size, axis: int) -> Reads:
    """Return the reads: the split axis as a whole."""
    return tuple(None if at == axis else AxisWindow(at if at >= -2 else at - 1) for at in range(-len(a), 0))


def _merge_reads(place: int, shape: Shape, a: Shape, *, axis: int) -> Reads:
    """Return the reads: the merged axes as a whole."""
    return tuple(
        None if at in (axis, -3) else AxisWindow(at if at >= -2 else at + 1) for at in range(-len(a), 0)
    )


split_axis = Primitive(
    "split_axis",
    forward=_split,
    gradients={"a": lambda xp, g, axis: _merge(xp, g, axis=axis)},
    tangents="linear",
    moments="moved",
    shape=_split_shape,
    latex=lambda a, parts, axis: Formula(rf"\operatorname{{split}}_{{{parts}}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    reads=_split_reads,
    expects="an axis that the parts divide",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The last or second-to-last axis split into equal parts along a new third-to-last axis.",
)

merge_axis = Primitive(
    "merge_axis",
    forward=_merge,
    gradients={"a": lambda xp, g, axis, shapes: _split(xp, g, parts=shapes[0][-3], axis=axis)},
    tangents="linear",
    moments="moved",
    shape=_merge_shape,
    latex=lambda a, axis: Formula(rf"\operatorname{{concat}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    reads=_merge_reads,
    expects="at least three axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The third-to-last axis concatenated along the last or second-to-last axis; the inverse of "
    "split_axis.",
)


def _join_shape(a: Shape) -> Shape:
    at_least(2, a)
    return (*a[:-2], a[-2] * a[-1])


join_axes = Primitive(
    "join_axes",
    forward=lambda xp, a: a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1]),
    gradients={"a": lambda xp, g, shapes: g.reshape(shapes[0])},
    tangents="linear",
    moments="moved",
    shape=_join_shape,
    latex=lambda a: Formula(rf"\operatorname{{concat}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    reads=reshaped_reads,
    expects="at least two axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
    meaning="The last two axes flattened into one.",
)


def _expand_shape(a: Shape, *, axis: int) -> Shape:
    at = len(a) + 1 + axis
    at_least(-axis - 1, a)
    return (*a[:at], 1, *a[at:])


def _expand(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    at = a.ndim + 1 + axis
    return a.reshape(*a.shape[:at], 1, *a.shape[at:])


# A new axis of size 1.
expand_dims = Primitive(
    "expand_dims",
    forward=_expand,
    gradients={"a": lambda xp, g, axis: g.squeeze(axis)},
    tangents="linear",
    moments="moved",
    shape=_expand_shape,
    latex=lambda a, axis: a,
    cost=no_cost,
    kind="same",
    reads=expanded_reads,
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _constant(xp: Arithmetic, *, expression: Expression, sizes: Mapping[str, Size]) -> Array:
    return xp.constant(expression, dict(sizes))


constant = Primitive(
    "constant",
    forward=_constant,
    moments="literal",
    shape=lambda expression, sizes: (),
    latex=lambda expression, sizes: constant_latex(expression),
    cost=no_cost,
    expects="no operands",
)


def _infinity(xp: Arithmetic, *, sign: int) -> Array:
    negative = xp.where(np.asarray(False), xp.zeros(()), xp.negative_infinity)
    return negative if sign < 0 else xp.negative(negative)


# Infinity, or with the sign -1 minus infinity.
infinity = Primitive(
    "infinity",
    forward=_infinity,
    shape=lambda sign: (),
    latex=lambda sign: Formula(r"\infty" if sign > 0 else r"-\infty", ATOM if sign > 0 else SUM),
    cost=no_cost,
    expects="no operands",
)


def _causal_mask(
    xp: Arithmetic, *, queries: int, keys: int, key_first: bool, alignment: CausalAlignment
) -> Array:
    ahead = keys - queries if alignment == "lower_right" else 0
    allowed = np.tri(queries, keys, ahead, dtype=bool)
    return allowed.T if key_first else allowed


def _causal_latex(*, queries: Size, keys: Size, key_first: bool, alignment: CausalAlignment) -> Formula:
    last = write_shifted(r"\text{query}", keys, queries) if alignment == "lower_right" else r"\text{query}"
    return Formula(rf"\left[\text{{key}} \le {last}\right]")


def _causal_convention(
    *, queries: Size, keys: Size, key_first: bool, alignment: CausalAlignment
) -> dict[str, str]:
    last = write_shifted("i", keys, queries) if alignment == "lower_right" else "i"
    return {"causal": f"query i attends to keys 0 to {last}"}


causal_mask = Primitive(
    "causal_mask",
    forward=_causal_mask,
    shape=lambda queries, keys, key_first, alignment: (keys, queries) if key_first else (queries, keys),
    latex=_causal_latex,
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    convention=_causal_convention,
    meaning="True where the key is at or before the query, with both counted from the first or both from the"
    " last.",
)
