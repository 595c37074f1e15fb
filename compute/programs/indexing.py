"""Indices in brackets with NumPy's meaning: numbers, slices, new axes, dots, and lists of indices."""

from collections.abc import Sequence
from typing import Any

from compute.dimensions import ShapeError, product
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_literal, add_size
from compute.programs.library.selection import take_at

FULL = (None, None, None)


def index_value(a: Value, items: Sequence[Any]) -> Value:
    """Return the part of a value that indices select.

    items: numbers, slices as (start, stop, step), None for a new axis, ... for all axes between, and values
        that hold indices.
    Raises ShapeError for indices that do not fit the shape.
    """
    used = sum(item is not None and item is not ... for item in items)
    if sum(item is ... for item in items) > 1:
        raise ShapeError("an index has ... at most once")
    if used > a.rank:
        raise ShapeError(f"there are {used} indices for {a.rank} axes")
    spread: list[Any] = []
    for item in items:
        spread += [FULL] * (a.rank - used) if item is ... else [item]
    basic = [item for item in spread if item is not None]
    if any(isinstance(item, Value) for item in basic):
        for at, item in enumerate(spread):
            if item is None:
                a = apply("expand_dims", a, axis=at - a.rank - 1)
        return _take_arrays(a, [FULL if item is None else item for item in spread])
    found = _take_part(a, basic)
    for at, item in enumerate(kept for kept in spread if not isinstance(kept, int)):
        if item is None:
            found = apply("expand_dims", found, axis=at - found.rank - 1)
    return found


def _take_part(a: Value, items: list[Any]) -> Value:
    """Return the part at numbers and slices; the value itself if they leave nothing out."""
    return apply("part", a, items=tuple(items)) if any(item != FULL for item in items) else a


def _take_arrays(a: Value, items: list[Any]) -> Value:
    """Return the entries at lists of indices; numbers beside them count as such lists.

    The axes of lists that do not stand side by side come first, as in NumPy.
    """
    indexed = [at for at, item in enumerate(items) if isinstance(item, Value | int)]
    for at in indexed:
        if isinstance(items[at], Value) and items[at].kind == "boolean":
            raise ShapeError(
                "a mask selects a number of entries that depends on its values; use where(mask, a, 0)"
            )
    a = _take_part(a, [FULL if at in indexed else item for at, item in enumerate(items)])
    first, last = indexed[0], indexed[-1]
    if len(indexed) == 1:
        return take_at(a, items[first], first - a.rank)
    if len(indexed) != last - first + 1:
        a = apply("permute", a, axes=(*indexed, *(at for at in range(a.rank) if at not in indexed)))
        first, last = 0, len(indexed) - 1
    sizes = a.shape[first : last + 1]
    flat = _flat_index([items[at] for at in indexed], a, first)
    joined = apply("reshape", a, to=(*a.shape[:first], product(sizes), *a.shape[last + 1 :]))
    return take_at(joined, flat, first - joined.rank)


def _flat_index(indices: list[Any], a: Value, first: int) -> Value:
    """Return the index into the joined axes, row by row."""
    total: Value | None = None
    for at, index in enumerate(indices):
        size = a.shape[first + at]
        given = add_literal(a.graph, index) if isinstance(index, int) else index
        numbers = apply("index_numbers", given, size=size)
        if total is not None:
            numbers = total * add_size(a.graph, size) + numbers
        total = numbers
    assert total is not None
    return total
