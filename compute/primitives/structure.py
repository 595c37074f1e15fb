"""Primitives that make or move entries without arithmetic on them.

Arrays are moved by their own methods, which are the same for every kind of entry.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, divide, product, show
from compute.latex import ATOM, POWER, Formula, constant_latex
from compute.primitive import Primitive, no_cost


def _at_least(rank: int, shape: Shape) -> None:
    if len(shape) < rank:
        raise ShapeError(f"{show(shape)} has fewer than {rank} axes")


def _transpose_shape(a: Shape) -> Shape:
    _at_least(2, a)
    return (*a[:-2], a[-1], a[-2])


# The last two axes exchanged.
transpose = Primitive(
    "transpose",
    forward=lambda xp, a: a.swapaxes(-1, -2),
    gradients={"a": lambda xp, g: g.swapaxes(-1, -2)},
    tangents="linear",
    shape=_transpose_shape,
    latex=lambda a: Formula(rf"{a.at(POWER)}^{{\top}}", POWER),
    cost=no_cost,
    kind="same",
    expects="at least two axes",
    spreads=True,
    spreads_back=True,
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


def _split_shape(a: Shape, *, parts: Size, axis: int) -> Shape:
    _at_least(2, a)
    trailing = list(a[-2:])
    trailing[axis] = divide(trailing[axis], parts)
    return (*a[:-2], parts, *trailing)


def _merge_shape(a: Shape, *, axis: int) -> Shape:
    _at_least(3, a)
    trailing = list(a[-2:])
    trailing[axis] = a[-3] * trailing[axis]
    return (*a[:-3], *trailing)


# The last or the last but one axis cut into equal parts, one behind the other on a new third-last axis.
split_axis = Primitive(
    "split_axis",
    forward=_split,
    gradients={"a": lambda xp, g, axis: _merge(xp, g, axis=axis)},
    tangents="linear",
    shape=_split_shape,
    latex=lambda a, parts, axis: Formula(rf"\operatorname{{split}}_{{{parts}}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="an axis that the parts divide",
    spreads=True,
    spreads_back=True,
)

# The inverse: the third-last axis laid side by side along the last or the last but one.
merge_axis = Primitive(
    "merge_axis",
    forward=_merge,
    gradients={"a": lambda xp, g, axis, shapes: _split(xp, g, parts=shapes[0][-3], axis=axis)},
    tangents="linear",
    shape=_merge_shape,
    latex=lambda a, axis: Formula(rf"\operatorname{{concat}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="at least three axes",
    spreads=True,
    spreads_back=True,
)


def _flatten_shape(a: Shape) -> Shape:
    _at_least(2, a)
    return (*a[:-2], a[-2] * a[-1])


# The last two axes as one.
flatten = Primitive(
    "flatten",
    forward=lambda xp, a: a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1]),
    gradients={"a": lambda xp, g, shapes: g.reshape(shapes[0])},
    tangents="linear",
    shape=_flatten_shape,
    latex=lambda a: Formula(rf"\operatorname{{concat}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="at least two axes",
    spreads=True,
    spreads_back=True,
)


def _expand_shape(a: Shape, *, axis: int) -> Shape:
    at = len(a) + 1 + axis
    _at_least(-axis - 1, a)
    return (*a[:at], 1, *a[at:])


def _expand(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    at = a.ndim + 1 + axis
    return a.reshape(*a.shape[:at], 1, *a.shape[at:])


# A new axis of size 1.
expand = Primitive(
    "expand",
    forward=_expand,
    gradients={"a": lambda xp, g, axis: g.squeeze(axis)},
    tangents="linear",
    shape=_expand_shape,
    latex=lambda a, axis: a,
    cost=no_cost,
    kind="same",
    expects="enough axes",
    spreads=True,
    spreads_back=True,
)


def _repeat_shape(a: Shape, *, times: int) -> Shape:
    _at_least(3, a)
    return (*a[:-3], a[-3] * times, *a[-2:])


def _repeat_gradient(xp: Arithmetic, g: Array, times: int) -> Array:
    *batch, repeated, rows, columns = g.shape
    grouped = g.reshape(*batch, repeated // times, times, rows, columns)
    return xp.sum(grouped, -3).squeeze(-3)


# Each matrix along the third-last axis several times in a row.
repeat = Primitive(
    "repeat",
    forward=lambda xp, a, *, times: a.repeat(times, axis=-3),
    gradients={"a": _repeat_gradient},
    tangents="linear",
    shape=_repeat_shape,
    latex=lambda a, times: Formula(rf"\operatorname{{repeat}}_{{{times}}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="at least three axes",
    spreads=True,
    spreads_back=True,
)


def _rows_shape(a: Shape, *, start: int, stop: Size) -> Shape:
    _at_least(2, a)
    return (*a[:-2], stop - start, a[-1])


def _rows_gradient(xp: Arithmetic, g: Array, start: int, stop: int, shapes: list[tuple[int, ...]]) -> Array:
    result = xp.zeros(shapes[0])
    result[..., start:stop, :] = g
    return result


# The rows from `start` to before `stop`.
rows = Primitive(
    "rows",
    forward=lambda xp, a, *, start, stop: a[..., start:stop, :],
    gradients={"a": _rows_gradient},
    tangents="linear",
    shape=_rows_shape,
    latex=lambda a, start, stop: Formula(f"{a.at(ATOM)}_{{{start}:{stop}}}"),
    cost=no_cost,
    kind="same",
    expects="at least two axes",
    spreads_back=True,
)


def _transpose_like(a: Shape) -> Shape:
    _at_least(2, a)
    return a


def _reshape_shape(a: Shape, *, to: Shape) -> Shape:
    before, after = product(a), product(to)
    if isinstance(before, int) and isinstance(after, int) and before != after:
        raise ShapeError(f"{show(a)} does not have the entries of {show(to)}")
    return to


# The same entries, row by row, in another shape.
reshape = Primitive(
    "reshape",
    forward=lambda xp, a, *, to: a.reshape(to),
    gradients={"a": lambda xp, g, shapes: g.reshape(shapes[0])},
    tangents="linear",
    shape=_reshape_shape,
    latex=lambda a, to: a,
    cost=no_cost,
    kind="same",
    expects="as many entries as the shape has",
    spreads=True,
    spreads_back=True,
)


def _part_shape(a: Shape, *, items: tuple[Any, ...]) -> Shape:
    if len(items) > len(a):
        raise ShapeError(f"{show(a)} has fewer than {len(items)} axes")
    result: list[Size] = []
    for item, size in zip(items, a, strict=False):
        if not isinstance(size, int):
            raise ShapeError(f"an axis of size {size} cannot be indexed yet")
        if isinstance(item, int):
            if not -size <= item < size:
                raise ShapeError(f"index {item} is beyond an axis of {size}")
        else:
            result.append(len(range(size)[slice(*item)]))
            if result[-1] == 0:
                raise ShapeError(f"the slice takes nothing of an axis of {size}")
    return (*result, *a[len(items) :])


def _at(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item if isinstance(item, int) else slice(*item) for item in items)


def _part_gradient(xp: Arithmetic, g: Array, items: Any, shapes: list[tuple[int, ...]]) -> Array:
    result = xp.zeros(shapes[0])
    result[_at(items)] = g
    return result


def _part_latex(a: Formula, items: tuple[Any, ...]) -> Formula:
    shown = [
        str(item) if isinstance(item, int) else ":".join("" if one is None else str(one) for one in item[:2])
        for item in items
    ]
    return Formula(f"{a.at(ATOM)}_{{{','.join(shown)}}}")


# What stands at indices and slices (start, stop, step) along the first axes.
part = Primitive(
    "part",
    forward=lambda xp, a, *, items: np.asarray(a[_at(items)]),
    gradients={"a": _part_gradient},
    tangents="linear",
    shape=_part_shape,
    latex=_part_latex,
    cost=no_cost,
    kind="same",
    expects="an axis for each index",
)

# The last two axes read backwards.
turn_around = Primitive(
    "turn_around",
    forward=lambda xp, a: a[..., ::-1, ::-1],
    gradients={"a": lambda xp, g: g[..., ::-1, ::-1]},
    tangents="linear",
    shape=_transpose_like,
    latex=lambda a: Formula(rf"\operatorname{{flip}}\left({a.text}\right)"),
    cost=no_cost,
    expects="at least two axes",
    spreads=True,
    spreads_back=True,
)

# The entries repeated along new axes, and along those of size 1.
stretch = Primitive(
    "stretch",
    forward=lambda xp, a, *, to: np.broadcast_to(a, to),
    gradients={"a": lambda xp, g: g},
    tangents="linear",
    shape=lambda a, to: to,
    latex=lambda a, to: a,
    cost=no_cost,
    kind="same",
    expects="a shape that broadcasts to it",
    broadcasts=True,
    spreads_back=True,
)


def _constant(xp: Arithmetic, *, expression: Expression, sizes: Mapping[str, Size]) -> Array:
    return xp.constant(expression, dict(sizes))


constant = Primitive(
    "constant",
    forward=_constant,
    shape=lambda expression, sizes: (),
    latex=lambda expression, sizes: constant_latex(expression),
    cost=no_cost,
    expects="no operands",
)


def _causal_mask(xp: Arithmetic, *, queries: int, keys: int, key_first: bool) -> Array:
    allowed = np.tri(queries, keys, dtype=bool)
    return allowed.T if key_first else allowed


# True where the key stands no later than the query, both counted from the first.
causal_mask = Primitive(
    "causal_mask",
    forward=_causal_mask,
    shape=lambda queries, keys, key_first: (keys, queries) if key_first else (queries, keys),
    latex=lambda queries, keys, key_first: Formula(r"\left[\text{key} \le \text{query}\right]"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    convention={"causal": "query i attends to keys 0 to i"},
)
