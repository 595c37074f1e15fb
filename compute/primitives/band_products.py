"""The arithmetic of bands of query-key pairs: dot products, weighted sums, and how many pairs there are.

A band holds an entry (i, j) for query i and key i - left + j, with j from 0 to left + right. Where there is
no such key the entry stands for nothing: scores are 0 there, and sums pass it over. Queries are taken block
by block, each with one dense product that covers its part of the band. left or right may be negative, of a
band that does not hold the key at the query's own place.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Size, divide
from compute.graph.work import CALL, ENTRY, MATRIX

SMALLEST_BLOCK, LARGEST_BLOCK = 16, 256


def _block(width: int, queries: int) -> int:
    """Return the number of queries that share a product: about the width of the band wastes least."""
    return min(max(SMALLEST_BLOCK, min(width, LARGEST_BLOCK)), queries)


def band_room(batch: int, queries: int, width: int) -> int:
    """How many numbers the dense products have that cover a band."""
    block = _block(width, queries)
    return batch * -(-queries // block) * block * (block + width - 1)


def band_work(batch: int, queries: int, keys: int, width: int, inner: int) -> int:
    """The work of the products of a band, also where entries that are not finite are taken out one by one."""
    blocks = -(-queries // _block(width, queries))
    turns = 6 * CALL * min(width, queries + keys) + MATRIX * batch * blocks
    return turns + band_room(batch, queries, width) * (inner + ENTRY)


def _padded(xp: Arithmetic, a: Array, before: int, rows: int) -> Array:
    """The rows of `a` behind `before` rows of zeros, cut or filled up to so many rows.

    before: where it is negative, so many of the first rows are left out.
    """
    if before < 0:  # a band that begins behind the first row
        a, before = a[..., -before:, :], 0
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


def band_products(xp: Arithmetic, a: Array, b: Array, left: int, right: int) -> Array:
    """The dot products of each row of `a` with the rows of `b` in its band."""
    queries, width = a.shape[-2], left + right + 1
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _padded(xp, a, 0, blocks * block).reshape(*a.shape[:-2], blocks, block, a.shape[-1])
    reached = _windows(xp, b, left, block, blocks, length)
    band = _diagonals(xp.matmul(rows, reached.swapaxes(-1, -2)), width)
    result = band.reshape(*band.shape[:-3], blocks * block, width)[..., :queries, :]
    if not xp.is_finite(result):  # zeros stand where there is no key, and infinity times 0 is none
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
    """The sums of the rows of `values` in each band, weighted by its entries.

    skipped: which entries of the band take nothing, all of them 0; asked only where values are not finite.
    """
    queries, width = band.shape[-2:]
    if not xp.is_finite(values):
        return _sums_by_offset(xp, band, values, left, None if skipped is None else skipped())
    block = _block(width, queries)
    blocks, length = -(-queries // block), block + width - 1
    rows = _padded(xp, band, 0, blocks * block).reshape(*band.shape[:-2], blocks, block, width)
    dense = xp.zeros((*rows.shape[:-1], length))
    _diagonals(dense, width)[...] = rows
    result = xp.matmul(dense, _windows(xp, values, left, block, blocks, length))
    return result.reshape(*result.shape[:-3], blocks * block, values.shape[-1])[..., :queries, :]


def _sums_by_offset(xp: Arithmetic, band: Array, values: Array, left: int, skipped: Array | None) -> Array:
    """The same without zeros beside the band, which would turn an infinite value into NaN."""
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
    """The queries i, from first to before last, for which there is a key i + offset."""
    return max(0, -offset), min(queries, keys - offset)


def band_by_key(xp: Arithmetic, band: Array, left: int, right: int, keys: int) -> Array:
    """The band read from the keys: `right` queries before each key to `left` behind it."""
    width = left + right + 1
    rows = _padded(xp, band, right, keys + width - 1)
    *outer, down, across = rows.strides
    view = as_strided(rows[..., width - 1 :], (*rows.shape[:-2], keys, width), (*outer, down, down - across))
    return np.ascontiguousarray(view)


def inside_band(queries: int, keys: int, left: int, right: int) -> Array:
    """Return the entries of a band that stand for an existing key."""
    key = np.arange(queries)[:, None] + np.arange(-left, right + 1)
    inside: Array = (key >= 0) & (key < keys)
    return inside


def within(queries: Size, keys: Size, left: Size, right: Size) -> Size | None:
    """Return the number of query-key pairs in a band, with its boundaries cut off.

    In letters it is known where there are as many keys as queries, for a band that is no longer than
    they are; otherwise None.
    """
    if (
        isinstance(queries, int)
        and isinstance(keys, int)
        and isinstance(left, int)
        and isinstance(right, int)
    ):
        return _reached(queries, keys, right) - _reached(queries, keys, -left - 1)
    if queries != keys:
        return None
    beyond = divide(left * (left + 1) + right * (right + 1), 2)
    return queries * (left + right + 1) - beyond


def _reached(queries: int, keys: int, ahead: int) -> int:
    """Return the number of pairs of a query and a key at most so many steps ahead of it."""

    def up_to(reach: int) -> int:
        """min(1, keys) + ... + min(reach, keys)."""
        first = min(max(reach, 0), keys)
        return first * (first + 1) // 2 + max(reach - keys, 0) * keys

    return up_to(ahead + queries) - up_to(ahead)
