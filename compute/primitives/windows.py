"""Windows that move over two axes, and correlation in blocks, so that memory does not grow with the layer.

Everything is cross-correlation of x (batch, groups*c, H, W) with a kernel (groups*f, c, h, w). `padding` is
((top, bottom), (left, right)), `stride` and `dilation` are (rows, columns). Inside, the windows of a block of
rows are laid out as columns and one matrix product takes them all.
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
BLOCK = 2**18  # numbers in the windows of one block: 2 MiB, which caches hold
MANY = 10**8  # multiplications that take some time
SPARSE = 16  # entries of the input for each window, from which on most of what windows meet is border


class Layout(NamedTuple):
    """How windows move over an input: the one attribute that all primitives of windows share."""

    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: Any = 1

    def output(self, sizes: Sizes, window: Sizes) -> Sizes:
        """How many windows fit along each axis; raises ShapeError where none does."""
        found = []
        for axis in (0, 1):
            padded = sizes[axis] + total(self.padding[axis])
            extent = self.dilation[axis] * (window[axis] - 1) + 1
            if isinstance(padded, int) and isinstance(extent, int) and extent > padded:
                raise ShapeError(f"a window of {extent} is longer than {padded}, the padded input")
            found.append(floor_divide(padded - extent, self.stride[axis]) + 1)
        return found[0], found[1]


def padded(xp: Arithmetic, x: Array, padding: tuple[Pair, Pair], fill: Any = 0) -> Array:
    """The input with its borders, or itself where there are none."""
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
    """All windows of a padded input as a view (..., h, w, rows, columns)."""
    *outer, down, across = x.strides
    strides = (down * layout.dilation[0], across * layout.dilation[1],
               down * layout.stride[0], across * layout.stride[1])  # fmt: skip
    return as_strided(x, (*x.shape[:-2], *window, *output), (*outer, *strides), writeable=False)


def _blocks(batch: int, rows: int, columns: int, numbers: int) -> Iterator[tuple[slice, slice, slice]]:
    """Samples, rows and columns of the output that make one block, for so many numbers a window."""
    everything = slice(0, columns)
    if numbers * rows * columns <= BLOCK:
        many = max(1, BLOCK // (numbers * rows * columns))
        for first in range(0, batch, many):
            yield slice(first, min(first + many, batch)), slice(0, rows), everything
        return
    tall, wide = max(1, BLOCK // (numbers * columns)), max(1, BLOCK // numbers)
    for sample in range(batch):
        for first in range(0, rows, tall):
            for left in range(0, columns, wide if tall == 1 else columns):
                across = slice(left, min(left + wide, columns)) if tall == 1 else everything
                yield slice(sample, sample + 1), slice(first, min(first + tall, rows)), across


def _columns(view: Array, block: tuple[slice, slice, slice], groups: int) -> Array:
    """The windows of a block as columns: (samples, groups, c*h*w, positions)."""
    samples, rows, across = block
    part = view[samples, ..., rows, across]
    count, channels, h, w, height, width = part.shape
    return part.reshape(count, groups, channels // groups * h * w, height * width)


def _grouped(kernel: Array, groups: int) -> Array:
    return kernel.reshape(groups, kernel.shape[0] // groups, -1)


def correlate(xp: Arithmetic, x: Array, kernel: Array, layout: Layout) -> Array:
    """The cross-correlation, block by block."""
    filters, _, *window = kernel.shape
    height, width = numbers(layout.output(_plane(x), (window[0], window[1])))
    view = windows(padded(xp, x, layout.padding), (window[0], window[1]), layout, (height, width))
    weights = _grouped(kernel, layout.groups)
    result = np.empty((x.shape[0], filters, height, width), dtype=x.dtype)
    for block in _blocks(x.shape[0], height, width, x.shape[1] * window[0] * window[1]):
        samples, rows, across = block
        found = xp.matmul(weights, _columns(view, block, layout.groups))
        shape = (found.shape[0], filters, rows.stop - rows.start, across.stop - across.start)
        result[samples, :, rows, across] = found.reshape(shape)
    return result


def kernel_gradient(xp: Arithmetic, g: Array, x: Array, layout: Layout, shape: tuple[int, ...]) -> Array:
    """The gradient of the kernel: each window times the gradient of what it gave."""
    filters, _, h, w = shape
    height, width = g.shape[-2:]
    view = windows(padded(xp, x, layout.padding), (h, w), layout, (height, width))
    result = xp.zeros((layout.groups, math.prod(shape[1:]), filters // layout.groups))
    for block in _blocks(x.shape[0], height, width, x.shape[1] * h * w):
        samples, rows, across = block
        columns = _columns(view, block, layout.groups)
        part = g[samples, :, rows, across]
        part = part.reshape(part.shape[0], layout.groups, filters // layout.groups, -1)
        # Columns first, usually the longer side: a product of few rows is slower.
        found = xp.matmul(columns, part.swapaxes(-1, -2))
        for one in found:
            result = xp.add(result, one)
    return result.swapaxes(-1, -2).reshape(shape)


def input_gradient(xp: Arithmetic, g: Array, kernel: Array, layout: Layout, shape: tuple[int, ...]) -> Array:
    """The gradient of the input, which is also what a transposed convolution computes."""
    if layout.stride == (1, 1) and not is_mostly_border(g.shape, kernel.shape, shape):
        return _full_correlation(xp, g, kernel, layout, shape)
    filters, _, h, w = kernel.shape
    batch, channels, rows_in, columns_in = shape
    (top, bottom), (left, right) = layout.padding
    height, width = g.shape[-2:]
    result = xp.zeros((batch, channels, top + rows_in + bottom, left + columns_in + right))
    weights = _grouped(kernel, layout.groups).swapaxes(-1, -2)
    (down, along), (apart, aside) = layout.stride, layout.dilation
    for samples, rows, across in _blocks(batch, height, width, channels * h * w):
        part = g[samples, :, rows, across]
        count, _, many, wide = part.shape
        columns = xp.matmul(
            weights, part.reshape(count, layout.groups, filters // layout.groups, many * wide)
        )
        spread = columns.reshape(count, channels, h, w, many, wide)
        first, start = rows.start * down, across.start * along
        if many * wide < h * w:  # window by window, backwards, so that sums are taken in the same order
            for row, column in product_of(range(many - 1, -1, -1), range(wide - 1, -1, -1)):
                at = (samples, slice(None), _every(first + row * down, h, apart),
                      _every(start + column * along, w, aside))  # fmt: skip
                result[at] = xp.add(result[at], spread[..., row, column])
            continue
        for i, j in product_of(range(h), range(w)):
            at = (samples, slice(None), _every(first + i * apart, many, down),
                  _every(start + j * aside, wide, along))  # fmt: skip
            result[at] = xp.add(result[at], spread[:, :, i, j])
    return result[..., top : top + rows_in, left : left + columns_in]


def _every(first: int, many: int, apart: int) -> slice:
    """So many places, that far apart."""
    return slice(first, first + (many - 1) * apart + 1, apart)


def is_mostly_border(g: Any, kernel: Any, shape: Any) -> bool:
    """Whether a correlation over the whole input would meet little but zeros, and take long over them."""
    through = math.prod(shape) * kernel[0] * math.prod(kernel[2:])
    return bool(through > MANY and math.prod(shape[-2:]) > SPARSE * math.prod(g[-2:]))


def _full_correlation(
    xp: Arithmetic, g: Array, kernel: Array, layout: Layout, shape: tuple[int, ...]
) -> Array:
    """With stride 1 the same as a correlation of the gradient with the kernel turned around."""
    filters, depth, h, w = kernel.shape
    groups = layout.groups
    turned = kernel.reshape(groups, filters // groups, depth, h, w).swapaxes(1, 2)[..., ::-1, ::-1]
    turned = turned.reshape(groups * depth, filters // groups, h, w)
    around = []
    for axis, (size, extent) in enumerate(zip(shape[-2:], (h, w), strict=True)):
        before = layout.dilation[axis] * (extent - 1) - layout.padding[axis][0]
        behind = size - g.shape[axis - 2] - before + layout.dilation[axis] * (extent - 1)
        around.append((before, behind))
    part = _cropped(g, around)
    borders = tuple((max(0, before), max(0, behind)) for before, behind in around)
    return correlate(
        xp, part, turned, Layout(padding=(borders[0], borders[1]), dilation=layout.dilation, groups=groups)
    )


def _cropped(g: Array, around: list[tuple[int, int]]) -> Array:
    """What negative padding leaves of an array."""
    cut = [slice(max(0, -before), size - max(0, -behind))
           for (before, behind), size in zip(around, g.shape[-2:], strict=True)]  # fmt: skip
    return g[..., cut[0], cut[1]]


def _plane(x: Array) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def numbers(sizes: Sizes) -> tuple[int, int]:
    """Sizes that are numbers by now."""
    first, second = sizes
    assert isinstance(first, int) and isinstance(second, int)
    return first, second


def bordered(shape: Shape, layout: Layout, window: Sizes) -> Size:
    """How many numbers an array with such borders has, those of its gradient included."""
    sizes = (
        shape[axis - 2] + total(layout.padding[axis]) + 2 * layout.dilation[axis] * (window[axis] - 1)
        for axis in (0, 1)
    )
    return product((*shape[:-2], *sizes))


def pooled(x: Shape, *, layout: Layout, window: Sizes, output: Sizes) -> Shape:
    """The shape of one number for each window."""
    if len(x) < 2:
        raise ShapeError("it has fewer than two axes")
    return (*x[:-2], *output)


def tap(layout: Layout, output: Pair, axis: int, entry: int) -> slice:
    """Where the windows' entry of this number stands along one axis of the padded input."""
    first = entry * layout.dilation[axis]
    return slice(first, first + (output[axis] - 1) * layout.stride[axis] + 1, layout.stride[axis])


def span(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int, at: int) -> slice:
    """Where those entries of one window that may see the input stand along one axis of the padded input."""
    first, last = _seen_between(layout, window, output, sizes, axis)
    start, apart = at * layout.stride[axis], layout.dilation[axis]
    return slice(start + first * apart, start + max(first, last) * apart, apart)


def seen(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int) -> Iterator[int]:
    """Yield the entries of the windows along one axis that may see the input, which has these sizes.

    Beside them one that sees nothing but the border stands for all others that do.
    """
    first, last = _seen_between(layout, window, output, sizes, axis)
    if first > 0:
        yield 0
    yield from range(first, last)
    if first == 0 and last < window[axis]:
        yield window[axis] - 1


def taps_seen(x: Shape, layout: Layout, window: Pair, output: Pair) -> tuple[int, int]:
    """How many entries of the windows are looked at along each axis, for an input of this shape."""
    ends = [_seen_between(layout, window, output, x[-2:], axis) for axis in (0, 1)]
    down, across = (
        max(0, last - first) + (first > 0 or last < window[axis]) for axis, (first, last) in enumerate(ends)
    )
    return down, across


def _seen_between(layout: Layout, window: Pair, output: Pair, sizes: Any, axis: int) -> tuple[int, int]:
    """From which to before which entry of the windows some window may see the input."""
    stride, apart, before = layout.stride[axis], layout.dilation[axis], layout.padding[axis][0]
    first = -(((output[axis] - 1) * stride - before) // apart)
    return max(0, first), min(window[axis], (before + sizes[axis] - 1) // apart + 1)


def overlap_add(
    xp: Arithmetic, parts: Iterator[tuple[tuple[slice, slice], Array]], layout: Layout, shape: Any
) -> Array:
    """Windows' entries added back to where they came from."""
    (top, bottom), (left, right) = layout.padding
    *outer, rows, columns = shape
    result = xp.zeros((*outer, top + rows + bottom, left + columns + right))
    for at, part in parts:
        result[(..., *at)] = xp.add(result[(..., *at)], part)
    return result[..., top : top + rows, left : left + columns]
