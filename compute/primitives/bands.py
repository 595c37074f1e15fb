"""Primitives over a band of query-key pairs: time and memory grow with its width, not with all pairs.

A band holds an entry (i, j) for query i and key i - left + j, with j from 0 to left + right. If there is no
such key, the score is 0 and sums skip the entry.
"""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, broadcast, product, show
from compute.graph.axis_windows import AxisWindow, Reads, read_aligned, read_all
from compute.graph.numerics import SUMS
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import CALL, copy_work, count_entries
from compute.latex import POWER, PRODUCT, Formula
from compute.primitives.band_products import (
    band_by_key,
    band_products,
    band_sums,
    band_work,
    dense_band_size,
    inside_band,
    offset_range,
    pairs_within,
)
from compute.primitives.masked_products import is_exact_zero, masked_zeros, zero_masked


def _width(left: Size, right: Size) -> Size:
    """Return the number of keys that a band holds for each query."""
    width = left + right + 1
    if isinstance(width, int) and width < 1:
        raise ShapeError(f"a band from {left} before to {right} after the query holds no key")
    return width


def _scores_shape(a: Shape, b: Shape, *, left: Size, right: Size) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-1]:
        raise ShapeError("queries and keys differ in width")
    return (*broadcast(a[:-2], b[:-2]), a[-2], _width(left, right))


def _scores_pairs(shape: Shape, a: Shape, b: Shape, *, left: Size, right: Size) -> tuple[Size, Size | None]:
    outer, exact = product(shape[:-2]), pairs_within(a[-2], b[-2], left, right)
    return outer * a[-2] * b[-2], None if exact is None else outer * exact


def _reach_latex(left: Size, right: Size) -> str:
    first = f"{-left}" if isinstance(left, int) else f"-{left}"
    return f"{first}:{right}"


def _scores_gradient_of_keys(
    xp: Arithmetic, g: Array, a: Array, left: int, right: int, shapes: list[tuple[int, ...]]
) -> Array:
    by_key = band_by_key(xp, g, left, right, shapes[1][-2])
    return band_sums(xp, by_key, a, right, left, lambda: is_exact_zero(by_key))


def _scratch(batch: Shape, band: Any) -> int:
    """Return the number of temporary entries: at most three arrays of the dense products."""
    return 3 * dense_band_size(count_entries(batch), *band)


def _gradient_work(batch: Shape, band: Any, keyed: Any, inner: int) -> int:
    """Return the work of a gradient: a band by query, or by key for the operand with one row per key."""
    rows = max(band[-2], keyed[-2])
    return band_work(count_entries(batch), rows, rows, band[-1], inner) + 3 * copy_work(
        (*batch, rows, band[-1])
    )


def _gradient_scratch(batch: Shape, band: Any, keyed: Any) -> int:
    rows = max(band[-2], keyed[-2])
    return _scratch(batch, (rows, band[-1])) + count_entries((*batch, rows, keyed[-1]))


def _band_reads(place: int, shape: Shape, *shapes: Shape, left: Size, right: Size) -> Reads:
    """Return the reads: those of the keys and their values are a window around the query."""
    operand = shapes[place]
    if place > 1:
        return read_all(operand)
    around = AxisWindow(-2, left + right + 1, 1, -left, slides=True)
    aligned = read_aligned((*shape[:-2], *operand[-2:]), operand)[:-2]
    return (*aligned, around if place else AxisWindow(-2), None)


# A gradient that is exactly 0 comes from a masked pair and passes nothing, even if the other factor is NaN.
banded_scores = Primitive(
    "banded_scores",
    forward=lambda xp, a, b, *, left, right: band_products(xp, a, b, left, right),
    gradients={
        "a": lambda xp, g, b, left, right: band_sums(xp, g, b, left, right, lambda: is_exact_zero(g)),
        "b": _scores_gradient_of_keys,
    },
    tangents="product",
    shape=_scores_shape,
    latex=lambda a, b, left, right: Formula(
        rf"\operatorname{{band}}_{{{_reach_latex(left, right)}}}"
        rf"\left({a.at(PRODUCT)} {b.at(POWER)}^{{\top}}\right)"
    ),
    cost=lambda shape, a, b, **reach: Cost(multiply_adds=product(shape) * a[-1]),
    work=lambda shape, a, b, **reach: band_work(
        count_entries(shape[:-2]), shape[-2], b[-2], shape[-1], a[-1]
    ),
    gradient_work=lambda place, shape, a, b, **reach: _gradient_work(shape[:-2], shape[-2:], b, a[-1]),
    scratch=lambda shape, *operands, **reach: _scratch(shape[:-2], shape[-2:]),
    gradient_scratch=lambda place, shape, a, b, **reach: _gradient_scratch(shape[:-2], shape[-2:], b),
    pairs=_scores_pairs,
    reads=_band_reads,
    expects="queries (..., n, k) and keys (..., m, k)",
    broadcasts=True,
    hazard=SUMS,
    meaning="The scores of each query with the keys in its band: entry (i, j) is the dot product with key i "
    "- left + j.",
)


def _sum_shape(a: Shape, b: Shape, *, left: Size, right: Size) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != _width(left, right):
        raise ShapeError(f"a band from {left} before to {right} after is {_width(left, right)} wide")
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


banded_sum = Primitive(
    "banded_sum",
    forward=lambda xp, a, b, *, left, right: band_sums(xp, a, b, left, right),
    gradients={
        "a": lambda xp, g, b, left, right: band_products(xp, g, b, left, right),
        "b": lambda xp, g, a, left, right, shapes: band_sums(
            xp, band_by_key(xp, a, left, right, shapes[1][-2]), g, right, left
        ),
    },
    tangents="product",
    shape=_sum_shape,
    latex=lambda a, b, left, right: Formula(
        rf"\operatorname{{band}}_{{{_reach_latex(left, right)}}}^{{-1}}\left({a.text}\right) {b.at(PRODUCT)}",
        PRODUCT,
    ),
    cost=lambda shape, a, b, **reach: Cost(multiply_adds=product(shape) * a[-1]),
    work=lambda shape, a, b, **reach: band_work(count_entries(shape[:-2]), a[-2], b[-2], a[-1], b[-1]),
    gradient_work=lambda place, shape, a, b, **reach: _gradient_work(shape[:-2], a[-2:], b, b[-1]),
    scratch=lambda shape, a, b, **reach: _scratch(shape[:-2], a[-2:]),
    gradient_scratch=lambda place, shape, a, b, **reach: _gradient_scratch(shape[:-2], a[-2:], b),
    reads=_band_reads,
    expects="a band (..., n, width) and values (..., m, k)",
    broadcasts=True,
    hazard=SUMS,
    meaning="The sum of the values in each query's band, weighted by its entries: the banded matrix times "
    "the values.",
)


def _masked_gradient_of_band(
    xp: Arithmetic, g: Array, a: Array, b: Array, allowed: Array, left: int, right: int
) -> Array:
    gradient = band_products(xp, g, b, left, right)
    return gradient if xp.is_finite(b) else zero_masked(xp, gradient, masked_zeros(a, allowed))


def _masked_gradient_of_values(
    xp: Arithmetic, g: Array, a: Array, allowed: Array, left: int, right: int, shapes: list[tuple[int, ...]]
) -> Array:
    keys = shapes[1][-2]

    def skipped() -> Array:
        masked = masked_zeros(a, allowed).astype(np.intp)
        return ~is_exact_zero(band_by_key(xp, xp.whole(masked), left, right, keys))

    return band_sums(xp, band_by_key(xp, a, left, right, keys), g, right, left, skipped)


def _masked_sum_shape(a: Shape, b: Shape, allowed: Shape, *, left: Size, right: Size) -> Shape:
    if broadcast(allowed, a) != a:
        raise ShapeError(f"the mask {show(allowed)} does not broadcast to {show(a)}")
    return _sum_shape(a, b, left=left, right=right)


masked_banded_sum = Primitive(
    "masked_banded_sum",
    forward=lambda xp, a, b, allowed, *, left, right: band_sums(
        xp, a, b, left, right, lambda: masked_zeros(a, allowed)
    ),
    gradients={"a": _masked_gradient_of_band, "b": _masked_gradient_of_values},
    tangents="product",
    shape=_masked_sum_shape,
    latex=lambda a, b, allowed, left, right: banded_sum.latex(a, b, left=left, right=right),
    cost=lambda shape, a, b, allowed, **reach: Cost(multiply_adds=product(shape) * a[-1]),
    work=lambda shape, a, b, allowed, **reach: band_work(
        count_entries(shape[:-2]), a[-2], b[-2], a[-1], b[-1]
    ),
    gradient_work=lambda place, shape, a, b, allowed, **reach: _gradient_work(shape[:-2], a[-2:], b, b[-1]),
    scratch=lambda shape, a, b, allowed, **reach: _scratch(shape[:-2], a[-2:]),
    gradient_scratch=lambda place, shape, a, b, allowed, **reach: _gradient_scratch(shape[:-2], a[-2:], b),
    operand_kinds={"allowed": ("boolean",)},
    hidden_operands=("allowed",),
    reads=_band_reads,
    expects="a band (..., n, width), values (..., m, k) and a mask that broadcasts to the band",
    broadcasts=True,
    hazard=SUMS,
    meaning="The banded sum in which a weight of 0 at a masked entry excludes its value, even if that is NaN"
    " or infinite.",
)


def band_entry(first: str) -> str:
    """Describe which key an entry of a band belongs to. first: the key of query i's entry 0."""
    return f"entry j of query i is for key {first} + j"


def band_convention(place: str) -> dict[str, str]:
    """Describe how a band is read. place: the key at the position of query i."""
    return {
        "band": f"{band_entry(f'{place} - left')}; where there is no such key scores are 0,"
        " masked_scores -Infinity and weights 0; in formulas band^-1 fills up with zeros to all pairs"
    }


def _band_mask(xp: Arithmetic, *, queries: int, keys: int, left: int, right: int, key_first: bool) -> Array:
    inside = inside_band(queries, keys, left, right)
    return inside.T if key_first else inside


band_mask = Primitive(
    "band_mask",
    forward=_band_mask,
    shape=lambda queries, keys, left, right, key_first: (
        (_width(left, right), queries) if key_first else (queries, _width(left, right))
    ),
    latex=lambda queries, keys, left, right, key_first: Formula(r"\left[\text{key exists}\right]"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    convention=band_convention("i"),
    meaning="True for entries of a band that belong to an existing key.",
)


def _indices(shape: tuple[int, ...], queries: int, keys: int, left: int, right: int) -> tuple[Array, Array]:
    """Return the row and column of each band entry in a matrix that broadcasts to all pairs."""
    rows = np.arange(queries)[:, None]
    columns = np.clip(rows + np.arange(-left, right + 1), 0, keys - 1)
    return (rows if shape[-2] > 1 else rows * 0), (columns if shape[-1] > 1 else columns * 0)


def _cut(
    xp: Arithmetic, a: Array, *, queries: int, keys: int, left: int, right: int, key_first: bool
) -> Array:
    pairs = a.swapaxes(-1, -2) if key_first else a
    rows, columns = _indices(pairs.shape, queries, keys, left, right)
    band: Array = pairs[..., rows, columns]  # a copy
    zero = np.zeros((), dtype=bool) if band.dtype == np.bool_ else xp.zeros(())
    band[..., ~inside_band(queries, keys, left, right)] = zero
    return band.swapaxes(-1, -2) if key_first else band


def _cut_gradient(
    xp: Arithmetic, g: Array, queries: int, keys: int, left: int, right: int, key_first: bool,
    shapes: list[tuple[int, ...]],
) -> Array:  # fmt: skip
    result = xp.zeros(shapes[0])
    pairs, band = (result.swapaxes(-1, -2), g.swapaxes(-1, -2)) if key_first else (result, g)
    rows, columns = _indices(pairs.shape, queries, keys, left, right)
    for offset in range(left + right + 1):
        first, last = offset_range(offset - left, queries, keys)
        if first < last:
            at: Any = (..., rows[first:last, 0], columns[first:last, offset])
            part = band[..., first:last, offset]
            if pairs.shape[-2:] == (1, 1):
                at, part = (..., 0, 0), xp.sum(part, -1)[..., 0]
            pairs[at] = xp.add(pairs[at], part)
    return result


def _cut_shape(a: Shape, *, queries: Size, keys: Size, left: Size, right: Size, key_first: bool) -> Shape:
    if len(a) < 2:
        raise ShapeError("it has fewer than two axes")
    width = _width(left, right)
    for size, full in zip(a[-2:], (keys, queries) if key_first else (queries, keys), strict=True):
        if isinstance(size, int) and isinstance(full, int) and size not in (1, full):
            raise ShapeError(f"an axis of size {size} does not broadcast to {full}")
    return (*a[:-2], width, queries) if key_first else (*a[:-2], queries, width)


def _offsets(queries: int, keys: int, left: int, right: int, key_first: bool) -> int:
    """Return the number of offsets from a query to a key in a band."""
    return min(left + right + 1, queries + keys)


# 0 or false where there is no key.
band = Primitive(
    "band",
    forward=_cut,
    gradients={"a": _cut_gradient},
    tangents="linear",
    shape=_cut_shape,
    latex=lambda a, queries, keys, left, right, key_first: Formula(
        rf"\operatorname{{band}}_{{{_reach_latex(left, right)}}}\left({a.text}\right)"
    ),
    cost=no_cost,
    work=lambda shape, a, **reach: 3 * copy_work(shape),
    gradient_work=lambda place, shape, a, **reach: 6 * CALL * _offsets(**reach) + 2 * copy_work(shape, a),
    scratch=lambda shape, a, **reach: 3 * product(shape),
    gradient_scratch=lambda place, shape, a, **reach: 3 * count_entries(shape) + count_entries(a),
    kind="same",
    expects="a matrix over queries and keys, or one that broadcasts to it",
    meaning="The band of a matrix over all pairs, or of one that broadcasts to it.",
)
