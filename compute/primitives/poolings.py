"""Primitives of averages and norms: sums over windows, and how many entries a window holds.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many. Sums
are taken over columns first and then over rows, entry by entry of the window.
"""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.latex import PRODUCT, Formula
from compute.primitive import Cost, Primitive, no_cost
from compute.primitives.windows import Layout, Pair, bordered, overlap_add, padded, pooled, tap


def _sum(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    around = padded(xp, a, layout.padding)
    total = around[..., tap(layout, output, 1, 0)]
    for j in range(1, window[1]):
        total = xp.add(total, around[..., tap(layout, output, 1, j)])
    found = total[..., tap(layout, output, 0, 0), :]
    for i in range(1, window[0]):
        found = xp.add(found, total[..., tap(layout, output, 0, i), :])
    return found


def _sum_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Pair, output: Pair, shapes: Any) -> Array:
    everywhere = slice(None)
    *outer, rows, columns = shapes[0]
    along = Layout(padding=(layout.padding[0], (0, 0)))
    parts = (((tap(layout, output, 0, i), everywhere), g) for i in range(window[0]))
    tall = overlap_add(xp, parts, along, (*outer, rows, output[1]))
    along = Layout(padding=((0, 0), layout.padding[1]))
    parts = (((everywhere, tap(layout, output, 1, j)), tall) for j in range(window[1]))
    return overlap_add(xp, parts, along, (*outer, rows, columns))


# The sum over each window.
window_sum = Primitive(
    "window_sum",
    forward=_sum,
    gradients={"a": _sum_gradient},
    tangents="linear",
    shape=pooled,
    latex=lambda a, layout, window, output: Formula(rf"\sum_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    scratch=lambda shape, a, **attributes: bordered(a, attributes["layout"], (1, 1)),
    expects="at least two axes",
)


def _counts(
    xp: Arithmetic, *, layout: Layout, window: Pair, output: Pair, sizes: Pair, borders: Any
) -> Array:
    """How many entries of each window count: those of the input, and of the borders that are said to."""
    along = []
    for axis in (0, 1):
        apart, (before, behind) = layout.dilation[axis], borders[axis]
        first = np.arange(output[axis]) * layout.stride[axis] - layout.padding[axis][0]
        # Entries first + i * apart, i from 0 on, that are at least -before, and before size + behind.
        start = np.maximum(0, -((first + before) // apart))
        stop = np.minimum(window[axis], -((first - sizes[axis] - behind) // apart))
        along.append(np.maximum(0, stop - start))
    return xp.whole(along[0][:, None] * along[1])


window_counts = Primitive(
    "window_counts",
    forward=_counts,
    shape=lambda layout, window, output, sizes, borders: output,
    latex=lambda layout, window, output, sizes, borders: Formula(r"\left|W\right|"),
    cost=no_cost,
    expects="no operands",
)
