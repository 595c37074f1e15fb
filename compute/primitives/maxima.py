"""Primitives of maxima: the maximum of each window, and its index (argmax).

x is (..., rows, columns). Windows slide over the last two axes according to `layout`; `output` is the number
of windows along each.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.dependence import Dependence, open_where
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.axis_windows import pooling_reads
from compute.graph.primitive import Cost, Primitive
from compute.graph.work import count_entries
from compute.latex import PRODUCT, Formula
from compute.primitives.gather_scatter import gather
from compute.primitives.max_pool_blocks import (
    first_maxima,
    maxima,
    scatter_gradient,
    window_entries,
    window_starts,
)
from compute.primitives.window_work import maximum_gradient_work, maximum_work, padded_shape
from compute.primitives.windows import (
    Layout,
    Pair,
    count_overlapping_entries,
    overlap_add,
    pad,
    padded_size,
    pooled_shape,
    window_slice,
)


def _winners(xp: Arithmetic, x: Array, *, layout: Layout, window: Pair, output: Pair) -> Array:
    if not xp.ordered:
        return _winners_by_condition(xp, x, layout, window, output)
    indices: Array = window_starts(x, layout, output) + first_maxima(xp, x, layout, window, output)[1]
    return indices


def _winners_by_condition(xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair) -> Array:
    """Return the winners if the order of entries may be undecided: with a case for each entry of a window."""
    first, (down, across) = window_starts(x, layout, output), layout.dilation
    hits = [*hits_by_condition(xp, x, layout, window, output, "first")]
    indices = [xp.whole(first + i * down * x.shape[-1] + j * across) for i, j, *_ in hits]
    return xp.select([hit for *_, hit in hits], indices)


def hits_by_condition(
    xp: Arithmetic, x: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Iterator[tuple[int, int, Any, Array]]:
    """Yield for each window entry its row, column, place in the padded input, and condition to be maximal.

    ties: "first" if only the first of several equal entries is maximal, otherwise all of them are.
    """
    if isinstance(xp, Dependence):  # any entry may be the largest
        for i, j, at, real in window_entries(x, layout, window, output):
            yield i, j, at, open_where(np.broadcast_to(real, (*x.shape[:-2], *real.shape)))
        return
    entries = [*window_entries(x, layout, window, output)]
    padded_x = pad(xp, x, layout.padding, xp.negative_infinity)
    for number, (i, j, at, real) in enumerate(entries):
        hit: Any = real
        for other, (*_, other_at, _) in enumerate(entries):
            if other != number:
                beats = xp.greater if ties == "first" and other < number else xp.greater_equal
                hit = hit & beats(padded_x[at], padded_x[other_at])
        yield i, j, at, hit


# The index of the maximum of each window in its plane, in row-major order; the first if several are equal.
winners = Primitive(
    "winners",
    forward=_winners,
    shape=pooled_shape,
    latex=lambda a, layout, window, output: Formula(
        rf"\operatorname{{argmax}}_{{W}} {a.at(PRODUCT)}", PRODUCT
    ),
    kind="index",
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    work=maximum_work,
    scratch=lambda shape, a, **attributes: padded_size(a, attributes["layout"], (1, 1)),
    reads=pooling_reads,
    expects="at least two axes",
)


class _Hit(NamedTuple):
    """Pairs of a window and one of its entries, and which of these entries are maximal.

    at: the places of the entries in the padded input.
    of: the places of the windows in the result.
    """

    at: Any
    of: Any
    holds: Array


def _hits(xp: Arithmetic, a: Array, y: Array, layout: Layout, window: Pair) -> Iterator[_Hit]:
    """Yield all pairs of a window and one of its entries.

    They come one window entry at a time, or one window at a time if there are fewer windows. An entry meets
    its windows in the same order either way.
    """
    output = y.shape[-2:]
    if not xp.ordered:
        hits = hits_by_condition(xp, a, layout, window, output, "all")
        yield from (_Hit(at, ..., indicator(xp, hit)) for _, _, at, hit in hits)
        return
    padded_a = pad(xp, a, layout.padding, xp.negative_infinity)
    if math.prod(output) >= math.prod(count_overlapping_entries(a.shape, layout, window, output)):
        for _, _, at, real in window_entries(a, layout, window, output):
            yield _Hit(at, ..., real & (padded_a[at] == y))
        return
    real = np.pad(np.ones(a.shape[-2:], dtype=bool), layout.padding)
    for row in reversed(range(output[0])):
        for column in reversed(range(output[1])):
            numbers = (row, 0), (column, 1)
            at = (
                ...,
                *(
                    window_slice(layout, window, output, a.shape[-2:], axis, number)
                    for number, axis in numbers
                ),
            )
            of = (..., slice(row, row + 1), slice(column, column + 1))
            yield _Hit(at, of, real[at] & (padded_a[at] == y[of]))


def _share(xp: Arithmetic, g: Array, y: Array, a: Array, layout: Layout, window: Pair, ties: str) -> Array:
    """Return the share of a window's gradient (or tangent) that belongs to each of its maxima."""
    if ties == "all":
        return g
    hits = _hits(xp, a, y, layout, window)
    if not xp.ordered:
        total: Any = sum(xp.whole(hit.holds) for hit in hits)
        return xp.divide(g, total)
    ties_per_window = np.zeros(y.shape, dtype=np.intp)
    for hit in hits:
        ties_per_window[hit.of] += hit.holds if hit.of is ... else hit.holds.sum(axis=(-2, -1), keepdims=True)
    return xp.divide(g, xp.whole(ties_per_window))


def indicator(xp: Arithmetic, condition: Array) -> Array:
    """Return 1 where a condition holds and 0 elsewhere."""
    return xp.where(condition, xp.whole(np.array(1)), xp.whole(np.array(0)))


def _max_pool(xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str) -> Array:
    return maxima(xp, a, layout, window, output)


def _max_pool_keeping(
    xp: Arithmetic, a: Array, *, layout: Layout, window: Pair, output: Pair, ties: str
) -> tuple[Array, Array | None]:
    """Return the maxima, and their offsets if the gradient passes to the first maximum only."""
    if ties == "first" and xp.ordered:
        return first_maxima(xp, a, layout, window, output)
    return maxima(xp, a, layout, window, output), None


def _max_pool_gradient(
    xp: Arithmetic, g: Array, y: Array, a: Array, kept: Any, layout: Layout, window: Pair, output: Pair,
    ties: str,
) -> Array:  # fmt: skip
    if isinstance(xp, Dependence):  # the same for every rule of ties
        choices = (
            (at[1:], xp.choices(g, real)) for _, _, at, real in window_entries(a, layout, window, output)
        )
        return overlap_add(xp, choices, layout, a.shape)
    if kept is not None:
        return scatter_gradient(xp, g, kept, layout, window, a.shape)
    if ties == "first":
        conditions = hits_by_condition(xp, a, layout, window, output, ties)
        firsts = ((at[1:], xp.multiply(g, indicator(xp, hit))) for _, _, at, hit in conditions)
        return overlap_add(xp, firsts, layout, a.shape)
    shares = _share(xp, g, y, a, layout, window, ties)
    hits = _hits(xp, a, y, layout, window)
    parts = ((hit.at[1:], xp.multiply(shares[hit.of], hit.holds)) for hit in hits)
    return overlap_add(xp, parts, layout, a.shape)


def _max_pool_tangent(
    xp: Arithmetic, tangent: Array, y: Array, a: Array, layout: Layout, window: Pair, output: Pair, ties: str
) -> Array:
    if ties == "first":
        return gather.forward(xp, tangent, _winners(xp, a, layout=layout, window=window, output=output))
    tangents, total = pad(xp, tangent, layout.padding), xp.zeros(y.shape)
    for hit in _hits(xp, a, y, layout, window):
        part = xp.multiply(tangents[hit.at], hit.holds)
        if hit.of is not ...:
            part = xp.sum(xp.sum(part, -1), -2)
        total[hit.of] = xp.add(total[hit.of], part)
    return _share(xp, total, y, a, layout, window, ties)


# The maximum of each window. ties: whether the gradient passes to the first of several equal maxima, is split
# evenly between them, or passes to all in full.
max_pool = Primitive(
    "max_pool",
    forward=_max_pool,
    keeping=_max_pool_keeping,
    gradients={"a": _max_pool_gradient},
    tangents=_max_pool_tangent,
    shape=lambda a, layout, window, output, ties: pooled_shape(
        a, layout=layout, window=window, output=output
    ),
    latex=lambda a, layout, window, output, ties: Formula(rf"\max_{{W}} {a.at(PRODUCT)}", PRODUCT),
    cost=lambda shape, a, **attributes: Cost(elementwise=product(shape) * product(attributes["window"])),
    work=lambda shape, a, ties, **attributes: maximum_work(shape, a, **attributes),
    gradient_work=lambda place, shape, a, ties, **attributes: maximum_gradient_work(
        shape, a, **attributes, shared=ties != "first"
    ),
    scratch=lambda shape, a, **attributes: padded_size(a, attributes["layout"], (1, 1)),
    gradient_scratch=lambda place, shape, a, **attributes: (
        2 * count_entries(padded_shape(a, attributes["layout"]))
    ),
    propagates_nonfinite_gradient=True,
    reads=pooling_reads,
    expects="at least two axes",
)
