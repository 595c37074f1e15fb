"""Extreme windows of poolings and convolutions: wide windows, wide padding, few or many windows."""

import math
from collections.abc import Callable
from typing import Any

from compute.primitives.windows import Layout
from tests.compute.primitives.extreme_shapes import Extreme, Rng, normal, sizes


def window_over(rng: Rng, entries: int, dilated: bool = True) -> tuple[tuple[int, int], Layout, Any, Any]:
    """Draw the sizes of an input, a layout, a window, and compute the number of windows."""
    while True:
        rows, columns = sizes(rng, 2, entries)
        window = [max(1, int(size ** rng.random() * rng.choice([1, 1, 3]))) for size in (rows, columns)]
        padding = [
            tuple(int(rng.integers(0, size)) * int(rng.random() < 0.3) for _ in "ab") for size in window
        ]
        stride = [int(rng.integers(1, max(2, size))) if rng.random() < 0.5 else 1 for size in window]
        dilation = [int(rng.integers(1, 4)) if dilated and rng.random() < 0.3 else 1 for _ in "ab"]
        layout = Layout(tuple(stride), (padding[0], padding[1]), tuple(dilation))  # type: ignore[arg-type]
        padded = (size + sum(sides) for size, sides in zip((rows, columns), padding, strict=True))
        extents = [step * (size - 1) + 1 for step, size in zip(dilation, window, strict=True)]
        if all(extent <= size for extent, size in zip(extents, padded, strict=True)):
            output = layout.output((rows, columns), (window[0], window[1]))
            return (rows, columns), layout, tuple(window), output


def pooled(**more: Callable[[Rng], Any]) -> Callable[[Rng, int], Extreme]:
    def drawn(rng: Rng, entries: int) -> Extreme:
        while True:
            planes = int(rng.choice([1, 1, 20]))
            inner, layout, window, output = window_over(rng, entries // planes)
            if math.prod(output) * math.prod(window) * planes <= 30 * entries:
                break
        attributes = {"layout": layout, "window": window, "output": output}
        attributes |= {name: draw(rng) for name, draw in more.items()}
        return Extreme([normal(rng, planes, *inner)], attributes)

    return drawn


def convolved(rng: Rng, entries: int) -> Extreme:
    while True:
        batch, groups, c, f, *_ = sizes(rng, 5, entries // 20)
        inner, layout, window, output = window_over(rng, max(2, entries // (batch * groups * c)))
        products = batch * groups * f * c * math.prod(output) * math.prod(window)
        if products <= 100 * entries and groups * f * c * math.prod(window) <= entries:
            break
    x, kernel = normal(rng, batch, groups * c, *inner), normal(rng, groups * f, c, *window)
    return Extreme([x, kernel], {"layout": layout._replace(groups=groups)})


def transposed(rng: Rng, entries: int) -> Extreme:
    (x, kernel), attributes = convolved(rng, entries)
    layout, inner = attributes["layout"], x.shape[2:]
    output = layout.output(inner, kernel.shape[2:])
    return Extreme([normal(rng, len(x), len(kernel), *output), kernel], {"layout": layout, "output": inner})


def patched(rng: Rng, entries: int) -> Extreme:
    (x, kernel), attributes = convolved(rng, entries // 10)
    return Extreme([x], {"layout": attributes["layout"], "window": kernel.shape[2:]})


def matrix(rng: Rng, entries: int) -> Extreme:
    while True:
        f, c = sizes(rng, 2, 20)
        inner, layout, window, output = window_over(rng, int(entries**0.5))
        pairs = f * c * math.prod(window) * math.prod(output)
        if pairs <= entries and f * c * math.prod(output) * math.prod(inner) <= entries:
            return Extreme([normal(rng, f, c, *window)], {"layout": layout, "sizes": inner})
