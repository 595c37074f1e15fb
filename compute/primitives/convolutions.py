"""Convolution: the layer, its transpose, its windows as columns (im2col), and the layer as one matrix.

All are cross-correlations of x (batch, groups*c, H, W) with a kernel (groups*f, c, h, w). `layout` holds
stride, padding, dilation and groups (see `compute.primitives.windows`).
"""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, divide, product, share
from compute.graph.axis_windows import AxisWindow, Reads, read_all, sliding_reads
from compute.graph.numerics import SUMS
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import CALL, copy_work, count_entries
from compute.latex import POWER, PRODUCT, Formula
from compute.primitives.window_work import correlation_work, input_gradient_work, kernel_gradient_work
from compute.primitives.windows import (
    Layout,
    Sizes,
    as_integers,
    correlate,
    entry_slice,
    input_gradient,
    kernel_gradient,
    overlap_add,
    pad,
    padded_size,
    windows,
)

EXPECTS = "x (batch, channels, rows, columns) and a kernel (filters, channels of its group, rows, columns)"


def _check(x: Shape, kernel: Shape, groups: Size) -> None:
    if len(x) != 4 or len(kernel) != 4:
        raise ShapeError("it takes four axes each")
    if x[1] != kernel[1] * groups:
        raise ShapeError(f"{x[1]} channels are not {groups} groups of {kernel[1]}")


def _convolve_shape(x: Shape, kernel: Shape, *, layout: Layout) -> Shape:
    _check(x, kernel, layout.groups)
    return (x[0], kernel[0], *layout.output((x[2], x[3]), (kernel[2], kernel[3])))


def _convolve_cost(shape: Shape, x: Shape, kernel: Shape, **attributes: Any) -> Cost:
    return Cost(multiply_adds=product(shape) * product(kernel[1:]))


def _convolution_reads(place: int, shape: Shape, x: Shape, kernel: Shape, *, layout: Layout) -> Reads:
    """Return the reads: of x a window over the last two axes, and all channels."""
    if place:
        return read_all(kernel)
    batch, _, *slid = sliding_reads(layout, kernel[2:], x)
    return (batch, None, *slid)


convolve = Primitive(
    "convolve",
    forward=lambda xp, x, kernel, *, layout: correlate(xp, x, kernel, layout),
    gradients={
        "x": lambda xp, g, kernel, layout, shapes: input_gradient(xp, g, kernel, layout, shapes[0]),
        "kernel": lambda xp, g, x, layout, shapes: kernel_gradient(xp, g, x, layout, shapes[1]),
    },
    tangents="product",
    moments="product",
    shape=_convolve_shape,
    latex=lambda x, kernel, layout: Formula(rf"{x.at(PRODUCT)} \star {kernel.at(PRODUCT)}", PRODUCT),
    cost=_convolve_cost,
    work=lambda shape, x, kernel, layout: correlation_work(shape, x, kernel, layout.groups),
    gradient_work=lambda place, shape, x, kernel, layout: (
        kernel_gradient_work if place else input_gradient_work
    )(x, kernel, shape, layout),
    scratch=lambda shape, x, kernel, layout: padded_size(
        (x[0], x[1] + shape[1], *x[2:]), layout, (kernel[2], kernel[3])
    ),
    reads=_convolution_reads,
    expects=EXPECTS,
    hazard=SUMS,
)


def _transposed_shape(x: Shape, kernel: Shape, *, layout: Layout, output: Sizes) -> Shape:
    if len(x) != 4 or len(kernel) != 4:
        raise ShapeError("it takes four axes each")
    if x[1] != kernel[0]:
        raise ShapeError(f"{x[1]} channels meet a kernel for {kernel[0]}")
    return (x[0], kernel[1] * layout.groups, *output)


def _transposed_reads(
    place: int, shape: Shape, x: Shape, kernel: Shape, *, layout: Layout, output: Sizes
) -> Reads:
    """Return the reads: of x the window whose outputs overlap; its stride is one over that of the layout."""
    if place:
        return read_all(kernel)
    slid = []
    for axis in (0, 1):
        stride, reach = layout.stride[axis], layout.dilation[axis] * (kernel[axis + 2] - 1)
        first = share(layout.padding[axis][0] - reach, stride)
        slid.append(AxisWindow(axis - 2, share(reach, stride) + 1, share(1, stride), first, slides=True))
    return (AxisWindow(-4), None, *slid)


# The transposed convolution: the linear map that `convolve` applies to gradients of its output.
convolve_transposed = Primitive(
    "convolve_transposed",
    forward=lambda xp, x, kernel, *, layout, output: input_gradient(
        xp, x, kernel, layout, (x.shape[0], kernel.shape[1] * layout.groups, *output)
    ),
    gradients={
        "x": lambda xp, g, kernel, layout: correlate(xp, g, kernel, layout),
        "kernel": lambda xp, g, x, layout, shapes: kernel_gradient(xp, x, g, layout, shapes[1]),
    },
    tangents="product",
    shape=_transposed_shape,
    latex=lambda x, kernel, layout, output: Formula(
        rf"{x.at(PRODUCT)} \star^{{\top}} {kernel.at(PRODUCT)}", PRODUCT
    ),
    cost=lambda shape, x, kernel, **attributes: Cost(multiply_adds=product(x) * product(kernel[1:])),
    work=lambda shape, x, kernel, layout, output: input_gradient_work(shape, kernel, x, layout),
    gradient_work=lambda place, shape, x, kernel, layout, output: (
        kernel_gradient_work(shape, kernel, x, layout)
        if place
        else correlation_work(x, shape, kernel, layout.groups)
    ),
    scratch=lambda shape, x, kernel, layout, output: padded_size(
        (x[0], x[1] + shape[1], *output), layout, (kernel[2], kernel[3])
    ),
    reads=_transposed_reads,
    expects="x (batch, channels, rows, columns) and a kernel (channels, filters of its group, rows, columns)",
    hazard=SUMS,
)


def _spaced_slices(size: int, step: int, before: int, length: int) -> tuple[slice, slice]:
    """Return which of `size` entries, `step` apart from place `before` on, lie within `length`, and where."""
    first, last = max(0, -(before // step)), min(size, (length - 1 - before) // step + 1)
    start = first * step + before
    return slice(first, max(first, last)), slice(start, max(start, last * step + before), step)


def _spaced(xp: Arithmetic, x: Array, *, stride: Any, before: Any, sizes: Any) -> Array:
    result = xp.zeros((*x.shape[:-2], *sizes))
    (down, to_row), (across, to_column) = map(_spaced_slices, x.shape[-2:], stride, before, sizes)
    result[..., to_row, to_column] = x[..., down, across]
    return result


def _spaced_gradient(xp: Arithmetic, g: Array, stride: Any, before: Any, sizes: Any, shapes: Any) -> Array:
    result = xp.zeros(shapes[0])
    (down, to_row), (across, to_column) = map(_spaced_slices, shapes[0][-2:], stride, before, sizes)
    result[..., down, across] = g[..., to_row, to_column]
    return result


# The input with zeros between and around its entries, over which a transposed convolution slides.
spaced = Primitive(
    "spaced",
    forward=_spaced,
    gradients={"x": _spaced_gradient},
    tangents="linear",
    shape=lambda x, stride, before, sizes: (*x[:-2], *sizes),
    latex=lambda x, stride, before, sizes: Formula(rf"{x.at(POWER)}^{{\uparrow}}", POWER),
    cost=no_cost,
    expects="at least two axes",
)


def _patches(xp: Arithmetic, x: Array, *, layout: Layout, window: Any) -> Array:
    height, width = layout.output(x.shape[2:], window)
    view = windows(pad(xp, x, layout.padding), window, layout, (height, width))
    batch, channels = x.shape[:2]
    return view.reshape(batch, layout.groups, channels // layout.groups * window[0] * window[1], -1)


def _patches_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Any, shapes: Any) -> Array:
    """Return the sum of all windows' gradients at their places in the input (col2im)."""
    batch, channels, *sizes = shapes[0]
    output = as_integers(layout.output((sizes[0], sizes[1]), window))
    columns = g.reshape(batch, channels, *window, *output)
    parts = (
        ((entry_slice(layout, output, 0, i), entry_slice(layout, output, 1, j)), columns[:, :, i, j])
        for i in range(window[0])
        for j in range(window[1])
    )
    return overlap_add(xp, parts, layout, shapes[0])


def _patches_shape(x: Shape, *, layout: Layout, window: Sizes) -> Shape:
    if len(x) != 4:
        raise ShapeError("it takes four axes")
    height, width = layout.output((x[2], x[3]), window)
    return (x[0], layout.groups, divide(x[1], layout.groups) * product(window), height * width)


# The windows as columns (batch, groups, c*h*w, positions): im2col.
patches = Primitive(
    "patches",
    forward=_patches,
    gradients={"x": _patches_gradient},
    tangents="linear",
    shape=_patches_shape,
    latex=lambda x, layout, window: Formula(rf"\operatorname{{patches}}\left({x.text}\right)"),
    cost=no_cost,
    gradient_work=lambda place, shape, x, layout, window: (
        4 * CALL * count_entries(window) + copy_work(shape, shape, x)
    ),
    scratch=lambda shape, x, layout, window: padded_size(x, layout, (1, 1)),
    expects="x (batch, channels, rows, columns)",
)


def _places(layout: Layout, kernel: tuple[int, ...], sizes: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Return the row, column and kernel entry of each structurally nonzero entry of the matrix."""
    filters, depth, h, w = kernel
    height, width = as_integers(layout.output(sizes, (h, w)))
    f, c, i, j, row, column = np.indices((filters, depth, h, w, height, width)).reshape(6, -1)
    down = row * layout.stride[0] + i * layout.dilation[0] - layout.padding[0][0]
    across = column * layout.stride[1] + j * layout.dilation[1] - layout.padding[1][0]
    channel = f // (filters // layout.groups) * depth + c
    inside = (down >= 0) & (down < sizes[0]) & (across >= 0) & (across < sizes[1])
    to = (f * height + row) * width + column
    source = (channel * sizes[0] + down) * sizes[1] + across
    entry = ((f * depth + c) * h + i) * w + j
    return to[inside], source[inside], entry[inside]


def _matrix_shape(kernel: Shape, *, layout: Layout, sizes: Sizes) -> Shape:
    if len(kernel) != 4:
        raise ShapeError("it takes a kernel of four axes")
    output = layout.output(sizes, (kernel[2], kernel[3]))
    return (kernel[0] * product(output), kernel[1] * layout.groups * product(sizes))


def _entries(kernel: Shape, layout: Layout, sizes: Sizes) -> Size:
    """Return the number of pairs of a kernel entry and an output."""
    return product(kernel) * product(layout.output(sizes, (kernel[2], kernel[3])))


def _matrix(xp: Arithmetic, kernel: Array, *, layout: Layout, sizes: Any) -> Array:
    rows, columns = _matrix_shape(kernel.shape, layout=layout, sizes=sizes)
    assert isinstance(rows, int) and isinstance(columns, int)
    result = xp.zeros((rows, columns))
    to, source, entry = _places(layout, kernel.shape, sizes)
    result[to, source] = kernel.reshape(-1)[entry]
    return result


def _matrix_gradient(xp: Arithmetic, g: Array, layout: Layout, sizes: Any, shapes: Any) -> Array:
    to, source, entry = _places(layout, shapes[0], sizes)
    gradient = xp.scatter(g[to, source], entry, int(np.prod(shapes[0])))
    return gradient.reshape(shapes[0])


# The layer as one matrix (filters*rows*columns of the output, channels*H*W): output = matrix @ x, flattened.
kernel_matrix = Primitive(
    "kernel_matrix",
    forward=_matrix,
    gradients={"kernel": _matrix_gradient},
    tangents="linear",
    shape=_matrix_shape,
    latex=lambda kernel, layout, sizes: Formula(rf"\operatorname{{matrix}}\left({kernel.text}\right)"),
    cost=lambda shape, kernel, layout, sizes: Cost(elementwise=10 * _entries(kernel, layout, sizes)),
    scratch=lambda shape, kernel, layout, sizes: 16 * _entries(kernel, layout, sizes),
    expects="a kernel (filters, channels, rows, columns)",
)
