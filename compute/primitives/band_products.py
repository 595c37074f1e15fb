"""The arithmetic of bands of query-key pairs: dot products, weighted sums, and the number of pairs.

A band holds an entry (i, j) for query i and key i - left + j, with j from 0 to left + right. If there is no
such key, the score is 0 and sums skip the entry. Queries are processed in blocks, each with one dense product
that covers its part of the band. left or right may be negative: the band then excludes the key at the query's
own position.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Size, divide
from compute.graph.work import CALL, ENTRY, MATRIX

SMALLEST_BLOCK, LARGEST_BLOCK = 16, 256


def _block(width: int, queries: int) -> int:
    """Return the number of queries per dense product. About the width of the band wastes least."""
    return min(max(SMALLEST_BLOCK, min(width, LARGEST_BLOCK)), queries)


def dense_band_size(batch: int, queries: int, width: int) -> int:
    """Return the number of entries of the dense products that cover a band."""
    block = _block(width, queries)
    return batch * -(-queries // block) * block * (block + width - 1)


def band_work(batch: int, queries: int, keys: int, width: int, inner: int) -> int:
    """Return the work of a band's products, including the slow path for entries that are not finite."""
    blocks = -(-queries // _block(width, queries))
    overhead = 6 * CALL * min(width, queries + keys) + MATRIX * batch * blocks
    return overhead + dense_band_size(batch, queries, width) * (inner + ENTRY)


def _pad_rows(xp: Arithmetic, a: Array, before: int, rows: int) -> Array:
    """Return `a` with `before` rows of zeros in front, cut or zero-padded to `rows` rows.

    If `before` is negative, that many of the first rows are dropped instead.
    """
    if before < 0:  # the band begins after the first row
        a, before = a[..., -before:, :], 0
    kept = min(a.shape[-2], rows - before)
    if before == 0 and kept == rows:
        return a[..., :kept, :]
    result = xp.zeros((*a.shape[:-2], rows, a.shape[-1]))
    if kept > 0:
        result[..., before : before + kept, :] = a[..., :kept, :]
    return result


def _windows(xp: Arithmetic, a: Array, left: int, block: int, blocks: int, length: int) -> Array:
    """Return the keys that the band of each block of queries reaches, as overlapping views."""
    rows = _pad_rows(xp, a, left, (blocks - 1) * block + length)
    *outer, down, across = rows.strides
    shape = (*rows.shape[:-2], blocks, length, rows.shape[-1])
    return as_strided(rows, shape, (*outer, block * down, down, across), writeable=False)


def _diagonals(dense: Array, width: int) -> Array:
    """Return the band inside each dense block as a view: row i starts at column i."""
    *outer, down, across = dense.strides
    return as_strided(dense, (*dense.shape[:-1], width), (*outer, down + across, across))


def band_products(xp: Arithmetic, a: Array, b: Array, left: int, right: int) -> Array:
    """Return the dot products of each row of `a` with the rows of `b` in its band."""
    queries, width = a.shape[-2], left + right + 1
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _pad_rows(xp, a, 0, blocks * block).reshape(*a.shape[:-2], blocks, block, a.shape[-1])
    reached = _windows(xp, b, left, block, blocks, length)
    band = _diagonals(xp.matmul(rows, reached.swapaxes(-1, -2)), width)
    result = band.reshape(*band.shape[:-3], blocks * block, width)[..., :queries, :]
    if not xp.is_finite(result):  # entries without a key must be 0, but infinity times a zero row is NaN
        result = xp.where(inside_band(queries, b.shape[-2], left, right), result, 0)
    return result


def band_sums(
    xp: Arithmetic,
    band: Array,
    values: Array,
    left: int,
    right: int,
    skipped: Callable[[], Array] | None = None,
) -> Array:
    """Return the sums of the rows of `values` in each band, weighted by its entries.

    skipped: returns which entries of the band, all of them 0, take no value at all. Called only if a value is
    not finite.
    """
    queries, width = band.shape[-2:]
    if not xp.is_finite(values):
        return _sums_by_offset(xp, band, values, left, None if skipped is None else skipped())
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _pad_rows(xp, band, 0, blocks * block).reshape(*band.shape[:-2], blocks, block, width)
    dense = xp.zeros((*rows.shape[:-1], length))
    _diagonals(dense, width)[...] = rows
    result = xp.matmul(dense, _windows(xp, values, left, block, blocks, length))
    return result.reshape(*result.shape[:-3], blocks * block, values.shape[-1])[..., :queries, :]


def _sums_by_offset(xp: Arithmetic, band: Array, values: Array, left: int, skipped: Array | None) -> Array:
    """Return the sums without zeros outside the band, which would turn an infinite value into NaN."""
    queries, width = band.shape[-2:]
    keys, columns = values.shape[-2:]
    result = xp.zeros((*np.broadcast_shapes(band.shape[:-2], values.shape[:-2]), queries, columns))
    for offset in range(width):
        first, last = offset_range(offset - left, queries, keys)
        if first < last:
            reached = values[..., first + offset - left : last + offset - left, :]
            if skipped is not None:
                reached = xp.where(skipped[..., first:last, offset, None], xp.zeros(()), reached)
            part = xp.multiply(band[..., first:last, offset : offset + 1], reached)
            result[..., first:last, :] = xp.add(result[..., first:last, :], part)
    return result


def offset_range(offset: int, queries: int, keys: int) -> tuple[int, int]:
    """Return the range [first, last) of queries i for which a key i + offset exists."""
    return max(0, -offset), min(queries, keys - offset)


def band_by_key(xp: Arithmetic, band: Array, left: int, right: int, keys: int) -> Array:
    """Return the band by key: for each key the entries of `right` queries before it to `left` after it."""
    width = left + right + 1
    rows = _pad_rows(xp, band, right, keys + width - 1)
    *outer, down, across = rows.strides
    view = as_strided(rows[..., width - 1 :], (*rows.shape[:-2], keys, width), (*outer, down, down - across))
    return np.ascontiguousarray(view)


def inside_band(queries: int, keys: int, left: int, right: int) -> Array:
    """Return which entries of a band belong to an existing key."""
    key = np.arange(queries)[:, None] + np.arange(-left, right + 1)
    inside: Array = (key >= 0) & (key < keys)
    return inside


def pairs_within(queries: Size, keys: Size, left: Size, right: Size) -> Size | None:
    """Return the number of existing query-key pairs in a band.

    For symbolic sizes it is known only if there are as many keys as queries, and assumes that the band is not
    wider; otherwise None.
    """
    if (
        isinstance(queries, int)
        and isinstance(keys, int)
        and isinstance(left, int)
        and isinstance(right, int)
    ):
        return _pairs_up_to(queries, keys, right) - _pairs_up_to(queries, keys, -left - 1)
    if queries != keys:
        return None
    beyond = divide(left * (left + 1) + right * (right + 1), 2)
    return queries * (left + right + 1) - beyond


def _pairs_up_to(queries: int, keys: int, ahead: int) -> int:
    """Return the number of pairs of a query and a key at most `ahead` positions after it."""

    def up_to(reach: int) -> int:
        """Return min(1, keys) + ... + min(reach, keys)."""
        first = min(max(reach, 0), keys)
        return first * (first + 1) // 2 + max(reach - keys, 0) * keys

    return up_to(ahead + queries) - up_to(ahead)
