"""Primitives of maxima: where the maximum of each window stands, what stands there, and putting it back.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many.
Maxima are taken over columns first and then over rows, entry by entry of the window.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least, product
from compute.errors import QuestionError, QuestionErrors
from compute.latex import PRODUCT, Formula
from compute.primitive import Cost, Primitive, no_cost
from compute.primitives.windows import Layout, Pair, Sizes, bordered, overlap_add, padded, pooled, tap

BLOCK = 2**16  # entries of the planes that are pooled together: caches hold them


def _winners(xp: Arithmetic, x: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    if not xp.is_finite(x):
        return _winners_one_by_one(xp, x, layout, window, output)
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    best = around[..., tap(layout, output, 1, 0)].copy()
    across = np.zeros(best.shape, dtype=np.int32)
    for j in range(1, window[1]):
        _overtake(best, around[..., tap(layout, output, 1, j)], (across, j * layout.dilation[1]))
    rows = tap(layout, output, 0, 0)
    most, column = best[..., rows, :].copy(), across[..., rows, :].copy()
    down = np.zeros(most.shape, dtype=np.int32)
    for i in range(1, window[0]):
        rows = tap(layout, output, 0, i)
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


def _taps(x: Array, layout: Layout, window: Pair, output: Pair) -> Iterator[tuple[int, int, Any, Array]]:
    """Each entry of a window: its row and column, where it stands in the padded input, for which windows it
    is of the input and not of its border.
    """
    (top, bottom), (left, right) = layout.padding
    real = np.pad(np.ones(x.shape[-2:], dtype=bool), ((top, bottom), (left, right)))
    for i in range(window[0]):
        for j in range(window[1]):
            at = (..., tap(layout, output, 0, i), tap(layout, output, 1, j))
            yield i, j, at, real[at]


def _winners_one_by_one(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """The same where some entries are not finite: NaN wins, and a border never does."""
    around = padded(xp, np.where(np.isnan(x), math.inf, x), layout.padding, xp.negative_infinity)
    shape = (*x.shape[:-2], *output)
    best, found = np.full(shape, -math.inf), np.zeros(shape, dtype=bool)
    down, across = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for i, j, at, real in _taps(x, layout, window, output):
        better = real & (~found | (around[at] > best))
        np.copyto(best, around[at], where=better)
        np.copyto(down, i * layout.dilation[0], where=better)
        np.copyto(across, j * layout.dilation[1], where=better)
        found |= real
    return _place(x, layout, output, down, across)


# Where the maximum of each window stands, counted row by row; of equals the first.
winners = Primitive(
    "winners",
    forward=_winners,
    shape=pooled,
    latex=lambda a, layout, window, output: Formula(
        rf"\operatorname{{argmax}}_{{W}} {a.at(PRODUCT)}", PRODUCT
    ),
    kind="index",
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    scratch=lambda shape, a, **attributes: bordered(a, attributes["layout"], (1, 1)),
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


def _gather_shape(a: Shape, places: Shape) -> Shape:
    at_least(2, a)
    if len(a) != len(places) or a[:-2] != places[:-2]:
        raise ShapeError("the axes before the last two differ")
    return places


# What stands at each place, counted row by row.
gather = Primitive(
    "gather",
    forward=_gather,
    gradients={"a": _gather_gradient},
    tangents="product",
    shape=_gather_shape,
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


def _hits(xp: Arithmetic, a: Array, y: Array, layout: Layout, window: Pair) -> Iterator[tuple[Any, Array]]:
    """For each entry of a window where it stands, and for which windows it is a maximum."""
    around = padded(xp, a, layout.padding, xp.negative_infinity)
    for _, _, at, real in _taps(a, layout, window, y.shape[-2:]):
        yield at, real & (around[at] == y)


def _shared(xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, ties: str) -> Array:
    """The gradient that each maximum of a window gets, or the change that each of them makes."""
    if ties == "all":
        return g
    count: Any = sum(hit.astype(np.int64) for _, hit in _hits(xp, a, y, layout, window))
    return xp.divide(g, xp.whole(count))


def _planes(a: Array) -> Array:
    return a.reshape(-1, *a.shape[-2:])


def _blocks(planes: int, size: int) -> Iterator[slice]:
    """Planes that caches hold together."""
    many = max(1, BLOCK // size)
    return (slice(first, first + many) for first in range(0, planes, many))


def _running(xp: Arithmetic, a: Array, axis: int, taps: list[slice]) -> Array:
    """The maximum over these slices along one axis."""
    best: Array = a[_along(axis, taps[0])]
    for one in taps[1:]:
        best = xp.maximum(best, a[_along(axis, one)])
    return best


def _along(axis: int, place: slice) -> tuple[Any, ...]:
    return (..., place) if axis == 1 else (..., place, slice(None))


def _max_pool(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str) -> Array:
    around = _planes(padded(xp, a, layout.padding, xp.negative_infinity))
    taps = [[tap(layout, output, axis, entry) for entry in range(window[axis])] for axis in (0, 1)]
    result = xp.zeros((len(around), *output))
    for block in _blocks(len(around), around[0].size):
        result[block] = _running(xp, _running(xp, around[block], 1, taps[1]), 0, taps[0])
    return result.reshape(*a.shape[:-2], *output)


def _first_gradient(xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair) -> Array:
    """To the first of equals: the first row that holds the maximum, and in it the first column."""
    output = y.shape[-2:]
    around = _planes(padded(xp, a, layout.padding, xp.negative_infinity))
    taps = [[tap(layout, output, axis, entry) for entry in range(window[axis])] for axis in (0, 1)]
    overlaps = [layout.stride[axis] < layout.dilation[axis] * (window[axis] - 1) + 1 for axis in (0, 1)]
    result = xp.zeros(around.shape)
    flat_g, flat_y = _planes(g), _planes(y)
    for block in _blocks(len(around), around[0].size):
        part = around[block]
        rows = _running(xp, part, 1, taps[1])
        to_rows = xp.zeros(rows.shape)
        _hand_back(xp, flat_g[block], flat_y[block], rows, to_rows, 0, taps[0], overlaps[0])
        _hand_back(xp, to_rows, rows, part, result[block], 1, taps[1], overlaps[1])
    (top, bottom), (left, right) = layout.padding
    inner: Array = result[:, top : result.shape[1] - bottom, left : result.shape[2] - right].reshape(a.shape)
    return inner


def _hand_back(
    xp: Arithmetic, g: Array, y: Array, a: Array, result: Array, axis: int, taps: list[slice], overlap: bool
) -> None:
    """Add each gradient to zeros, where the first of a window's entries equals its maximum.

    What has been handed back is taken from the rest, so that later equals get nothing; the last entry gets
    what is left, since some entry is the maximum.
    """
    rest = g
    for number, one in enumerate(taps):
        at, part = _along(axis, one), rest
        if number < len(taps) - 1:
            part = xp.multiply(rest, a[at] == y)
            rest = xp.subtract(rest, part)
        result[at] = xp.add(result[at], part) if overlap and number else part


def _max_pool_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first":
        if xp.is_finite(y) and xp.is_finite(g):
            return _first_gradient(xp, g, y, a, layout, window)
        places = _winners(xp, a, layout=layout, window=window, output=output)
        return _gather_gradient(xp, g, places, [a.shape])
    each = _shared(xp, g, y, a, layout, window, ties)
    parts = ((at[1:], xp.multiply(each, hit)) for at, hit in _hits(xp, a, y, layout, window))
    return overlap_add(xp, parts, layout, a.shape)


def _max_pool_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first":
        return _gather(xp, t, _winners(xp, a, layout=layout, window=window, output=output))
    moved, total = padded(xp, t, layout.padding), xp.zeros(y.shape)
    for at, hit in _hits(xp, a, y, layout, window):
        total = xp.add(total, xp.multiply(moved[at], hit))
    return _shared(xp, total, y, a, layout, window, ties)


# The maximum of each window, with its gradient given to the first of equals, shared evenly by them, or given
# to each in full.
max_pool = Primitive(
    "max_pool",
    forward=_max_pool,
    gradients={"a": _max_pool_gradient},
    tangents=_max_pool_tangent,
    shape=lambda a, layout, window, output, ties: pooled(a, layout=layout, window=window, output=output),
    latex=lambda a, layout, window, output, ties: Formula(rf"\max_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    scratch=lambda shape, a, **attributes: bordered(a, attributes["layout"], (1, 1)),
    expects="at least two axes",
)
