"""Rules of several steps on large arrays, block by block.

Temporaries of a block stay in the processor's cache and need no new memory, which on large arrays costs more
than the arithmetic.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from compute.arithmetic.namespace import Array

BLOCK = 16_384  # entries of a block
ROWS = 65_536  # the same for rules along an axis, which have fewer temporaries
Rule: TypeAlias = Callable[..., Array]


def entrywise(rule: Rule, *arrays: Array) -> Array:
    """Return `rule(*arrays)` for an elementwise rule on arrays of the same shape."""
    shape, size = arrays[0].shape, arrays[0].size
    if size <= BLOCK:
        return rule(*arrays)
    flat = [one.reshape(-1) for one in arrays]
    first = rule(*(one[:BLOCK] for one in flat))
    result = np.empty(size, dtype=first.dtype)
    result[:BLOCK] = first
    for start in range(BLOCK, size, BLOCK):
        block = slice(start, start + BLOCK)
        result[block] = rule(*(one[block] for one in flat))
    return result.reshape(shape)


def along(rule: Rule, axis: int, *arrays: Array) -> Array:
    """Return `rule(axis, *arrays)` for a rule that works along an axis of arrays of the same shape.

    The axis is counted from the end. It keeps its size, or has size 1 in the result.
    """
    shape = arrays[0].shape
    if math.prod(shape) <= ROWS:
        return rule(axis, *arrays)
    size, inner = shape[axis], math.prod(shape[axis:]) // shape[axis]
    outer = math.prod(shape) // (size * inner)
    sizes = (outer, size) if inner == 1 else (outer, size, inner)
    whole = [one.reshape(sizes) for one in arrays]
    rows = max(1, ROWS // (size * inner))
    columns = min(inner, max(1, ROWS // size))
    result = np.empty(0)
    for top in range(0, outer, rows):
        for left in range(0, inner, columns):
            block = (slice(top, top + rows), slice(None), slice(left, left + columns))[: len(sizes)]
            found = rule(1 - len(sizes), *(one[block] for one in whole))
            if not result.size:
                size = found.shape[1]
                result = np.empty((outer, size, inner)[: len(sizes)], dtype=found.dtype)
            result[block] = found
    shaped = list(shape)
    shaped[axis] = size
    return result.reshape(shaped)
