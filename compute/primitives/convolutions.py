"""Primitives of convolution: the layer, its transpose, its windows as columns, and the layer as one matrix.

All are cross-correlations of x (batch, groups*c, H, W) with a kernel (groups*f, c, h, w); `layout` says how
windows move (see `compute.primitives.windows`).
"""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, divide, product
from compute.graph.numerics import SUMS
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import CALL, copy_work, count_entries
from compute.latex import POWER, PRODUCT, Formula
from compute.primitives.window_work import correlation_work, input_gradient_work, kernel_gradient_work
from compute.primitives.windows import (
    Layout,
    Sizes,
    bordered,
    correlate,
    input_gradient,
    kernel_gradient,
    numbers,
    overlap_add,
    padded,
    tap,
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


convolve = Primitive(
    "convolve",
    forward=lambda xp, x, kernel, *, layout: correlate(xp, x, kernel, layout),
    gradients={
        "x": lambda xp, g, kernel, layout, shapes: input_gradient(xp, g, kernel, layout, shapes[0]),
        "kernel": lambda xp, g, x, layout, shapes: kernel_gradient(xp, g, x, layout, shapes[1]),
    },
    tangents="product",
    shape=_convolve_shape,
    latex=lambda x, kernel, layout: Formula(rf"{x.at(PRODUCT)} \star {kernel.at(PRODUCT)}", PRODUCT),
    cost=_convolve_cost,
    work=lambda shape, x, kernel, layout: correlation_work(shape, x, kernel, layout.groups),
    gradient_work=lambda place, shape, x, kernel, layout: (
        kernel_gradient_work if place else input_gradient_work
    )(x, kernel, shape, layout),
    scratch=lambda shape, x, kernel, layout: bordered(
        (x[0], x[1] + shape[1], *x[2:]), layout, (kernel[2], kernel[3])
    ),
    expects=EXPECTS,
    hazard=SUMS,
)


def _transposed_shape(x: Shape, kernel: Shape, *, layout: Layout, output: Sizes) -> Shape:
    if len(x) != 4 or len(kernel) != 4:
        raise ShapeError("it takes four axes each")
    if x[1] != kernel[0]:
        raise ShapeError(f"{x[1]} channels meet a kernel for {kernel[0]}")
    return (x[0], kernel[1] * layout.groups, *output)


# The transpose of `convolve`: what its gradient does to the gradient of its output.
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
    scratch=lambda shape, x, kernel, layout, output: bordered(
        (x[0], x[1] + shape[1], *output), layout, (kernel[2], kernel[3])
    ),
    expects="x (batch, channels, rows, columns) and a kernel (channels, filters of its group, rows, columns)",
    hazard=SUMS,
)


def _reached(size: int, step: int, before: int, length: int) -> tuple[slice, slice]:
    """Which of so many entries fall into this length, `step` apart from `before` on, and where they fall."""
    first, last = max(0, -(before // step)), min(size, (length - 1 - before) // step + 1)
    start = first * step + before
    return slice(first, max(first, last)), slice(start, max(start, last * step + before), step)


def _spaced(xp: Arithmetic, x: Array, *, stride: Any, before: Any, sizes: Any) -> Array:
    result = xp.zeros((*x.shape[:-2], *sizes))
    (down, to_row), (across, to_column) = map(_reached, x.shape[-2:], stride, before, sizes)
    result[..., to_row, to_column] = x[..., down, across]
    return result


def _spaced_gradient(xp: Arithmetic, g: Array, stride: Any, before: Any, sizes: Any, shapes: Any) -> Array:
    result = xp.zeros(shapes[0])
    (down, to_row), (across, to_column) = map(_reached, shapes[0][-2:], stride, before, sizes)
    result[..., down, across] = g[..., to_row, to_column]
    return result


# The input with zeros between its entries and around them, over which a transposed convolution slides.
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
    view = windows(padded(xp, x, layout.padding), window, layout, (height, width))
    batch, channels = x.shape[:2]
    return view.reshape(batch, layout.groups, channels // layout.groups * window[0] * window[1], -1)


def _patches_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Any, shapes: Any) -> Array:
    """Each window's gradient, added back to where it came from."""
    batch, channels, *sizes = shapes[0]
    output = numbers(layout.output((sizes[0], sizes[1]), window))
    each = g.reshape(batch, channels, *window, *output)
    parts = (
        ((tap(layout, output, 0, i), tap(layout, output, 1, j)), each[:, :, i, j])
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
    scratch=lambda shape, x, layout, window: bordered(x, layout, (1, 1)),
    expects="x (batch, channels, rows, columns)",
)


def _places(layout: Layout, kernel: tuple[int, ...], sizes: tuple[int, int]) -> tuple[Array, Array, Array]:
    """For each entry of the matrix that is not zero by structure: its row, its column, its kernel entry."""
    filters, depth, h, w = kernel
    height, width = numbers(layout.output(sizes, (h, w)))
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
    """How many pairs there are of an entry of the kernel and an output."""
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
    found = xp.scatter(g[to, source], entry, int(np.prod(shapes[0])))
    return found.reshape(shapes[0])


# The layer as one matrix (filters*rows*columns of the output, channels*H*W): output = matrix times x, flat.
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
