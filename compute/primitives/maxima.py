"""Primitives of maxima: the maximum of each window, and where it stands.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many.
Maxima are taken over columns first and then over rows, entry by entry of the window.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.latex import PRODUCT, Formula
from compute.primitive import Cost, Primitive
from compute.primitives.places import gather
from compute.primitives.windows import Layout, Pair, bordered, overlap_add, padded, pooled, tap

BLOCK = 2**17  # entries of the planes that are pooled together: caches hold them


def _winners(xp: Arithmetic, x: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    if not xp.ordered:
        return _winners_by_condition(xp, x, layout, window, output)
    planes, starts = _planes(x), _starts(x, layout, output)
    result = np.empty((len(planes), *output), dtype=np.intp)
    for block in _blocks(planes):
        np.add(starts, _first_maxima(xp, planes[block], layout, window, output), out=result[block])
    return result.reshape(*x.shape[:-2], *output)


def _starts(x: Array, layout: Layout, output: Pair) -> Array:
    """Where each window starts in a plane, counted row by row; before it where it starts in the border."""
    (top, _), (left, _) = layout.padding
    rows = np.arange(output[0])[:, None] * layout.stride[0] - top
    starts: Array = rows * x.shape[-1] + np.arange(output[1]) * layout.stride[1] - left
    return starts


def _first_maxima(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """How far behind the start of each window its maximum stands: of equals in the first row, and in it
    the first column.
    """
    if not xp.is_finite(x):
        return _first_maxima_one_by_one(xp, x, layout, window, output)
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    down, across = layout.dilation[0] * x.shape[-1], layout.dilation[1]
    kind = np.min_scalar_type((window[0] - 1) * down + (window[1] - 1) * across)
    marks: Iterator[Any] = (kind.type(j * across) for j in range(window[1]))
    best, column = _first_largest(xp, _seen(around, layout, window, output, 1), marks)
    marks = (one + kind.type(i * down) for i, one in enumerate(_seen(column, layout, window, output, 0)))
    return _first_largest(xp, _seen(best, layout, window, output, 0), marks)[1]


def _first_largest(xp: Arithmetic, parts: Iterator[Array], marks: Iterator[Any]) -> tuple[Array, Array]:
    """Entry by entry the largest of the parts, and the mark of the first part that holds it.

    Marks are small integers, on which arithmetic costs a tenth of what a choice does.
    """
    best = next(parts)
    mark = np.full(best.shape, next(marks))
    for part, other in zip(parts, marks, strict=True):
        mark += (other - mark) * (part > best).astype(mark.dtype)
        best = xp.maximum(best, part)
    return best, mark


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


def _first_maxima_one_by_one(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
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
    ahead: Array = down * x.shape[-1] + across
    return ahead


def _winners_by_condition(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """The same where the order of entries may be open: with a case for each entry of a window."""
    starts, (down, across) = _starts(x, layout, output), layout.dilation
    hits = [*_hits_by_condition(xp, x, layout, window, output, "first")]
    places = [xp.whole(starts + i * down * x.shape[-1] + j * across) for i, j, *_ in hits]
    return xp.select([hit for *_, hit in hits], places)


def _hits_by_condition(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Iterator[tuple[int, int, Any, Array]]:
    """For each entry of a window its row, its column, where it stands, and the condition on which it is the
    maximum: of equals the first alone, or each of them.
    """
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    taps = [*_taps(x, layout, window, output)]
    for place, (i, j, at, real) in enumerate(taps):
        hit: Any = real
        for other, (*_, there, _) in enumerate(taps):
            if other != place:
                beats = xp.greater if ties == "first" and other < place else xp.greater_equal
                hit = hit & beats(around[at], around[there])
        yield i, j, at, hit


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


def _hits(xp: Arithmetic, a: Array, y: Array, layout: Layout, window: Pair) -> Iterator[tuple[Any, Array]]:
    """For each entry of a window where it stands, and for which windows it is a maximum."""
    if not xp.ordered:
        found = _hits_by_condition(xp, a, layout, window, y.shape[-2:], "all")
        yield from ((at, _indicator(xp, hit)) for _, _, at, hit in found)
        return
    around = padded(xp, a, layout.padding, xp.negative_infinity)
    for _, _, at, real in _taps(a, layout, window, y.shape[-2:]):
        yield at, real & (around[at] == y)


def _shared(xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, ties: str) -> Array:
    """The gradient that each maximum of a window gets, or the change that each of them makes."""
    if ties == "all":
        return g
    count: Any = sum(xp.whole(hit) for _, hit in _hits(xp, a, y, layout, window))
    return xp.divide(g, count)


def _indicator(xp: Arithmetic, condition: Array) -> Array:
    return xp.where(condition, xp.whole(np.array(1)), xp.whole(np.array(0)))


def _planes(a: Array) -> Array:
    return a.reshape(-1, *a.shape[-2:])


def _blocks(planes: Array) -> Iterator[slice]:
    """Planes that caches hold together."""
    many = max(1, BLOCK // planes[0].size) if len(planes) else 1
    return (slice(first, first + many) for first in range(0, len(planes), many))


def _seen(a: Array, layout: Layout, window: Pair, output: Pair, axis: int) -> Iterator[Array]:
    """What stands at each of the windows' entries along one axis, without gaps: they make arithmetic slow."""
    for entry in range(window[axis]):
        at = tap(layout, output, axis, entry)
        yield np.ascontiguousarray(a[..., at] if axis == 1 else a[..., at, :])


def _max_pool(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str) -> Array:
    planes = _planes(a)
    result = np.empty((len(planes), *output), dtype=a.dtype)
    for block in _blocks(planes):
        found = padded(xp, planes[block], layout.padding, xp.negative_infinity)
        for axis in (1, 0):
            found = functools.reduce(xp.maximum, _seen(found, layout, window, output, axis))
        result[block] = found
    return result.reshape(*a.shape[:-2], *output)


def _first_gradient(xp: Arithmetic, g: Array, a: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """To the first of equals: each gradient added where the maximum of its window stands."""
    disjoint = all(layout.stride[axis] > layout.dilation[axis] * (window[axis] - 1) for axis in (0, 1))
    result = np.empty(a.shape, dtype=g.dtype)
    starts: Any = None
    for block in _blocks(a):
        part, to = a[block], result[block].reshape(-1)
        if starts is None:  # of as many planes as a block has at most
            starts = np.arange(len(part))[:, None, None] * part[0].size + _starts(a, layout, output)
        places = starts[: len(part)] + _first_maxima(xp, part, layout, window, output)
        if disjoint:
            to[...] = xp.zeros(())
            to[places] = g[block]
        else:
            to[...] = xp.scatter(g[block].reshape(-1), places.reshape(-1), part.size)
    return result


def _max_pool_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first" and not xp.ordered:
        found = _hits_by_condition(xp, a, layout, window, output, ties)
        hits = ((at[1:], xp.multiply(g, _indicator(xp, hit))) for _, _, at, hit in found)
        return overlap_add(xp, hits, layout, a.shape)
    if ties == "first":
        return _first_gradient(xp, _planes(g), _planes(a), layout, window, output).reshape(a.shape)
    each = _shared(xp, g, y, a, layout, window, ties)
    parts = ((at[1:], xp.multiply(each, hit)) for at, hit in _hits(xp, a, y, layout, window))
    return overlap_add(xp, parts, layout, a.shape)


def _max_pool_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first":
        return gather.forward(xp, t, _winners(xp, a, layout=layout, window=window, output=output))
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
    spreads_back=True,
    expects="at least two axes",
)
