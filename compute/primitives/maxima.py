"""Primitives of maxima: the maximum of each window, and where it stands.

x is (..., rows, columns); windows slide over the last two axes as `layout` says, `output` says how many.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.dependence import Dependence, open_where
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import count_entries
from compute.latex import PRODUCT, Formula
from compute.primitives.gather_scatter import gather
from compute.primitives.max_pool_blocks import first_gradient, first_maxima, maxima, starts, taps
from compute.primitives.window_work import maximum_gradient_work, maximum_work, with_borders
from compute.primitives.windows import Layout, Pair, bordered, overlap_add, padded, pooled, span, taps_seen


def _winners(xp: Arithmetic, x: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    if not xp.ordered:
        return _winners_by_condition(xp, x, layout, window, output)
    places: Array = starts(x, layout, output) + first_maxima(xp, x, layout, window, output)[1]
    return places


def _winners_by_condition(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """The same where the order of entries may be open: with a case for each entry of a window."""
    first, (down, across) = starts(x, layout, output), layout.dilation
    hits = [*_hits_by_condition(xp, x, layout, window, output, "first")]
    places = [xp.whole(first + i * down * x.shape[-1] + j * across) for i, j, *_ in hits]
    return xp.select([hit for *_, hit in hits], places)


def _hits_by_condition(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Iterator[tuple[int, int, Any, Array]]:
    """For each entry of a window its row, its column, where it stands, and the condition on which it is the
    maximum: of equals the first alone, or each of them.
    """
    if isinstance(xp, Dependence):  # any entry may be the largest
        for i, j, at, real in taps(x, layout, window, output):
            yield i, j, at, open_where(np.broadcast_to(real, (*x.shape[:-2], *real.shape)))
        return
    entries = [*taps(x, layout, window, output)]
    around = padded(xp, x, layout.padding, xp.negative_infinity)
    for place, (i, j, at, real) in enumerate(entries):
        hit: Any = real
        for other, (*_, there, _) in enumerate(entries):
            if other != place:
                beats = xp.greater if ties == "first" and other < place else xp.greater_equal
                hit = hit & beats(around[at], around[there])
        yield i, j, at, hit


# Where the maximum of each window stands, counted row by row; of equals the first.
winners = Primitive(
    "winners",
    forward=_winners,
    shape=pooled,
    latex=lambda a, layout, window, output: Formula(
        rf"\operatorname{{argmax}}_{{W}} {a.at(PRODUCT)}", PRODUCT
    ),
    kind="index",
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    work=maximum_work,
    scratch=lambda shape, a, **attributes: bordered(a, attributes["layout"], (1, 1)),
    expects="at least two axes",
)


class _Hit(NamedTuple):
    """Pairs of a window and one of its entries, and which of these entries are maxima.

    at: the entries in the padded input; of: the windows in the result.
    """

    at: Any
    of: Any
    holds: Array


def _hits(xp: Arithmetic, a: Array, y: Array, layout: Layout, window: Pair) -> Iterator[_Hit]:
    """All pairs of a window and one of its entries: those of one entry of the windows at a time, or those of
    one window where there are fewer windows. An entry meets its windows in the same order either way.
    """
    output = y.shape[-2:]
    if not xp.ordered:
        found = _hits_by_condition(xp, a, layout, window, output, "all")
        yield from (_Hit(at, ..., _indicator(xp, hit)) for _, _, at, hit in found)
        return
    around = padded(xp, a, layout.padding, xp.negative_infinity)
    if math.prod(output) >= math.prod(taps_seen(a.shape, layout, window, output)):
        for _, _, at, real in taps(a, layout, window, output):
            yield _Hit(at, ..., real & (around[at] == y))
        return
    real = np.pad(np.ones(a.shape[-2:], dtype=bool), layout.padding)
    for row in reversed(range(output[0])):
        for column in reversed(range(output[1])):
            places = (row, 0), (column, 1)
            at = (..., *(span(layout, window, output, a.shape[-2:], axis, one) for one, axis in places))
            of = (..., slice(row, row + 1), slice(column, column + 1))
            yield _Hit(at, of, real[at] & (around[at] == y[of]))


def _shared(xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, ties: str) -> Array:
    """The gradient that each maximum of a window gets, or the change that each of them makes."""
    if ties == "all":
        return g
    hits = _hits(xp, a, y, layout, window)
    if not xp.ordered:
        total: Any = sum(xp.whole(hit.holds) for hit in hits)
        return xp.divide(g, total)
    equals = np.zeros(y.shape, dtype=np.intp)
    for hit in hits:
        equals[hit.of] += hit.holds if hit.of is ... else hit.holds.sum(axis=(-2, -1), keepdims=True)
    return xp.divide(g, xp.whole(equals))


def _indicator(xp: Arithmetic, condition: Array) -> Array:
    return xp.where(condition, xp.whole(np.array(1)), xp.whole(np.array(0)))


def _max_pool(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str) -> Array:
    return maxima(xp, a, layout, window, output)


def _max_pool_keeping(
    xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str
) -> tuple[Array, Array | None]:
    """With each maximum where it stands, if the gradient goes there alone."""
    if ties == "first" and xp.ordered:
        return first_maxima(xp, a, layout, window, output)
    return maxima(xp, a, layout, window, output), None


def _max_pool_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, kept: Any, layout: Layout, window: Pair, output: Pair,
    ties: str,
) -> Array:  # fmt: skip
    if isinstance(xp, Dependence):  # the same for every way with ties, and soon done
        taken = ((at[1:], xp.choices(g, real)) for _, _, at, real in taps(a, layout, window, output))
        return overlap_add(xp, taken, layout, a.shape)
    if kept is not None:
        return first_gradient(xp, g, kept, layout, window, a.shape)
    if ties == "first":
        found = _hits_by_condition(xp, a, layout, window, output, ties)
        firsts = ((at[1:], xp.multiply(g, _indicator(xp, hit))) for _, _, at, hit in found)
        return overlap_add(xp, firsts, layout, a.shape)
    each = _shared(xp, g, y, a, layout, window, ties)
    hits = _hits(xp, a, y, layout, window)
    parts = ((hit.at[1:], xp.multiply(each[hit.of], hit.holds)) for hit in hits)
    return overlap_add(xp, parts, layout, a.shape)


def _max_pool_tangent(
    xp: Arithmetic, t: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first":
        return gather.forward(xp, t, _winners(xp, a, layout=layout, window=window, output=output))
    moved, total = padded(xp, t, layout.padding), xp.zeros(y.shape)
    for hit in _hits(xp, a, y, layout, window):
        part = xp.multiply(moved[hit.at], hit.holds)
        if hit.of is not ...:
            part = xp.sum(xp.sum(part, -1), -2)
        total[hit.of] = xp.add(total[hit.of], part)
    return _shared(xp, total, y, a, layout, window, ties)


# The maximum of each window, with its gradient given to the first of equals, shared evenly by them, or given
# to each in full.
max_pool = Primitive(
    "max_pool",
    forward=_max_pool,
    keeping=_max_pool_keeping,
    gradients={"a": _max_pool_gradient},
    tangents=_max_pool_tangent,
    shape=lambda a, layout, window, output, ties: pooled(a, layout=layout, window=window, output=output),
    latex=lambda a, layout, window, output, ties: Formula(rf"\max_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    work=lambda shape, a, ties, **attributes: maximum_work(shape, a, **attributes),
    gradient_work=lambda place, shape, a, ties, **attributes: maximum_gradient_work(
        shape, a, **attributes, shared=ties != "first"
    ),
    scratch=lambda shape, a, **attributes: bordered(a, attributes["layout"], (1, 1)),
    gradient_scratch=lambda place, shape, a, **attributes: (
        2 * count_entries(with_borders(a, attributes["layout"]))
    ),
    propagates_nonfinite_gradient=True,
    expects="at least two axes",
)
