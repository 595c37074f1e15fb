"""Maxima of windows of numbers that can be compared, in blocks that caches hold.

Maxima are taken over columns first and then over rows, entry by entry of the window.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.windows import Layout, Pair, padded, seen, tap

BLOCK = 2**17  # entries of the input that are pooled together


class _Block(NamedTuple):
    """Some rows of windows on some planes, the rows that they see, and how the windows slide over these."""

    planes: slice
    windows: slice
    rows: slice
    layout: Layout


def _blocks(count: int, sizes: Pair, layout: Layout, window: Pair, output: Pair) -> Iterator[_Block]:
    """As many planes as make a block, or of one that is larger as many rows of windows.

    But no fewer than a window reaches over, since blocks share as many rows of the input as it does.
    """
    stride, reach = layout.stride[0], layout.dilation[0] * (window[0] - 1)
    many, tall = _block_sizes(sizes, layout, window, output)
    (top, _), across = layout.padding
    for plane in range(0, count, many):
        for upper in range(0, output[0], tall):
            lower = min(upper + tall, output[0])
            first, stop = upper * stride - top, (lower - 1) * stride - top + reach + 1
            around = (max(0, -first), max(0, stop - sizes[0])), across
            yield _Block(
                slice(plane, min(plane + many, count)),
                slice(upper, lower),
                slice(max(0, first), min(stop, sizes[0])),
                layout._replace(padding=around),
            )


def _block_sizes(sizes: Pair, layout: Layout, window: Pair, output: Pair) -> Pair:
    """How many planes, and how many rows of windows, a block has."""
    entries, stride, reach = sizes[0] * sizes[1], layout.stride[0], layout.dilation[0] * (window[0] - 1)
    tall = output[0] if entries <= BLOCK else max(1, reach // stride, BLOCK // (stride * sizes[1]))
    return max(1, BLOCK // entries), tall


def counted_blocks(count: int, sizes: Pair, layout: Layout, window: Pair, output: Pair) -> tuple[int, int]:
    """How many blocks there are of so many planes, and of the rows of windows of each."""
    many, tall = _block_sizes(sizes, layout, window, output)
    return -(-count // many), -(-output[0] // tall)


def _planes(a: Array) -> Array:
    return a.reshape(-1, *a.shape[-2:])


def _parts(a: Array, layout: Layout, output: Pair, axis: int, entries: Iterable[int]) -> Iterator[Array]:
    """What stands at entries of the windows along one axis, without gaps: they make arithmetic slow."""
    for entry in entries:
        at = tap(layout, output, axis, entry)
        yield np.ascontiguousarray(a[..., at] if axis == 1 else a[..., at, :])


def maxima(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """The maximum of each window."""
    planes = _planes(x)
    result = np.empty((len(planes), *output), dtype=x.dtype)
    for block in _blocks(len(planes), x.shape[-2:], layout, window, output):
        part, to = planes[block.planes, block.rows], result[block.planes, block.windows]
        best = padded(xp, part, block.layout.padding, xp.negative_infinity)
        for axis in (1, 0):
            looked = seen(block.layout, window, to.shape[-2:], part.shape[-2:], axis)
            best = functools.reduce(xp.maximum, _parts(best, layout, to.shape[-2:], axis, looked))
        to[...] = best
    return result.reshape(*x.shape[:-2], *output)


def first_maxima(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> tuple[Array, Array]:
    """The maximum of each window, and how far behind the window's start it stands, as small integers.

    Of equals it is the one in the first row, and in it in the first column.
    """
    planes, (down, across) = _planes(x), _steps(x, layout)
    best = np.empty((len(planes), *output), dtype=x.dtype)
    ahead = np.empty(best.shape, np.min_scalar_type((window[0] - 1) * down + (window[1] - 1) * across))
    for block in _blocks(len(planes), x.shape[-2:], layout, window, output):
        at = block.planes, block.windows
        best[at], ahead[at] = _first_of_block(
            xp, planes[block.planes, block.rows], block.layout, window, best[at].shape[-2:], ahead.dtype
        )
    shape = (*x.shape[:-2], *output)
    return best.reshape(shape), ahead.reshape(shape)


def _steps(x: Array, layout: Layout) -> Pair:
    """How far apart the entries of a window stand, down and across, counted row by row."""
    return layout.dilation[0] * x.shape[-1], layout.dilation[1]


def _first_of_block(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, kind: Any
) -> tuple[Array, Array]:
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    down, across = _steps(x, layout)
    looked = [*seen(layout, window, output, x.shape[-2:], 1)]
    marks: Iterator[Any] = (kind.type(j * across) for j in looked)
    best, column = _first_largest(xp, _parts(around, layout, output, 1, looked), marks)
    looked = [*seen(layout, window, output, x.shape[-2:], 0)]
    columns = _parts(column, layout, output, 0, looked)
    marks = (one + kind.type(i * down) for i, one in zip(looked, columns, strict=True))
    best, ahead = _first_largest(xp, _parts(best, layout, output, 0, looked), marks)
    # NaN is not larger than others, nor -infinity than a border; a maximum shows where there is either.
    if not xp.is_finite(best):
        ahead = _first_not_finite(xp, x, layout, window, output, kind)
    return best, ahead


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


def _first_not_finite(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, kind: Any
) -> Array:
    """Where maxima stand, also if they are not finite: NaN wins, and a border never does."""
    around = padded(xp, np.where(np.isnan(x), math.inf, x), layout.padding, xp.negative_infinity)
    real = np.pad(np.ones(x.shape[-2:], dtype=bool), layout.padding)
    mark, (down, across) = np.zeros(around.shape, kind), _steps(x, layout)
    for axis, step in ((1, across), (0, down)):
        looked = [*seen(layout, window, output, x.shape[-2:], axis)]
        parts, reals, marks = (_parts(one, layout, output, axis, looked) for one in (around, real, mark))
        around, real, mark = next(parts), next(reals), next(marks) + kind.type(looked[0] * step)
        for entry, part, is_real, other in zip(looked[1:], parts, reals, marks, strict=True):
            better = is_real & (~real | (part > around))
            mark = np.where(better, other + kind.type(entry * step), mark)
            around, real = np.where(better, part, around), real | is_real
    return mark


def taps(x: Array, layout: Layout, window: Pair, output: Pair) -> Iterator[tuple[int, int, Any, Array]]:
    """Each entry of a window: its row and column, where it stands in the padded input, for which windows it
    is of the input and not of its border.
    """
    (top, bottom), (left, right) = layout.padding
    real = np.pad(np.ones(x.shape[-2:], dtype=bool), ((top, bottom), (left, right)))
    for i in seen(layout, window, output, x.shape[-2:], 0):
        for j in seen(layout, window, output, x.shape[-2:], 1):
            at = (..., tap(layout, output, 0, i), tap(layout, output, 1, j))
            yield i, j, at, real[at]


def starts(x: Array, layout: Layout, output: Pair) -> Array:
    """Where each window starts in a plane, counted row by row; before it where it starts in the border."""
    (top, _), (left, _) = layout.padding
    rows = np.arange(output[0])[:, None] * layout.stride[0] - top
    found: Array = rows * x.shape[-1] + np.arange(output[1]) * layout.stride[1] - left
    return found


def first_gradient(
    xp: Arithmetic, g: Array, ahead: Array, layout: Layout, window: Pair, shape: tuple[int, ...]
) -> Array:
    """Each gradient added where the maximum of its window stands, so far behind the window's start."""
    disjoint = all(layout.stride[axis] > layout.dilation[axis] * (window[axis] - 1) for axis in (0, 1))
    result = np.empty(shape, dtype=g.dtype)
    planes, g, ahead, columns = _planes(result), _planes(g), _planes(ahead), shape[-1]
    behind: Any = None
    for block in _blocks(len(planes), (shape[-2], columns), layout, window, g.shape[-2:]):
        part, to = g[block.planes, block.windows], planes[block.planes].reshape(-1)
        if behind is None:  # where windows start, of as many as any block has
            behind = np.arange(len(part))[:, None, None] * planes[0].size
            behind = behind + starts(result, layout, part.shape[-2:])
        places = behind[: len(part), : part.shape[1]] + ahead[block.planes, block.windows]
        split = part.shape[1] < g.shape[1]  # into several blocks, which may see the same rows
        if block.windows.start == 0 and (disjoint or split):
            to[...] = xp.zeros(())
        if split:
            places += (block.windows.start * layout.stride[0] - block.rows.start) * columns
            to = to[block.rows.start * columns : block.rows.stop * columns]
        if disjoint:
            to[places] = part
        else:
            found = xp.scatter(part.reshape(-1), places.reshape(-1), to.size)
            to[...] = xp.add(to, found) if split else found
    return result
