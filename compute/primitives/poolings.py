"""Primitives of pooling: where the maximum of each window stands, what stands there, sums over windows.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many.
Maxima and sums are taken over columns first and then over rows, entry by entry of the window.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, product
from compute.errors import QuestionError, QuestionErrors
from compute.latex import PRODUCT, Formula
from compute.primitive import Cost, Primitive, no_cost
from compute.primitives.windows import Layout, Pair, Sizes, padded, windows


def _pooled(x: Shape, *, layout: Layout, window: Sizes, output: Sizes) -> Shape:
    if len(x) < 2:
        raise ShapeError("it has fewer than two axes")
    return (*x[:-2], *output)


def _tap(layout: Layout, output: Pair, axis: int, entry: int) -> slice:
    """Where the windows' entry of this number stands along one axis of the padded input."""
    first = entry * layout.dilation[axis]
    return slice(first, first + (output[axis] - 1) * layout.stride[axis] + 1, layout.stride[axis])


def _winners(xp: Arithmetic, x: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    if not xp.is_finite(x):
        return _winners_one_by_one(x, layout, window, output)
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    tap = _tap(layout, output, 1, 0)
    best = around[..., tap].copy()
    across = np.zeros(best.shape, dtype=np.int32)
    for j in range(1, window[1]):
        _overtake(best, around[..., _tap(layout, output, 1, j)], (across, j * layout.dilation[1]))
    rows = _tap(layout, output, 0, 0)
    most, column = best[..., rows, :].copy(), across[..., rows, :].copy()
    down = np.zeros(most.shape, dtype=np.int32)
    for i in range(1, window[0]):
        rows = _tap(layout, output, 0, i)
        _overtake(most, best[..., rows, :], (down, i * layout.dilation[0]), (column, across[..., rows, :]))
    return _place(x, layout, output, down, column)


def _overtake(best: Array, other: Array, *marks: tuple[Array, Any]) -> None:
    """Where the other is larger take it, and its marks."""
    larger = other > best
    np.copyto(best, other, where=larger)
    for mark, value in marks:
        np.copyto(mark, value, where=larger)


def _place(x: Array, layout: Layout, output: Pair, down: Array, across: Array) -> Array:
    """The index, row by row, of what stands so far into each window."""
    (top, _), (left, _) = layout.padding
    row = np.arange(output[0])[:, None] * layout.stride[0] - top
    column = np.arange(output[1]) * layout.stride[1] - left
    place: Array = (row + down) * x.shape[-1] + (column + across)
    return place


def _inside(x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """Which entries of each window (h, w, rows, columns) are of the input and not of its borders."""
    real = np.ones(x.shape[-2:], dtype=bool)
    (top, bottom), (left, right) = layout.padding
    return windows(np.pad(real, ((top, bottom), (left, right))), window, layout, output)


def _winners_one_by_one(x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """The same where some entries are not finite: NaN wins, and a border never does."""
    numbers = np.where(np.isnan(x), math.inf, x)
    around = np.pad(numbers, (*((0, 0),) * (x.ndim - 2), *layout.padding), constant_values=-math.inf)
    view = windows(around, window, layout, output)
    best = view.max(axis=(-4, -3), keepdims=True)
    hits = (view == best) & _inside(x, layout, window, output)
    flat = hits.reshape(*hits.shape[:-4], window[0] * window[1], *output).argmax(axis=-3)
    down, across = np.divmod(flat, window[1])
    return _place(x, layout, output, down * layout.dilation[0], across * layout.dilation[1])


# Where the maximum of each window stands, counted row by row; of equals the first.
winners = Primitive(
    "winners",
    forward=_winners,
    shape=_pooled,
    latex=lambda a, layout, window, output: Formula(
        rf"\operatorname{{argmax}}_{{W}} {a.at(PRODUCT)}", PRODUCT
    ),
    kind="index",
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    expects="at least two axes",
)


def _gather(xp: Arithmetic, a: Array, places: Array) -> Array:
    if places.dtype.kind == "f":  # as they came
        places = _whole(places, (a.shape[-2], a.shape[-1]))
    flat = a.reshape(*a.shape[:-2], -1)
    taken = np.take_along_axis(flat, places.reshape(*places.shape[:-2], -1), axis=-1)
    return taken.reshape(places.shape)


def _gather_gradient(xp: Arithmetic, g: Array, places: Array, shapes: Any) -> Array:
    *outer, rows, columns = shapes[0]
    places = _whole(places, (rows, columns))
    plane = np.arange(math.prod(outer)).reshape(*outer, 1, 1) * (rows * columns)
    return xp.scatter(g, plane + places, math.prod(shapes[0])).reshape(shapes[0])


# What stands at each place, counted row by row.
gather = Primitive(
    "gather",
    forward=_gather,
    gradients={"a": _gather_gradient},
    tangents="product",
    shape=lambda a, places: places,
    latex=lambda a, places: Formula(rf"{a.at(PRODUCT)}\left[{places.text}\right]", PRODUCT),
    cost=no_cost,
    expects="a matrix and places in it",
)


def _scattered(xp: Arithmetic, a: Array, places: Array, *, sizes: Pair) -> Array:
    at = _whole(places, sizes)
    result = xp.zeros((*a.shape[:-2], sizes[0] * sizes[1]))
    np.put_along_axis(result, at.reshape(*a.shape[:-2], -1), a.reshape(*a.shape[:-2], -1), axis=-1)
    return result.reshape(*a.shape[:-2], *sizes)


def _whole(places: Array, sizes: Pair) -> Array:
    """Places as they came, once they are places."""
    last = sizes[0] * sizes[1] - 1
    if not bool(((places >= 0) & (places <= last) & (places == np.floor(places))).all()):
        raise QuestionErrors(
            [
                QuestionError(
                    ("winners",), "holds what is no place", f"whole numbers from 0 to {last}", "others"
                )
            ]
        )
    return places.astype(np.intp)


def _scattered_gradient(xp: Arithmetic, g: Array, places: Array, sizes: Pair) -> Array:
    """What was put where another came later passes nothing."""
    at = _whole(places, sizes).reshape(*places.shape[:-2], -1)
    order = np.broadcast_to(np.arange(at.shape[-1]), at.shape)
    owner = np.zeros((*at.shape[:-1], sizes[0] * sizes[1]), dtype=np.intp)
    np.put_along_axis(owner, at, order, axis=-1)
    stays = np.take_along_axis(owner, at, axis=-1) == order
    taken = np.take_along_axis(g.reshape(*g.shape[:-2], -1), at, axis=-1)
    return xp.where(stays, taken, 0).reshape(places.shape)


def _scattered_shape(a: Shape, places: Shape, *, sizes: Sizes) -> Shape:
    if a != places:
        raise ShapeError("they differ")
    return (*a[:-2], *sizes)


# Each entry put at its place in zeros; of several at one place the last stays.
scattered = Primitive(
    "scattered",
    forward=_scattered,
    gradients={"a": _scattered_gradient},
    tangents="product",
    shape=_scattered_shape,
    latex=lambda a, places, sizes: Formula(rf"\operatorname{{put}}_{{{places.text}}}\left({a.text}\right)"),
    cost=no_cost,
    expects="a matrix, and a place for each entry",
)


def _overlap_add(
    xp: Arithmetic, parts: Iterator[tuple[tuple[slice, slice], Array]], layout: Layout, shape: Any
) -> Array:
    """Windows' entries added back to where they came from."""
    (top, bottom), (left, right) = layout.padding
    *outer, rows, columns = shape
    result = xp.zeros((*outer, top + rows + bottom, left + columns + right))
    for at, part in parts:
        result[(..., *at)] = xp.add(result[(..., *at)], part)
    return result[..., top : top + rows, left : left + columns]


def _shares(
    xp: Arithmetic, a: Array, y: Array, layout: Layout, window: Pair, output: Pair, split: bool
) -> Array:
    """For each entry of each window (h, w, rows, columns) what part of the maximum's gradient it gets."""
    view = windows(padded(xp, a, layout.padding, xp.negative_infinity), window, layout, output)
    hits = (view == y[..., None, None, :, :]) & _inside(a, layout, window, output)
    shares = xp.whole(hits.astype(np.int64))
    return xp.divide(shares, xp.sum(xp.sum(shares, -4), -3)) if split else shares


def _max_pool(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, split: bool) -> Array:
    return _gather(xp, a, _winners(xp, a, layout=layout, window=window, output=output))


def _max_pool_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, split: bool
) -> Array:
    shares = _shares(xp, a, y, layout, window, output, split)
    parts = (
        ((_tap(layout, output, 0, i), _tap(layout, output, 1, j)), xp.multiply(g, shares[..., i, j, :, :]))
        for i in range(window[0])
        for j in range(window[1])
    )
    return _overlap_add(xp, parts, layout, a.shape)


def _max_pool_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, split: bool
) -> Array:
    shares = _shares(xp, a, y, layout, window, output, split)
    moved = windows(padded(xp, t, layout.padding), window, layout, output)
    return xp.sum(xp.sum(xp.multiply(shares, moved), -4), -3)[..., 0, 0, :, :]


# The maximum of each window, with its gradient shared evenly by equals, or given to each of them in full.
max_pool = Primitive(
    "max_pool",
    forward=_max_pool,
    gradients={"a": _max_pool_gradient},
    tangents=_max_pool_tangent,
    shape=lambda a, layout, window, output, split: _pooled(a, layout=layout, window=window, output=output),
    latex=lambda a, layout, window, output, split: Formula(rf"\max_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    expects="at least two axes",
)


def _sum(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    around = padded(xp, a, layout.padding)
    total = around[..., _tap(layout, output, 1, 0)]
    for j in range(1, window[1]):
        total = xp.add(total, around[..., _tap(layout, output, 1, j)])
    found = total[..., _tap(layout, output, 0, 0), :]
    for i in range(1, window[0]):
        found = xp.add(found, total[..., _tap(layout, output, 0, i), :])
    return found


def _sum_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Pair, output: Pair, shapes: Any) -> Array:
    everywhere = slice(None)
    *outer, rows, columns = shapes[0]
    along = Layout(padding=(layout.padding[0], (0, 0)))
    parts = (((_tap(layout, output, 0, i), everywhere), g) for i in range(window[0]))
    tall = _overlap_add(xp, parts, along, (*outer, rows, output[1]))
    along = Layout(padding=((0, 0), layout.padding[1]))
    parts = (((everywhere, _tap(layout, output, 1, j)), tall) for j in range(window[1]))
    return _overlap_add(xp, parts, along, (*outer, rows, columns))


# The sum over each window.
window_sum = Primitive(
    "window_sum",
    forward=_sum,
    gradients={"a": _sum_gradient},
    tangents="linear",
    shape=_pooled,
    latex=lambda a, layout, window, output: Formula(rf"\sum_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    expects="at least two axes",
)


def _counts(
    xp: Arithmetic, *, layout: Layout, window: Pair, output: Pair, sizes: Pair, borders: Any
) -> Array:
    """How many entries of each window count: those of the input, and of the borders that are said to."""
    along = []
    for axis in (0, 1):
        at = np.arange(output[axis])[:, None] * layout.stride[axis] - layout.padding[axis][0]
        at = at + np.arange(window[axis]) * layout.dilation[axis]
        before, behind = borders[axis]
        along.append(((at >= -before) & (at < sizes[axis] + behind)).sum(axis=1))
    return xp.whole(along[0][:, None] * along[1])


window_counts = Primitive(
    "window_counts",
    forward=_counts,
    shape=lambda layout, window, output, sizes, borders: output,
    latex=lambda layout, window, output, sizes, borders: Formula(r"\left|W\right|"),
    cost=no_cost,
    expects="no operands",
)
