"""Maxima of windows and their gradients against plain loops: ties, gaps, padding, blocks, NaN."""

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest

from compute.primitives import max_pool_blocks
from compute.primitives.windows import Layout, Pair
from tests.compute.asking import answer, plan

SETTINGS: list[dict[str, Any]] = [
    {"size": 2},
    {"size": 2, "stride": 3},
    {"size": 3, "stride": 1},
    {"size": (3, 2), "stride": (1, 2), "padding": 1},
    {"size": 2, "stride": 3, "dilation": 2, "padding": ((1, 0), (0, 1))},
    {"size": 3, "stride": 2, "ceil_mode": True},
    {},
]


def by_loops(x: Any, places: Any, g: Any) -> tuple[Any, Any]:
    """Return the maxima and the gradient for these indices of the winners."""
    flat, to = x.reshape(len(x), -1), np.zeros((len(x), x[0].size))
    for at in np.ndindex(places.shape):
        to[at[0], places[at]] += g[at]
    return np.take_along_axis(flat, places.reshape(len(x), -1), -1).reshape(places.shape), to.reshape(x.shape)


def winners(x: Any, layout: Layout, window: Pair, output: Pair) -> Any:
    """Return the first index of the largest entry in row-major order; NaN is larger than all numbers."""
    indices = np.zeros((len(x), *output), dtype=int)
    for plane, down, across in np.ndindex(indices.shape):
        best: Any = None
        for i, j in itertools.product(range(window[0]), range(window[1])):
            row = down * layout.stride[0] + i * layout.dilation[0] - layout.padding[0][0]
            column = across * layout.stride[1] + j * layout.dilation[1] - layout.padding[1][0]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                entry = x[plane, row, column]
                larger = best is None or entry > best or (np.isnan(entry) and not np.isnan(best))
                if larger:
                    best, indices[plane, down, across] = entry, row * x.shape[2] + column
    return indices


def layout_of(settings: dict[str, Any], sizes: Pair) -> tuple[Layout, Pair]:
    def both(setting: Any) -> Any:
        return setting if isinstance(setting, tuple) else (setting, setting)

    window = both(settings.get("size", sizes))
    padding = tuple(both(sides) for sides in both(settings.get("padding", 0)))
    stride, dilation = both(settings.get("stride", window)), both(settings.get("dilation", 1))
    return Layout(stride, (padding[0], padding[1]), dilation), window


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("sizes", [(6, 7), (3, 300)])
@pytest.mark.parametrize("spoiled", [False, True])
@pytest.mark.parametrize("planes", [2, 0.5, 0])
def test_first_maxima(
    settings: dict[str, Any], sizes: Pair, spoiled: bool, planes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks of planes (the last has fewer) and of rows. Wide planes have large offsets of winners."""
    monkeypatch.setattr(max_pool_blocks, "BLOCK", int(planes * sizes[0] * sizes[1]))
    rng = np.random.default_rng(4)
    x = rng.integers(-2, 2, (5, *sizes)).astype(float)
    if spoiled:
        x[1], x[2, 1, 1:3], x[4, 2, 2] = -np.inf, np.nan, -np.inf
    layout, window = layout_of(settings, sizes)
    asked = {**settings, "size": window}
    output = answer("max_pool2d", {"x": x}, asked, select=["output"]).values["output"]
    g = rng.standard_normal(output.shape)
    if spoiled:
        g[0, 0, 0] = np.inf
    places = winners(x, layout, window, output.shape[1:])
    expected, gradient = by_loops(x, places, g)
    np.testing.assert_array_equal(output, expected)
    for select in (["output", "x"], ["output", "winners", "x"]):
        result = answer("max_pool2d", {"x": x}, asked, upstream={"output": g}, select=select)
        np.testing.assert_allclose(result.gradients["x"], gradient, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(result.values["output"], expected)
    np.testing.assert_array_equal(result.values["winners"], places)


def test_memory_does_not_grow_with_a_plane() -> None:
    """Memory is bounded beyond the input, the output, the gradient and the offsets (a byte or two each)."""
    x = np.random.default_rng(5).standard_normal((1, 1000, 1000))
    upstream = {"output": np.ones((1, 998, 998))}
    prepared = plan(
        "max_pool2d", {"x": x}, {"size": 3, "stride": 1}, upstream=upstream, select=["output", "x"]
    )
    tracemalloc.start()
    prepared.answer({"x": x}, {}, upstream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes + (8 + 2) * upstream["output"].size + 6 * 2**20
