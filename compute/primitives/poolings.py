"""Primitives of averages and norms: sums over windows, and how many entries a window holds.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many. Sums
are taken over columns first and then over rows, entry by entry of the window.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import count_entries as size_of
from compute.latex import POWER, PRODUCT, Formula, constant_latex
from compute.primitives.scalars import count, weighed
from compute.primitives.window_work import norm_work, sum_work, with_borders
from compute.primitives.windows import (
    Layout,
    Pair,
    bordered,
    overlap_add,
    padded,
    pooled,
    seen,
    tap,
)

SAFE = parse("1e30")  # sums of powers between this and one over it, in either precision


def _sum(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    around = padded(xp, a, layout.padding)
    down, across = (seen(layout, window, output, a.shape[-2:], axis) for axis in (0, 1))
    total = reduce(xp.add, (around[..., tap(layout, output, 1, j)] for j in across))
    return reduce(xp.add, (total[..., tap(layout, output, 0, i), :] for i in down))


def _sum_gradient(xp: Arithmetic, g: Array, layout: Layout, window: Pair, output: Pair, shapes: Any) -> Array:
    everywhere = slice(None)
    *outer, rows, columns = shapes[0]
    down, across = (seen(layout, window, output, (rows, columns), axis) for axis in (0, 1))
    along = Layout(padding=(layout.padding[0], (0, 0)))
    parts = (((tap(layout, output, 0, i), everywhere), g) for i in down)
    tall = overlap_add(xp, parts, along, (*outer, rows, output[1]))
    along = Layout(padding=((0, 0), layout.padding[1]))
    parts = (((everywhere, tap(layout, output, 1, j)), tall) for j in across)
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
    work=sum_work,
    gradient_work=lambda place, *shapes, **attributes: 3 * sum_work(*shapes, **attributes),
    scratch=lambda shape, a, **attributes: 2 * bordered(a, attributes["layout"], (1, 1)),
    gradient_scratch=lambda place, shape, a, **attributes: 3 * size_of(with_borders(a, attributes["layout"])),
    expects="at least two axes",
)


def _taps(a: Array, layout: Layout, window: Pair, output: Pair) -> Iterator[tuple[slice, slice]]:
    """Yield the place of each entry of the windows in the padded input."""
    for i in seen(layout, window, output, a.shape[-2:], 0):
        for j in seen(layout, window, output, a.shape[-2:], 1):
            yield tap(layout, output, 0, i), tap(layout, output, 1, j)


def _norm(
    xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, exponent: Expression
) -> Array:
    """The root of a sum of powers; where that overflows or underflows, of entries over their largest."""
    sizes = padded(xp, xp.absolute(a), layout.padding)
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
    divisor = xp.where(
        xp.equal(xp.subtract(divisor, divisor), zero), divisor, one
    )  # infinity over itself is NaN
    scaled = _sum_of_powers(xp, [xp.divide(entry, divisor) for entry in entries], exponent)
    return xp.where(safe, xp.power(total, root), xp.multiply(divisor, xp.power(scaled, root)))


def _sum_of_powers(xp: Arithmetic, entries: Sequence[Array], exponent: Expression) -> Array:
    return reduce(xp.add, (xp.power(entry, exponent) for entry in entries))


def _norm_slopes(
    xp: Arithmetic, signs: Array, y: Array, a: Array, layout: Layout, window: Pair, exponent: Expression
) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield the place of each entry of the windows, and its sign times (|a|/y)^(p - 1).

    That is at most 1 for p from 1 on.
    """
    less = Expression("subtract", (exponent, number_expression(1)))
    sizes, signs = (padded(xp, one, layout.padding) for one in (xp.absolute(a), signs))
    if not xp.simplifies:  # beside a sign of 0 any size will do, and 0 has no negative power
        sizes = xp.where(xp.equal(sizes, count(xp, 0)), count(xp, 1), sizes)
    for at in _taps(a, layout, window, (y.shape[-2], y.shape[-1])):
        yield at, weighed(xp, signs[(..., *at)], xp.power(xp.divide(sizes[(..., *at)], y), less))


def _norm_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, exponent: Expression
) -> Array:
    zero = count(xp, 0)
    nothing = xp.equal(y, zero)
    if xp.simplifies:  # with the power of y on the other side: one case for each window
        less = Expression("subtract", (number_expression(1), exponent))
        passed = xp.where(nothing, zero, xp.multiply(g, xp.power(y, less)))
        y = xp.whole(np.ones(y.shape, dtype=int))
    else:
        passed, y = xp.where(nothing, zero, g), xp.where(nothing, count(xp, 1), y)
    slopes = _norm_slopes(xp, xp.sign(a), y, a, layout, window, exponent)
    return overlap_add(xp, ((at, xp.multiply(passed, slope)) for at, slope in slopes), layout, a.shape)


def _norm_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, *, layout: Layout, window: Pair, output: Pair,
    exponent: Expression,
) -> Array:  # fmt: skip
    nothing = xp.equal(y, count(xp, 0))
    signs = xp.multiply(xp.sign(a), t)
    slopes = _norm_slopes(xp, signs, xp.where(nothing, count(xp, 1), y), a, layout, window, exponent)
    return xp.where(nothing, count(xp, 0), reduce(xp.add, (slope for _, slope in slopes)))


def _norm_latex(a: Formula, layout: Layout, window: Pair, output: Pair, exponent: Expression) -> Formula:
    power = constant_latex(exponent).text
    root = constant_latex(Expression("divide", (number_expression(1), exponent))).text
    return Formula(rf"\left(\sum_{{W}} \left|{a.text}\right|^{{{power}}}\right)^{{{root}}}", POWER)


# The p-norm of each window, (sum of |a|^p)^(1/p), for entries of any size.
window_norm = Primitive(
    "window_norm",
    forward=_norm,
    gradients={"a": _norm_gradient},
    tangents=_norm_tangent,
    shape=lambda a, layout, window, output, exponent: pooled(a, layout=layout, window=window, output=output),
    latex=_norm_latex,
    # a maximum, a power and a sum for each entry of a window, and the root
    cost=lambda shape, a, **attributes: Cost(
        elementwise=product(a) + product(shape) * (3 * product(attributes["window"]) + 1)
    ),
    work=norm_work,
    gradient_work=lambda place, *shapes, **attributes: norm_work(*shapes, **attributes),
    scratch=lambda shape, a, **attributes: 4 * bordered(a, attributes["layout"], (1, 1)),
    expects="at least two axes",
    convention={"derivative_of_abs_at_0": 0, "derivative_of_norm_at_0": 0},
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
