"""Sliding windows over two axes, and cross-correlation in blocks, so that memory stays bounded.

Everything is cross-correlation of x (batch, groups*c, H, W) with a kernel (groups*f, c, h, w). `padding` is
((top, bottom), (left, right)); `stride` and `dilation` are (rows, columns). The windows of one block of
output rows are laid out as columns (im2col) and multiplied with the kernel in one matrix product.
"""

import math
from collections.abc import Iterator
from itertools import product as product_of
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, floor_divide, product, total

Pair: TypeAlias = tuple[Any, Any]
Sizes: TypeAlias = tuple[Size, Size]
BLOCK = 2**18  # entries of the windows of one block: 2 MiB, which fits into the cache
MANY = 10**8  # multiplications from which a correlation over zeros is too slow
SPARSE = 16  # input entries per window from which windows overlap mostly padding


class Layout(NamedTuple):
    """The geometry of windows that slide over an input: the attribute that all window primitives share."""

    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: Any = 1

    def output(self, sizes: Sizes, window: Sizes) -> Sizes:
        """Return the number of windows along each axis. Raises ShapeError if none fits."""
        counts = []
        for axis in (0, 1):
            padded = sizes[axis] + total(self.padding[axis])
            extent = self.dilation[axis] * (window[axis] - 1) + 1
            if isinstance(padded, int) and isinstance(extent, int) and extent > padded:
                raise ShapeError(f"a window of {extent} is longer than {padded}, the padded input")
            counts.append(floor_divide(padded - extent, self.stride[axis]) + 1)
        return counts[0], counts[1]


def pad(xp: Arithmetic, x: Array, padding: tuple[Pair, Pair], fill: Any = 0) -> Array:
    """Return the padded input, or the input itself if there is no padding."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return x
    *outer, rows, columns = x.shape
    result = xp.zeros((*outer, top + rows + bottom, left + columns + right))
    if fill != 0:
        result[...] = fill
    result[..., top : top + rows, left : left + columns] = x
    return result


def windows(x: Array, window: Pair, layout: Layout, output: Pair) -> Array:
    """Return all windows of a padded input as a view (..., h, w, rows, columns)."""
    *outer, down, across = x.strides
    strides = (down * layout.dilation[0], across * layout.dilation[1],
               down * layout.stride[0], across * layout.stride[1])  # fmt: skip
    return as_strided(x, (*x.shape[:-2], *window, *output), (*outer, *strides), writeable=False)


def _blocks(batch: int, rows: int, columns: int, numbers: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield the samples, rows and columns of the output in each block, for windows of `numbers` entries."""
    all_columns = slice(0, columns)
    if numbers * rows * columns <= BLOCK:
        samples = max(1, BLOCK // (numbers * rows * columns))
        for first in range(0, batch, samples):
            yield slice(first, min(first + samples, batch)), slice(0, rows), all_columns
        return
    tall, wide = max(1, BLOCK // (numbers * columns)), max(1, BLOCK // numbers)
    for sample in range(batch):
        for first in range(0, rows, tall):
            for left in range(0, columns, wide if tall == 1 else columns):
                across = slice(left, min(left + wide, columns)) if tall == 1 else all_columns
                yield slice(sample, sample + 1), slice(first, min(first + tall, rows)), across


def _columns(view: Array, block: tuple[slice, slice, slice], groups: int) -> Array:
    """Return the windows of a block as columns (samples, groups, c*h*w, positions)."""
    samples, rows, across = block
    part = view[samples, ..., rows, across]
    count, channels, h, w, height, width = part.shape
    return part.reshape(count, groups, channels // groups * h * w, height * width)


def _group_filters(kernel: Array, groups: int) -> Array:
    return kernel.reshape(groups, kernel.shape[0] // groups, -1)


def correlate(xp: Arithmetic, x: Array, kernel: Array, layout: Layout) -> Array:
    """Return the cross-correlation, computed block by block."""
    filters, _, *window = kernel.shape
    height, width = as_integers(layout.output(_plane_sizes(x), (window[0], window[1])))
    view = windows(pad(xp, x, layout.padding), (window[0], window[1]), layout, (height, width))
    weights = _group_filters(kernel, layout.groups)
    result = np.empty((x.shape[0], filters, height, width), dtype=x.dtype)
    for block in _blocks(x.shape[0], height, width, x.shape[1] * window[0] * window[1]):
        samples, rows, across = block
        products = xp.matmul(weights, _columns(view, block, layout.groups))
        shape = (products.shape[0], filters, rows.stop - rows.start, across.stop - across.start)
        result[samples, :, rows, across] = products.reshape(shape)
    return result


def kernel_gradient(xp: Arithmetic, g: Array, x: Array, layout: Layout, shape: tuple[int, ...]) -> Array:
    """Return the gradient of the kernel: the sum over windows of each window times its output's gradient."""
    filters, _, h, w = shape
    height, width = g.shape[-2:]
    view = windows(pad(xp, x, layout.padding), (h, w), layout, (height, width))
    result = xp.zeros((layout.groups, math.prod(shape[1:]), filters // layout.groups))
    for block in _blocks(x.shape[0], height, width, x.shape[1] * h * w):
        samples, rows, across = block
        columns = _columns(view, block, layout.groups)
        part = g[samples, :, rows, across]
        part = part.reshape(part.shape[0], layout.groups, filters // layout.groups, -1)
        # Columns first, usually the longer side: a matrix product with few rows is slower.
        for sample in xp.matmul(columns, part.swapaxes(-1, -2)):
            result = xp.add(result, sample)
    return result.swapaxes(-1, -2).reshape(shape)


def input_gradient(xp: Arithmetic, g: Array, kernel: Array, layout: Layout, shape: tuple[int, ...]) -> Array:
    """Return the gradient of the input, which is also the result of a transposed convolution."""
    if layout.stride == (1, 1) and not is_mostly_padding(g.shape, kernel.shape, shape):
        return _full_correlation(xp, g, kernel, layout, shape)
    filters, _, h, w = kernel.shape
    batch, channels, rows_in, columns_in = shape
    (top, bottom), (left, right) = layout.padding
    height, width = g.shape[-2:]
    result = xp.zeros((batch, channels, top + rows_in + bottom, left + columns_in + right))
    weights = _group_filters(kernel, layout.groups).swapaxes(-1, -2)
    (down, along), (apart, aside) = layout.stride, layout.dilation
    for samples, rows, across in _blocks(batch, height, width, channels * h * w):
        part = g[samples, :, rows, across]
        count, _, many, wide = part.shape
        columns = xp.matmul(
            weights, part.reshape(count, layout.groups, filters // layout.groups, many * wide)
        )
        spread = columns.reshape(count, channels, h, w, many, wide)
        first, start = rows.start * down, across.start * along
        if many * wide < h * w:  # window by window in reverse, which keeps the order of the sums
            for row, column in product_of(range(many - 1, -1, -1), range(wide - 1, -1, -1)):
                at = (samples, slice(None), _strided(first + row * down, h, apart),
                      _strided(start + column * along, w, aside))  # fmt: skip
                result[at] = xp.add(result[at], spread[..., row, column])
            continue
        for i, j in product_of(range(h), range(w)):
            at = (samples, slice(None), _strided(first + i * apart, many, down),
                  _strided(start + j * aside, wide, along))  # fmt: skip
            result[at] = xp.add(result[at], spread[:, :, i, j])
    return result[..., top : top + rows_in, left : left + columns_in]


def _strided(first: int, count: int, step: int) -> slice:
    """Return a slice of `count` places, `step` apart."""
    return slice(first, first + (count - 1) * step + 1, step)


def is_mostly_padding(g: Any, kernel: Any, shape: Any) -> bool:
    """Return whether a correlation over the whole input would be slow and multiply mostly zeros."""
    multiplications = math.prod(shape) * kernel[0] * math.prod(kernel[2:])
    return bool(multiplications > MANY and math.prod(shape[-2:]) > SPARSE * math.prod(g[-2:]))


def _full_correlation(
    xp: Arithmetic, g: Array, kernel: Array, layout: Layout, shape: tuple[int, ...]
) -> Array:
    """Return the input gradient for stride 1: the correlation of the gradient with the flipped kernel."""
    filters, depth, h, w = kernel.shape
    groups = layout.groups
    flipped = kernel.reshape(groups, filters // groups, depth, h, w).swapaxes(1, 2)[..., ::-1, ::-1]
    flipped = flipped.reshape(groups * depth, filters // groups, h, w)
    margins = []
    for axis, (size, extent) in enumerate(zip(shape[-2:], (h, w), strict=True)):
        before = layout.dilation[axis] * (extent - 1) - layout.padding[axis][0]
        after = size - g.shape[axis - 2] - before + layout.dilation[axis] * (extent - 1)
        margins.append((before, after))
    cropped = _crop(g, margins)
    borders = tuple((max(0, before), max(0, after)) for before, after in margins)
    return correlate(
        xp,
        cropped,
        flipped,
        Layout(padding=(borders[0], borders[1]), dilation=layout.dilation, groups=groups),
    )


def _crop(g: Array, margins: list[tuple[int, int]]) -> Array:
    """Cut off the entries that negative padding removes."""
    cut = [slice(max(0, -before), size - max(0, -after))
           for (before, after), size in zip(margins, g.shape[-2:], strict=True)]  # fmt: skip
    return g[..., cut[0], cut[1]]


def _plane_sizes(x: Array) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def as_integers(sizes: Sizes) -> tuple[int, int]:
    """Return sizes that are known to be numbers, not symbols."""
    first, second = sizes
    assert isinstance(first, int) and isinstance(second, int)
    return first, second


def padded_size(shape: Shape, layout: Layout, window: Sizes) -> Size:
    """Return the number of entries of a padded array, including the padding of its gradient."""
    sizes = (
        shape[axis - 2] + total(layout.padding[axis]) + 2 * layout.dilation[axis] * (window[axis] - 1)
        for axis in (0, 1)
    )
    return product((*shape[:-2], *sizes))


def pooled_shape(x: Shape, *, layout: Layout, window: Sizes, output: Sizes) -> Shape:
    """Return the shape of a result with one entry per window."""
    if len(x) < 2:
        raise ShapeError("it has fewer than two axes")
    return (*x[:-2], *output)


def entry_slice(layout: Layout, output: Pair, axis: int, entry: int) -> slice:
    """Return the places of each window's entry number `entry` along one axis of the padded input."""
    first = entry * layout.dilation[axis]
    return slice(first, first + (output[axis] - 1) * layout.stride[axis] + 1, layout.stride[axis])


def window_slice(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int, at: int) -> slice:
    """Return the places of the entries of window number `at` along one axis of the padded input.

    Entries that overlap the padding in every window are left out.
    """
    first, last = _overlapping_range(layout, window, output, sizes, axis)
    start, step = at * layout.stride[axis], layout.dilation[axis]
    return slice(start + first * step, start + max(first, last) * step, step)


def overlapping_entries(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int) -> Iterator[int]:
    """Yield the window entries along one axis that overlap the input (of these sizes) in some window.

    If other entries overlap only padding, one of them is yielded for all.
    """
    first, last = _overlapping_range(layout, window, output, sizes, axis)
    if first > 0:
        yield 0
    yield from range(first, last)
    if first == 0 and last < window[axis]:
        yield window[axis] - 1


def count_overlapping_entries(x: Shape, layout: Layout, window: Pair, output: Pair) -> tuple[int, int]:
    """Return the number of window entries that are read along each axis, for an input of this shape."""
    ends = [_overlapping_range(layout, window, output, x[-2:], axis) for axis in (0, 1)]
    down, across = (
        max(0, last - first) + (first > 0 or last < window[axis]) for axis, (first, last) in enumerate(ends)
    )
    return down, across


def _overlapping_range(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int) -> tuple[int, int]:
    """Return the range [first, last) of window entries that overlap the input in some window."""
    stride, dilation, before = layout.stride[axis], layout.dilation[axis], layout.padding[axis][0]
    first = -(((output[axis] - 1) * stride - before) // dilation)
    return max(0, first), min(window[axis], (before + sizes[axis] - 1) // dilation + 1)


def overlap_add(
    xp: Arithmetic, parts: Iterator[tuple[tuple[slice, slice], Array]], layout: Layout, shape: Any
) -> Array:
    """Add window entries back to their places in the input (col2im). parts: pairs of places and entries."""
    (top, bottom), (left, right) = layout.padding
    *outer, rows, columns = shape
    result = xp.zeros((*outer, top + rows + bottom, left + columns + right))
    for at, part in parts:
        result[(..., *at)] = xp.add(result[(..., *at)], part)
    return result[..., top : top + rows, left : left + columns]
