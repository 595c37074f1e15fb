"""The predicted work of window primitives: blocks, loop iterations, and entries that are read."""

import math
from typing import Any

from compute.dimensions import Shape
from compute.graph.work import CALL, ENTRY, MATRIX, copy_work, count_entries
from compute.primitives import max_pool_blocks
from compute.primitives.windows import BLOCK, Layout, count_overlapping_entries, is_mostly_padding

POWER = 25  # one power of one entry, including its sums and quotients


def padded_shape(a: Any, layout: Layout) -> Shape:
    """Return the shape of the padded input."""
    return (*a[:-2], *(size + sum(padding) for size, padding in zip(a[-2:], layout.padding, strict=True)))


def _separable(a: Any, layout: Layout, window: Any, output: Any) -> int:
    """Return the number of entries that are read if windows are reduced along one axis, then the other."""
    down, across = count_overlapping_entries(a, layout, window, output)
    rows = a[-2] + sum(layout.padding[0])
    columns = a[-1] + sum(layout.padding[1])
    entries: int = output[1] * (rows * across + output[0] * down) + rows * columns
    return count_entries(a[:-2]) * entries


def sum_work(shape: Shape, a: Shape, layout: Layout, window: Any, output: Any) -> int:
    """Return the work of sums over windows; their gradient takes three times as much."""
    return CALL * sum(count_overlapping_entries(a, layout, window, output)) + ENTRY * _separable(
        a, layout, window, output
    )


def maximum_work(shape: Shape, a: Any, layout: Layout, window: Any, output: Any) -> int:
    """Return the work of finding the first maximum of each window."""
    loops = _maximum_blocks(a, layout, window, output) * sum(
        count_overlapping_entries(a, layout, window, output)
    )
    return 8 * CALL * loops + 3 * ENTRY * _separable(a, layout, window, output) + copy_work(a)


def maximum_gradient_work(
    shape: Shape, a: Any, layout: Layout, window: Any, output: Any, *, shared: bool
) -> int:
    """Return the work of the gradient of maxima. shared: whether equal maxima share it."""
    if not shared:
        return 12 * CALL * _maximum_blocks(a, layout, window, output) + copy_work(a, *[shape] * 5)
    taps = math.prod(count_overlapping_entries(a, layout, window, output))
    a = padded_shape(a, layout)
    loops: int = min(taps, math.prod(output))
    return 15 * CALL * loops + 3 * ENTRY * count_entries(shape) * taps + copy_work(a, a)


def _maximum_blocks(a: Any, layout: Layout, window: Any, output: Any) -> int:
    blocks = max_pool_blocks.count_blocks(count_entries(a[:-2]), a[-2:], layout, window, output)
    return math.prod(blocks)


def norm_work(shape: Shape, a: Shape, layout: Layout, window: Any, output: Any, **attributes: Any) -> int:
    """Return the work of the norm of each window, or of its gradient."""
    taps = math.prod(count_overlapping_entries(a, layout, window, output))
    a = padded_shape(a, layout)
    return taps * (10 * CALL + POWER * count_entries(shape)) + POWER * count_entries(a)


def _column_blocks(batch: int, channels: int, window: Any, output: Any) -> tuple[int, int]:
    """Return the number of blocks of windows as columns, and the number of windows of one block."""
    entries = channels * math.prod(window)
    rows, columns = output
    if entries * rows * columns <= BLOCK:
        many = max(1, BLOCK // (entries * rows * columns))
        return -(-batch // many), rows * columns
    tall = max(1, BLOCK // (entries * columns))
    wide = max(1, BLOCK // entries) if tall == 1 else columns
    return batch * -(-rows // tall) * -(-columns // wide), min(rows, tall) * min(columns, wide)


def correlation_work(shape: Any, x: Any, kernel: Any, groups: int) -> int:
    """Return the work of a correlation of x (batch, channels, ...) with a kernel (filters, channels, ...)."""
    blocks, windows = _column_blocks(x[0], x[1], kernel[2:], shape[2:])
    spatial = -(-math.prod(shape[2:]) // windows)
    columns: int = x[0] * x[1] * math.prod(kernel[2:]) * math.prod(shape[2:])
    products = count_entries(shape) * count_entries(kernel[1:])
    overhead: int = 10 * CALL * blocks + MATRIX * x[0] * groups * spatial
    return overhead + products + 2 * columns + copy_work(x, shape)


def input_gradient_work(x: Any, kernel: Any, g: Any, layout: Layout) -> int:
    """Return the work of the gradient of an input x, for a gradient g of the result."""
    if layout.stride == (1, 1) and not is_mostly_padding(g, kernel, x):
        flipped = x[1] // layout.groups * layout.groups, kernel[0] // layout.groups, *kernel[2:]
        return correlation_work(x, g, flipped, layout.groups) + copy_work(kernel)
    taps = math.prod(kernel[2:])
    blocks, windows = _column_blocks(g[0], x[1], kernel[2:], g[2:])
    columns: int = g[0] * x[1] * taps * math.prod(g[2:])
    spatial = -(-math.prod(g[2:]) // windows)
    overhead: int = blocks * (10 + 3 * min(taps, windows)) * CALL + MATRIX * g[0] * layout.groups * spatial
    return overhead + columns * int(kernel[0] // layout.groups + 2 * ENTRY) + copy_work(x, g)


def kernel_gradient_work(x: Any, kernel: Any, g: Any, layout: Layout) -> int:
    """Return the work of the gradient of a kernel."""
    return correlation_work(g, x, kernel, layout.groups) + copy_work(kernel) * int(x[0] + 1)
