"""Convolutions and their gradients against loops over the definition."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.graph.primitive import REGISTRY
from compute.primitives import windows
from compute.primitives.windows import Layout

Array = Any
# Strides, padding, dilation and groups, different on each axis and each side.
LAYOUTS = {
    "plain": Layout(),
    "stride": Layout(stride=(2, 3)),
    "padding": Layout(padding=((1, 2), (0, 3))),
    "wide padding": Layout(padding=((4, 5), (6, 3))),
    "dilation": Layout(dilation=(2, 3)),
    "dilation and padding": Layout(padding=((1, 0), (2, 4)), dilation=(3, 2)),
    "dilation and stride": Layout(stride=(3, 2), dilation=(2, 3)),
    "groups": Layout(padding=((0, 1), (1, 0)), dilation=(1, 2), groups=2),
    "everything": Layout(stride=(2, 1), padding=((2, 1), (0, 2)), dilation=(1, 3), groups=2),
}
WINDOW = (2, 3)
PLACES = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
# The usual size, one window per block, and a few windows.
BLOCKS = pytest.mark.parametrize("block", [windows.BLOCK, 1, 60], ids=lambda size: f"blocks of {size}")


def drawn(layout: Layout) -> tuple[Array, Array, Array]:
    """Draw an input of 6 rows and 7 columns, a kernel and a gradient of the output."""
    rng = np.random.default_rng(31)
    x = rng.standard_normal((2, 2 * layout.groups, 6, 7))
    kernel = rng.standard_normal((3 * layout.groups, 2, *WINDOW))
    height, width = (
        (size + sum(layout.padding[axis]) - layout.dilation[axis] * (WINDOW[axis] - 1) - 1)
        // layout.stride[axis]
        + 1
        for axis, size in enumerate(x.shape[2:])
    )
    return x, kernel, rng.standard_normal((2, len(kernel), height, width))


def by_loops(x: Array, kernel: Array, g: Array, layout: Layout) -> tuple[Array, Array, Array]:
    """Return the output and the gradients of x and of the kernel, summed product by product."""
    output, to_x, to_kernel = np.zeros(g.shape), np.zeros(x.shape), np.zeros(kernel.shape)
    filters_each, depth = len(kernel) // layout.groups, kernel.shape[1]
    for n, f, row, column in product(*map(range, g.shape)):
        for c, i, j in product(*map(range, kernel.shape[1:])):
            down = row * layout.stride[0] + i * layout.dilation[0] - layout.padding[0][0]
            across = column * layout.stride[1] + j * layout.dilation[1] - layout.padding[1][0]
            if 0 <= down < x.shape[2] and 0 <= across < x.shape[3]:
                channel = f // filters_each * depth + c
                output[n, f, row, column] += kernel[f, c, i, j] * x[n, channel, down, across]
                to_x[n, channel, down, across] += kernel[f, c, i, j] * g[n, f, row, column]
                to_kernel[f, c, i, j] += x[n, channel, down, across] * g[n, f, row, column]
    return output, to_x, to_kernel


def gradient(name: str, operand: int, g: Array, *operands: Array, **attributes: Any) -> Array:
    """Return the gradient of one operand by the primitive's rule."""
    rule = REGISTRY[name].rules_of(len(operands))[operand]
    assert rule is not None
    if rule.takes_shapes:
        attributes["shapes"] = [operand.shape for operand in operands]
    names = (*rule.attributes, *(["shapes"] if rule.takes_shapes else []))
    needs = (operands[place] for place in rule.needs if isinstance(place, int))
    return rule.function(FLOAT64, g, *needs, **{name: attributes[name] for name in names})


@PLACES
@BLOCKS
def test_a_convolution_and_its_gradients(monkeypatch: pytest.MonkeyPatch, layout: Layout, block: int) -> None:
    monkeypatch.setattr(windows, "BLOCK", block)
    x, kernel, g = drawn(layout)
    output, to_x, to_kernel = by_loops(x, kernel, g, layout)
    result = REGISTRY["convolve"].forward(FLOAT64, x, kernel, layout=layout)
    np.testing.assert_allclose(result, output, rtol=1e-12, atol=1e-13)
    for operand, expected in ((0, to_x), (1, to_kernel)):
        result = gradient("convolve", operand, g, x, kernel, layout=layout)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)


@PLACES
@BLOCKS
def test_a_transposed_convolution_and_its_gradients(
    monkeypatch: pytest.MonkeyPatch, layout: Layout, block: int
) -> None:
    """It maps gradients of a convolution's output to gradients of its input."""
    monkeypatch.setattr(windows, "BLOCK", block)
    upstream, kernel, x = drawn(layout)
    attributes: Any = {"layout": layout, "output": upstream.shape[2:]}
    to_x, output, to_kernel = by_loops(upstream, kernel, x, layout)
    result = REGISTRY["convolve_transposed"].forward(FLOAT64, x, kernel, **attributes)
    np.testing.assert_allclose(result, output, rtol=1e-12, atol=1e-13)
    for operand, expected in ((0, to_x), (1, to_kernel)):
        result = gradient("convolve_transposed", operand, upstream, x, kernel, **attributes)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)


@PLACES
def test_windows_as_columns_and_the_layer_as_a_matrix(layout: Layout) -> None:
    """The convolution is the kernel times the columns, and the matrix times the input."""
    x, kernel, g = drawn(layout)
    output, to_x, to_kernel = by_loops(x, kernel, g, layout)
    columns = REGISTRY["patches"].forward(FLOAT64, x, layout=layout, window=WINDOW)
    weights = kernel.reshape(layout.groups, len(kernel) // layout.groups, -1)
    np.testing.assert_allclose((weights @ columns).reshape(output.shape), output, rtol=1e-12, atol=1e-13)
    to_columns = weights.swapaxes(-1, -2) @ g.reshape(2, layout.groups, len(kernel) // layout.groups, -1)
    result = gradient("patches", 0, to_columns, x, layout=layout, window=WINDOW)
    np.testing.assert_allclose(result, to_x, rtol=1e-12, atol=1e-13)

    matrix = REGISTRY["kernel_matrix"].forward(FLOAT64, kernel, layout=layout, sizes=x.shape[2:])
    flat, flat_g = x.reshape(2, -1), g.reshape(2, -1)
    np.testing.assert_allclose(flat @ matrix.T, output.reshape(2, -1), rtol=1e-12, atol=1e-13)
    result = gradient("kernel_matrix", 0, flat_g.T @ flat, kernel, layout=layout, sizes=x.shape[2:])
    np.testing.assert_allclose(result, to_kernel, rtol=1e-12, atol=1e-13)
