"""Primitives over a band of query-key pairs: time and memory grow with its width, not with all pairs.

A band holds an entry (i, j) for query i and key i - left + j, with j from 0 to left + right. Where there is
no such key the entry stands for nothing: scores are 0 there, and sums pass it over. Inside, queries are
taken block by block, each with one dense product that covers its part of the band.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, broadcast, divide, product
from compute.hazards import SUMS
from compute.latex import POWER, PRODUCT, Formula
from compute.primitive import Cost, Primitive, no_cost

SMALLEST_BLOCK, LARGEST_BLOCK = 16, 256


def _block(width: int, queries: int) -> int:
    """How many queries share a product: about as many as the band is wide wastes the least."""
    return min(max(SMALLEST_BLOCK, min(width, LARGEST_BLOCK)), queries)


def _padded(xp: Arithmetic, a: Array, before: int, rows: int) -> Array:
    """The rows of `a` behind `before` rows of zeros, cut or filled up to so many rows."""
    kept = min(a.shape[-2], rows - before)
    if before == 0 and kept == rows:
        return a[..., :kept, :]
    result = xp.zeros((*a.shape[:-2], rows, a.shape[-1]))
    if kept > 0:
        result[..., before : before + kept, :] = a[..., :kept, :]
    return result


def _windows(xp: Arithmetic, a: Array, left: int, block: int, blocks: int, length: int) -> Array:
    """For each block of queries the keys that its band reaches, as overlapping views."""
    rows = _padded(xp, a, left, (blocks - 1) * block + length)
    *outer, down, across = rows.strides
    shape = (*rows.shape[:-2], blocks, length, rows.shape[-1])
    return as_strided(rows, shape, (*outer, block * down, down, across), writeable=False)


def _diagonals(dense: Array, width: int) -> Array:
    """The band inside each block, as a view: row i from column i on."""
    *outer, down, across = dense.strides
    return as_strided(dense, (*dense.shape[:-1], width), (*outer, down + across, across))


def _products(xp: Arithmetic, a: Array, b: Array, left: int, right: int) -> Array:
    """The dot products of each row of `a` with the rows of `b` in its band."""
    queries, width = a.shape[-2], left + right + 1
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _padded(xp, a, 0, blocks * block).reshape(*a.shape[:-2], blocks, block, a.shape[-1])
    reached = _windows(xp, b, left, block, blocks, length)
    band = _diagonals(xp.matmul(rows, reached.swapaxes(-1, -2)), width)
    result = band.reshape(*band.shape[:-3], blocks * block, width)[..., :queries, :]
    if not xp.is_finite(result):  # zeros stand where there is no key, and infinity times 0 is none
        result = xp.where(_inside(queries, b.shape[-2], left, right), result, 0)
    return result


def _sums(xp: Arithmetic, band: Array, values: Array, left: int, right: int) -> Array:
    """The sums of the rows of `values` in each band, weighted by its entries."""
    queries, width = band.shape[-2:]
    if not xp.is_finite(values):
        return _sums_by_offset(xp, band, values, left)
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _padded(xp, band, 0, blocks * block).reshape(*band.shape[:-2], blocks, block, width)
    dense = xp.zeros((*rows.shape[:-1], length))
    _diagonals(dense, width)[...] = rows
    result = xp.matmul(dense, _windows(xp, values, left, block, blocks, length))
    return result.reshape(*result.shape[:-3], blocks * block, values.shape[-1])[..., :queries, :]


def _sums_by_offset(xp: Arithmetic, band: Array, values: Array, left: int) -> Array:
    """The same without zeros beside the band, which would turn an infinite value into NaN."""
    queries, width = band.shape[-2:]
    keys, columns = values.shape[-2:]
    result = xp.zeros((*np.broadcast_shapes(band.shape[:-2], values.shape[:-2]), queries, columns))
    for offset in range(width):
        first, last = _reach(offset - left, queries, keys)
        if first < last:
            reached = values[..., first + offset - left : last + offset - left, :]
            part = xp.multiply(band[..., first:last, offset : offset + 1], reached)
            result[..., first:last, :] = xp.add(result[..., first:last, :], part)
    return result


def _reach(offset: int, queries: int, keys: int) -> tuple[int, int]:
    """The queries i, from first to before last, for which there is a key i + offset."""
    return max(0, -offset), min(queries, keys - offset)


def _by_key(xp: Arithmetic, band: Array, left: int, right: int, keys: int) -> Array:
    """The band read from the keys: `right` queries before each key to `left` behind it."""
    width = left + right + 1
    rows = _padded(xp, band, right, keys + width - 1)
    *outer, down, across = rows.strides
    view = as_strided(rows[..., width - 1 :], (*rows.shape[:-2], keys, width), (*outer, down, down - across))
    return np.ascontiguousarray(view)


def _inside(queries: int, keys: int, left: int, right: int) -> Array:
    """Which entries of a band stand for a key that there is."""
    key = np.arange(queries)[:, None] + np.arange(-left, right + 1)
    inside: Array = (key >= 0) & (key < keys)
    return inside


def within(queries: Size, keys: Size, left: Size, right: Size) -> Size | None:
    """How many query-key pairs a band holds, boundaries counted.

    In letters it is known where there are as many keys as queries, for a band that is no longer than
    they are; otherwise None.
    """
    if (
        isinstance(queries, int)
        and isinstance(keys, int)
        and isinstance(left, int)
        and isinstance(right, int)
    ):
        return _ahead(queries, keys, right) + _ahead(keys, queries, left) - min(queries, keys)
    if queries != keys:
        return None
    beyond = divide(left * (left + 1) + right * (right + 1), 2)
    return queries * (left + right + 1) - beyond


def _ahead(queries: int, keys: int, reach: int) -> int:
    """How many pairs there are of a query and a key 0 to `reach` steps ahead of it."""
    offsets = min(reach, keys - 1) + 1
    whole = max(0, min(offsets, keys - queries + 1))  # offsets at which every query has such a key
    first, last = keys - whole, keys - offsets + 1
    return whole * queries + (first + last) * (offsets - whole) // 2


def _scores_shape(a: Shape, b: Shape, *, left: Size, right: Size) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-1]:
        raise ShapeError("queries and keys differ in width")
    return (*broadcast(a[:-2], b[:-2]), a[-2], left + right + 1)


def _scores_pairs(shape: Shape, a: Shape, b: Shape, *, left: Size, right: Size) -> tuple[Size, Size | None]:
    outer, exact = product(shape[:-2]), within(a[-2], b[-2], left, right)
    return outer * a[-2] * b[-2], None if exact is None else outer * exact


def _reach_latex(left: Size, right: Size) -> str:
    return f"-{left}:{right}" if left else f"0:{right}"


# The scores of each query with the keys in its band: entry (i, j) is the dot product with key i - left + j.
banded_scores = Primitive(
    "banded_scores",
    forward=lambda xp, a, b, *, left, right: _products(xp, a, b, left, right),
    gradients={
        "a": lambda xp, g, b, left, right: _sums(xp, g, b, left, right),
        "b": lambda xp, g, a, left, right, shapes: _sums(
            xp, _by_key(xp, g, left, right, shapes[1][-2]), a, right, left
        ),
    },
    tangents="product",
    shape=_scores_shape,
    latex=lambda a, b, left, right: Formula(
        rf"\operatorname{{band}}_{{{_reach_latex(left, right)}}}"
        rf"\left({a.at(PRODUCT)} {b.at(POWER)}^{{\top}}\right)"
    ),
    cost=lambda shape, a, b, **reach: Cost(multiply_adds=product(shape) * a[-1]),
    pairs=_scores_pairs,
    expects="queries (..., n, k) and keys (..., m, k)",
    broadcasts=True,
    hazard=SUMS,
)


def _sum_shape(a: Shape, b: Shape, *, left: Size, right: Size) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != left + right + 1:
        raise ShapeError(f"a band from {left} before to {right} behind is {left + right + 1} wide")
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


# The sum of the values in each query's band, weighted by its entries: the banded matrix times the values.
banded_sum = Primitive(
    "banded_sum",
    forward=lambda xp, a, b, *, left, right: _sums(xp, a, b, left, right),
    gradients={
        "a": lambda xp, g, b, left, right: _products(xp, g, b, left, right),
        "b": lambda xp, g, a, left, right, shapes: _sums(
            xp, _by_key(xp, a, left, right, shapes[1][-2]), g, right, left
        ),
    },
    tangents="product",
    shape=_sum_shape,
    latex=lambda a, b, left, right: Formula(
        rf"\operatorname{{band}}_{{{_reach_latex(left, right)}}}^{{-1}}\left({a.text}\right) {b.at(PRODUCT)}",
        PRODUCT,
    ),
    cost=lambda shape, a, b, **reach: Cost(multiply_adds=product(shape) * a[-1]),
    expects="a band (..., n, width) and values (..., m, k)",
    broadcasts=True,
    hazard=SUMS,
)


def _band_mask(xp: Arithmetic, *, queries: int, keys: int, left: int, right: int, key_first: bool) -> Array:
    inside = _inside(queries, keys, left, right)
    return inside.T if key_first else inside


# True where a band's entry stands for a key that there is.
band_mask = Primitive(
    "band_mask",
    forward=_band_mask,
    shape=lambda queries, keys, left, right, key_first: (
        (left + right + 1, queries) if key_first else (queries, left + right + 1)
    ),
    latex=lambda queries, keys, left, right, key_first: Formula(r"\left[\text{key exists}\right]"),
    cost=no_cost,
    kind="boolean",
    expects="no operands",
    convention={
        "band": "entry j of query i is for key i - left + j; where there is no such key scores are 0,"
        " masked_scores -Infinity and weights 0; in formulas band^-1 fills up with zeros to all pairs"
    },
)


def _places(shape: tuple[int, ...], queries: int, keys: int, left: int, right: int) -> tuple[Array, Array]:
    """Row and column, in a matrix that broadcasts to all pairs, of each entry of the band."""
    rows = np.arange(queries)[:, None]
    columns = np.clip(rows + np.arange(-left, right + 1), 0, keys - 1)
    return (rows if shape[-2] > 1 else rows * 0), (columns if shape[-1] > 1 else columns * 0)


def _cut(
    xp: Arithmetic, a: Array, *, queries: int, keys: int, left: int, right: int, key_first: bool
) -> Array:
    pairs = a.swapaxes(-1, -2) if key_first else a
    rows, columns = _places(pairs.shape, queries, keys, left, right)
    band: Array = pairs[..., rows, columns]  # a copy
    nothing = np.zeros((), dtype=bool) if band.dtype == np.bool_ else xp.zeros(())
    band[..., ~_inside(queries, keys, left, right)] = nothing
    return band.swapaxes(-1, -2) if key_first else band


def _cut_gradient(
    xp: Arithmetic, g: Array, queries: int, keys: int, left: int, right: int, key_first: bool,
    shapes: list[tuple[int, ...]],
) -> Array:  # fmt: skip
    result = xp.zeros(shapes[0])
    pairs, band = (result.swapaxes(-1, -2), g.swapaxes(-1, -2)) if key_first else (result, g)
    rows, columns = _places(pairs.shape, queries, keys, left, right)
    for offset in range(left + right + 1):
        first, last = _reach(offset - left, queries, keys)
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
    width = left + right + 1
    for size, whole in zip(a[-2:], (keys, queries) if key_first else (queries, keys), strict=True):
        if isinstance(size, int) and isinstance(whole, int) and size not in (1, whole):
            raise ShapeError(f"an axis of {size} is not over {whole}")
    return (*a[:-2], width, queries) if key_first else (*a[:-2], queries, width)


# The band of a matrix over all pairs, or of one that broadcasts to it. 0, or false, where there is no key.
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
    kind="same",
    expects="a matrix over queries and keys, or one that broadcasts to it",
)
