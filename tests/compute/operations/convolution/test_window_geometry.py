"""Borders of windows that slide: `same` at every stride, counted and summed by loops."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer

SIZES = range(1, 8)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_same_padding_has_its_odd_zero_behind(width: int, stride: int, dilation: int) -> None:
    """One window for every stride-th entry: so many zeros as that takes, half of them before the input."""
    rng = np.random.default_rng(width)
    reach = dilation * (width - 1) + 1
    settings = {"padding": "same", "stride": stride, "dilation": dilation}
    for size in SIZES:
        count = (size + stride - 1) // stride
        missing = max(0, (count - 1) * stride + reach - size)
        before = missing // 2
        x, kernel, g = rng.standard_normal(size), rng.standard_normal(width), rng.standard_normal(count)
        output, to_x, to_kernel = np.zeros(count), np.zeros(size), np.zeros(width)
        for place, entry in product(range(count), range(width)):
            at = place * stride + entry * dilation - before
            if 0 <= at < size:
                output[place] += kernel[entry] * x[at]
                to_x[at] += kernel[entry] * g[place]
                to_kernel[entry] += x[at] * g[place]
        found = answer("conv1d", {"x": x, "kernel": kernel}, settings, upstream={"output": g})
        np.testing.assert_allclose(found.values["output"], output, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(found.gradients["x"], to_x, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(found.gradients["kernel"], to_kernel, rtol=1e-12, atol=1e-13)


def test_same_padding_of_a_plane_goes_by_each_axis() -> None:
    """Rows need one zero, after; columns need three, one of them before."""
    x = np.arange(1.0, 10).reshape(3, 3)
    found = answer("conv2d", {"x": x, "kernel": np.ones((2, 4))}, {"padding": "same"}).values["output"]
    padded = np.pad(x, ((0, 1), (1, 2)))
    expected = [[padded[i : i + 2, j : j + 4].sum() for j in range(3)] for i in range(3)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("padding", "before", "behind"), [(0, 0, 0), (2, 2, 2), ((1, 3), 1, 3), ("valid", 0, 0)]
)
def test_borders_of_one_axis(padding: Any, before: int, behind: int) -> None:
    found = answer("conv1d", {"x": [1.0, 2, 3], "kernel": [1.0, 10]}, {"padding": padding}).values["output"]
    padded = np.pad([1.0, 2, 3], (before, behind))
    np.testing.assert_array_equal(found, padded[:-1] + 10 * padded[1:])


@pytest.mark.parametrize(
    ("padding", "around"),
    [(1, ((1, 1), (1, 1))), ((2, 1), ((2, 2), (1, 1))), (((1, 0), (2, 3)), ((1, 0), (2, 3)))],
)
def test_borders_of_a_plane(padding: Any, around: Any) -> None:
    x = np.arange(1.0, 7).reshape(2, 3)
    found = answer("conv2d", {"x": x, "kernel": [[1.0, 10]]}, {"padding": padding}).values["output"]
    padded = np.pad(x, around)
    np.testing.assert_array_equal(found, padded[:, :-1] + 10 * padded[:, 1:])


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_partial_window_behind_starts_in_the_input(padding: int, stride: int, dilation: int) -> None:
    """Rounding up adds a window if entries or padding remain, unless it would see only padding."""
    reach = dilation + 1  # of windows of two entries
    for size in range(max(reach - 2 * padding, dilation), 12):
        x = np.random.default_rng(size).standard_normal(size)
        expected = []
        start = -padding
        while start + reach <= size + padding or (start < size and start - stride + reach < size + padding):
            seen = [x[at] for at in (start, start + dilation) if 0 <= at < size]
            expected.append(max(seen))
            start += stride
        settings = {
            "size": 2, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": True
        }  # fmt: skip
        found = answer("max_pool1d", {"x": x}, settings).values["output"]
        np.testing.assert_array_equal(found, expected)
