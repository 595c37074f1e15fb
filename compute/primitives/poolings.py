"""Sums and norms over windows, and the number of entries of each window.

x is (..., rows, columns). Windows slide over the last two axes according to `layout`; `output` is the number
of windows along each. Sums are taken over columns first and then over rows, one window entry at a time.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.axis_windows import pooling_reads
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import count_entries as size_of
from compute.latex import POWER, PRODUCT, Formula, constant_latex
from compute.primitives.scalars import count, multiply_weights
from compute.primitives.window_work import norm_work, padded_shape, sum_work
from compute.primitives.windows import (
    Layout,
    Pair,
    entry_slice,
    overlap_add,
    overlapping_entries,
    pad,
    padded_size,
    pooled_shape,
)

SAFE = parse("1e30")  # sums of powers between 1/SAFE and SAFE lose nothing in either precision


def _sum(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    padded_a = pad(xp, a, layout.padding)
    down, across = (overlapping_entries(layout, window, output, a.shape[-2:], axis) for axis in (0, 1))
    total = reduce(xp.add, (padded_a[..., entry_slice(layout, output, 1, j)] for j in across))
    return reduce(xp.add, (total[..., entry_slice(layout, output, 0, i), :] for i in down))


def _sum_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Pair, output: Pair, shapes: Any) -> Array:

    *outer, rows, columns = shapes[0]
    down, across = (overlapping_entries(layout, window, output, (rows, columns), axis) for axis in (0, 1))
    along = Layout(padding=(layout.padding[0], (0, 0)))
    parts = (((entry_slice(layout, output, 0, i), slice(None)), g) for i in down)
    tall = overlap_add(xp, parts, along, (*outer, rows, output[1]))
    along = Layout(padding=((0, 0), layout.padding[1]))
    parts = (((slice(None), entry_slice(layout, output, 1, j)), tall) for j in across)
    return overlap_add(xp, parts, along, (*outer, rows, columns))


# The sum over each window.
window_sum = Primitive(
    "window_sum",
    forward=_sum,
    gradients={"a": _sum_gradient},
    tangents="linear",
    shape=pooled_shape,
    latex=lambda a, layout, window, output: Formula(rf"\sum_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    work=sum_work,
    gradient_work=lambda place, *shapes, **attributes: 3 * sum_work(*shapes, **attributes),
    scratch=lambda shape, a, **attributes: 2 * padded_size(a, attributes["layout"], (1, 1)),
    gradient_scratch=lambda place, shape, a, **attributes: 3 * size_of(padded_shape(a, attributes["layout"])),
    reads=pooling_reads,
    expects="at least two axes",
)


def _taps(a: Array, layout: Layout, window: Pair, output: Pair) -> Iterator[tuple[slice, slice]]:
    """Yield the places of each window entry in the padded input."""
    for i in overlapping_entries(layout, window, output, a.shape[-2:], 0):
        for j in overlapping_entries(layout, window, output, a.shape[-2:], 1):
            yield entry_slice(layout, output, 0, i), entry_slice(layout, output, 1, j)


def _norm(
    xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, exponent: Expression
) -> Array:
    """Return the root of a sum of powers, of rescaled entries if the sum would overflow or underflow."""
    sizes = pad(xp, xp.absolute(a), layout.padding)
    entries = [sizes[(..., *at)] for at in _taps(a, layout, window, output)]
    root = Expression("divide", (number_expression(1), exponent))
    total = _sum_of_powers(xp, entries, exponent)
    if xp.simplifies:
        return xp.power(total, root)
    zero, one = count(xp, 0), count(xp, 1)
    largest = reduce(xp.maximum, entries)
    safe = xp.greater(xp.constant(SAFE, {}), xp.maximum(total, xp.divide(one, total)))
    if xp.ordered and np.logical_or(safe, xp.equal(largest, zero)).all():
        return xp.power(total, root)
    divisor = xp.where(xp.equal(largest, zero), one, largest)
    # Infinity over itself would be NaN.
    divisor = xp.where(xp.equal(xp.subtract(divisor, divisor), zero), divisor, one)
    scaled = _sum_of_powers(xp, [xp.divide(entry, divisor) for entry in entries], exponent)
    return xp.where(safe, xp.power(total, root), xp.multiply(divisor, xp.power(scaled, root)))


def _sum_of_powers(xp: Arithmetic, entries: Sequence[Array], exponent: Expression) -> Array:
    return reduce(xp.add, (xp.power(entry, exponent) for entry in entries))


def _norm_slopes(
    xp: Arithmetic, signs: Array, y: Array, a: Array, layout: Layout, window: Pair, exponent: Expression
) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield the places of each window entry, and its sign times (|a|/y)^(p - 1), at most 1 for p >= 1."""
    less = Expression("subtract", (exponent, number_expression(1)))
    sizes, signs = (pad(xp, array, layout.padding) for array in (xp.absolute(a), signs))
    if not xp.simplifies:  # 0 has no negative power; its sign is 0, so any other size gives the same
        sizes = xp.where(xp.equal(sizes, count(xp, 0)), count(xp, 1), sizes)
    for at in _taps(a, layout, window, (y.shape[-2], y.shape[-1])):
        yield at, multiply_weights(xp, signs[(..., *at)], xp.power(xp.divide(sizes[(..., *at)], y), less))


def _norm_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, exponent: Expression
) -> Array:
    zero = count(xp, 0)
    is_zero = xp.equal(y, zero)
    if xp.simplifies:  # multiply the power of y into g: one case for each window
        less = Expression("subtract", (number_expression(1), exponent))
        upstream = xp.where(is_zero, zero, xp.multiply(g, xp.power(y, less)))
        y = xp.whole(np.ones(y.shape, dtype=int))
    else:
        upstream, y = xp.where(is_zero, zero, g), xp.where(is_zero, count(xp, 1), y)
    slopes = _norm_slopes(xp, xp.sign(a), y, a, layout, window, exponent)
    return overlap_add(xp, ((at, xp.multiply(upstream, slope)) for at, slope in slopes), layout, a.shape)


def _norm_tangent(
    xp: Arithmetic, tangent: Array, y: Array, a: Array, *, layout: Layout, window: Pair, output: Pair,
    exponent: Expression,
) -> Array:  # fmt: skip
    is_zero = xp.equal(y, count(xp, 0))
    signs = xp.multiply(xp.sign(a), tangent)
    slopes = _norm_slopes(xp, signs, xp.where(is_zero, count(xp, 1), y), a, layout, window, exponent)
    return xp.where(is_zero, count(xp, 0), reduce(xp.add, (slope for _, slope in slopes)))


def _norm_latex(a: Formula, layout: Layout, window: Pair, output: Pair, exponent: Expression) -> Formula:
    power = constant_latex(exponent).text
    root = constant_latex(Expression("divide", (number_expression(1), exponent))).text
    return Formula(rf"\left(\sum_{{W}} \left|{a.text}\right|^{{{power}}}\right)^{{{root}}}", POWER)


# The p-norm of each window, (sum of |a|^p)^(1/p), without overflow or underflow of the powers.
window_norm = Primitive(
    "window_norm",
    forward=_norm,
    gradients={"a": _norm_gradient},
    tangents=_norm_tangent,
    shape=lambda a, layout, window, output, exponent: pooled_shape(
        a, layout=layout, window=window, output=output
    ),
    latex=_norm_latex,
    # a maximum, a power and a sum for each entry of a window, and the root
    cost=lambda shape, a, **attributes: Cost(
        elementwise=product(a) + product(shape) * (3 * product(attributes["window"]) + 1)
    ),
    work=norm_work,
    gradient_work=lambda place, *shapes, **attributes: norm_work(*shapes, **attributes),
    scratch=lambda shape, a, **attributes: 4 * padded_size(a, attributes["layout"], (1, 1)),
    reads=pooling_reads,
    expects="at least two axes",
    convention={"derivative_of_abs_at_0": 0, "derivative_of_norm_at_0": 0},
)


def _counts(
    xp: Arithmetic, *, layout: Layout, window: Pair, output: Pair, sizes: Pair, borders: Any
) -> Array:
    """Return how many entries of each window count: those of the input, and of `borders` of the padding."""
    along = []
    for axis in (0, 1):
        dilation, (before, after) = layout.dilation[axis], borders[axis]
        first = np.arange(output[axis]) * layout.stride[axis] - layout.padding[axis][0]
        # The entries i from 0 on with -before <= first + i * dilation < size + after.
        start = np.maximum(0, -((first + before) // dilation))
        stop = np.minimum(window[axis], -((first - sizes[axis] - after) // dilation))
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
