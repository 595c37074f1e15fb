"""Maxima of windows of ordered numbers, in blocks that fit into the cache.

Maxima are taken over columns first and then over rows, one entry of the windows at a time.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.windows import Layout, Pair, entry_slice, overlapping_entries, pad

BLOCK = 2**17  # input entries of one block


class _Block(NamedTuple):
    """Rows of windows on some planes, the input rows that they cover, and the layout on these rows."""

    planes: slice
    windows: slice
    rows: slice
    layout: Layout


def _blocks(count: int, sizes: Pair, layout: Layout, window: Pair, output: Pair) -> Iterator[_Block]:
    """Yield blocks of several planes, or of several rows of windows if one plane is larger than a block.

    A block has at least as many input rows as a window covers, since neighbouring blocks share that many.
    """
    stride, reach = layout.stride[0], layout.dilation[0] * (window[0] - 1)
    planes, tall = _block_sizes(sizes, layout, window, output)
    (top, _), across = layout.padding
    for plane in range(0, count, planes):
        for upper in range(0, output[0], tall):
            lower = min(upper + tall, output[0])
            first, stop = upper * stride - top, (lower - 1) * stride - top + reach + 1
            padding = (max(0, -first), max(0, stop - sizes[0])), across
            yield _Block(
                slice(plane, min(plane + planes, count)),
                slice(upper, lower),
                slice(max(0, first), min(stop, sizes[0])),
                layout._replace(padding=padding),
            )


def _block_sizes(sizes: Pair, layout: Layout, window: Pair, output: Pair) -> Pair:
    """Return the number of planes, and of rows of windows, of one block."""
    entries, stride, reach = sizes[0] * sizes[1], layout.stride[0], layout.dilation[0] * (window[0] - 1)
    tall = output[0] if entries <= BLOCK else max(1, reach // stride, BLOCK // (stride * sizes[1]))
    return max(1, BLOCK // entries), tall


def count_blocks(count: int, sizes: Pair, layout: Layout, window: Pair, output: Pair) -> tuple[int, int]:
    """Return the number of blocks of `count` planes, and of blocks of rows of windows in each."""
    planes, tall = _block_sizes(sizes, layout, window, output)
    return -(-count // planes), -(-output[0] // tall)


def _planes(a: Array) -> Array:
    return a.reshape(-1, *a.shape[-2:])


def _parts(a: Array, layout: Layout, output: Pair, axis: int, entries: Iterable[int]) -> Iterator[Array]:
    """Yield contiguous arrays of each window entry along one axis: arithmetic on strided views is slow."""
    for entry in entries:
        at = entry_slice(layout, output, axis, entry)
        yield np.ascontiguousarray(a[..., at] if axis == 1 else a[..., at, :])


def maxima(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """Return the maximum of each window."""
    planes = _planes(x)
    result = np.empty((len(planes), *output), dtype=x.dtype)
    for block in _blocks(len(planes), x.shape[-2:], layout, window, output):
        part, to = planes[block.planes, block.rows], result[block.planes, block.windows]
        best = pad(xp, part, block.layout.padding, xp.negative_infinity)
        for axis in (1, 0):
            entries = overlapping_entries(block.layout, window, to.shape[-2:], part.shape[-2:], axis)
            best = functools.reduce(xp.maximum, _parts(best, layout, to.shape[-2:], axis, entries))
        to[...] = best
    return result.reshape(*x.shape[:-2], *output)


def first_maxima(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> tuple[Array, Array]:
    """Return the maximum of each window, and its offset from the start of the window, as small integers.

    Of several equal maxima it is the first in row-major order.
    """
    planes, (down, across) = _planes(x), _strides(x, layout)
    best = np.empty((len(planes), *output), dtype=x.dtype)
    ahead = np.empty(best.shape, np.min_scalar_type((window[0] - 1) * down + (window[1] - 1) * across))
    for block in _blocks(len(planes), x.shape[-2:], layout, window, output):
        at = block.planes, block.windows
        best[at], ahead[at] = _first_of_block(
            xp, planes[block.planes, block.rows], block.layout, window, best[at].shape[-2:], ahead.dtype
        )
    shape = (*x.shape[:-2], *output)
    return best.reshape(shape), ahead.reshape(shape)


def _strides(x: Array, layout: Layout) -> Pair:
    """Return the distances between window entries, down and across, in a row-major plane."""
    return layout.dilation[0] * x.shape[-1], layout.dilation[1]


def _first_of_block(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, kind: Any
) -> tuple[Array, Array]:
    padded_x = pad(xp, x, layout.padding, xp.negative_infinity)
    down, across = _strides(x, layout)
    entries = [*overlapping_entries(layout, window, output, x.shape[-2:], 1)]
    offsets: Iterator[Any] = (kind.type(j * across) for j in entries)
    best, column = _first_largest(xp, _parts(padded_x, layout, output, 1, entries), offsets)
    entries = [*overlapping_entries(layout, window, output, x.shape[-2:], 0)]
    columns = _parts(column, layout, output, 0, entries)
    offsets = (offset + kind.type(i * down) for i, offset in zip(entries, columns, strict=True))
    best, ahead = _first_largest(xp, _parts(best, layout, output, 0, entries), offsets)
    # NaN does not compare larger, nor -infinity larger than padding. Either shows in the maximum.
    if not xp.is_finite(best):
        ahead = _first_not_finite(xp, x, layout, window, output, kind)
    return best, ahead


def _first_largest(xp: Arithmetic, parts: Iterator[Array], offsets: Iterator[Any]) -> tuple[Array, Array]:
    """Return the elementwise maximum of the parts, and the offset of the first part that attains it.

    Offsets are small integers, on which arithmetic costs a tenth of a selection.
    """
    best = next(parts)
    best_offset = np.full(best.shape, next(offsets))
    for part, offset in zip(parts, offsets, strict=True):
        best_offset += (offset - best_offset) * (part > best).astype(best_offset.dtype)
        best = xp.maximum(best, part)
    return best, best_offset


def _first_not_finite(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, kind: Any
) -> Array:
    """Return the offsets of maxima that may not be finite: NaN is the largest, and padding never wins."""
    best = pad(xp, np.where(np.isnan(x), math.inf, x), layout.padding, xp.negative_infinity)
    real = np.pad(np.ones(x.shape[-2:], dtype=bool), layout.padding)
    best_offset, (down, across) = np.zeros(best.shape, kind), _strides(x, layout)
    for axis, step in ((1, across), (0, down)):
        entries = [*overlapping_entries(layout, window, output, x.shape[-2:], axis)]
        parts, reals, offsets = (
            _parts(array, layout, output, axis, entries) for array in (best, real, best_offset)
        )
        best, real, best_offset = next(parts), next(reals), next(offsets) + kind.type(entries[0] * step)
        for entry, part, is_real, offset in zip(entries[1:], parts, reals, offsets, strict=True):
            better = is_real & (~real | (part > best))
            best_offset = np.where(better, offset + kind.type(entry * step), best_offset)
            best, real = np.where(better, part, best), real | is_real
    return best_offset


def window_entries(
    x: Array, layout: Layout, window: Pair, output: Pair
) -> Iterator[tuple[int, int, Any, Array]]:
    """Yield the row and column of each window entry, its places in the padded input, and for which windows it
    belongs to the input and not to the padding.
    """
    (top, bottom), (left, right) = layout.padding
    real = np.pad(np.ones(x.shape[-2:], dtype=bool), ((top, bottom), (left, right)))
    for i in overlapping_entries(layout, window, output, x.shape[-2:], 0):
        for j in overlapping_entries(layout, window, output, x.shape[-2:], 1):
            at = (..., entry_slice(layout, output, 0, i), entry_slice(layout, output, 1, j))
            yield i, j, at, real[at]


def window_starts(x: Array, layout: Layout, output: Pair) -> Array:
    """Return the row-major index in the plane at which each window starts; negative if in the padding."""
    (top, _), (left, _) = layout.padding
    rows = np.arange(output[0])[:, None] * layout.stride[0] - top
    indices: Array = rows * x.shape[-1] + np.arange(output[1]) * layout.stride[1] - left
    return indices


def scatter_gradient(
    xp: Arithmetic, g: Array, ahead: Array, layout: Layout, window: Pair, shape: tuple[int, ...]
) -> Array:
    """Add each gradient at the maximum of its window, `ahead` of the window's start."""
    disjoint = all(layout.stride[axis] > layout.dilation[axis] * (window[axis] - 1) for axis in (0, 1))
    result = np.empty(shape, dtype=g.dtype)
    planes, g, ahead, columns = _planes(result), _planes(g), _planes(ahead), shape[-1]
    block_starts: Any = None
    for block in _blocks(len(planes), (shape[-2], columns), layout, window, g.shape[-2:]):
        part, to = g[block.planes, block.windows], planes[block.planes].reshape(-1)
        if block_starts is None:  # the first block is the largest
            block_starts = np.arange(len(part))[:, None, None] * planes[0].size
            block_starts = block_starts + window_starts(result, layout, part.shape[-2:])
        indices = block_starts[: len(part), : part.shape[1]] + ahead[block.planes, block.windows]
        split = part.shape[1] < g.shape[1]  # a plane has several blocks, which may share rows
        if block.windows.start == 0 and (disjoint or split):
            to[...] = xp.zeros(())
        if split:
            indices += (block.windows.start * layout.stride[0] - block.rows.start) * columns
            to = to[block.rows.start * columns : block.rows.stop * columns]
        if disjoint:
            to[indices] = part
        else:
            scattered = xp.scatter(part.reshape(-1), indices.reshape(-1), to.size)
            to[...] = xp.add(to, scattered) if split else scattered
    return result
