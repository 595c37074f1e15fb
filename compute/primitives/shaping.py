"""Primitives that slice, index, reshape and broadcast arrays."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, at_least, broadcast, product, show
from compute.graph.axis_windows import reshaped_reads, row_reads, sliced_reads
from compute.graph.primitive import Primitive, no_cost
from compute.latex import Formula, written_items


def _range_size(what: str, size: Size, start: Size, stop: Size) -> Size:
    """Return the size of a slice start:stop of an axis. Raises ShapeError if it is empty or out of range."""
    if (
        isinstance(size, int)
        and isinstance(start, int)
        and isinstance(stop, int)
        and not 0 <= start < stop <= size
    ):
        raise ShapeError(f"the slice {start}:{stop} of {size} {what} is empty or out of range")
    return stop - start


def _rows_shape(a: Shape, *, start: int, stop: Size) -> Shape:
    at_least(2, a)
    return (*a[:-2], _range_size("rows", a[-2], start, stop), a[-1])


def _rows_gradient(xp: Arithmetic, g: Array, start: int, stop: int, shapes: list[tuple[int, ...]]) -> Array:
    result = xp.zeros(shapes[0])
    result[..., start:stop, :] = g
    return result


rows = Primitive(
    "rows",
    forward=lambda xp, a, *, start, stop: a[..., start:stop, :],
    gradients={"a": _rows_gradient},
    tangents="linear",
    moments="moved",
    shape=_rows_shape,
    latex=lambda a, start, stop: Formula(a.scripted("_", f"{start}:{stop}")),
    cost=no_cost,
    kind="same",
    reads=lambda place, shape, a, start, stop: row_reads(shape, a, -2, (start, None, 1)),
    expects="at least two axes",
    propagates_nonfinite_gradient=True,
    meaning="The rows start:stop.",
)


def _columns_shape(a: Shape, *, start: Size, stop: Size) -> Shape:
    at_least(1, a)
    return (*a[:-1], _range_size("columns", a[-1], start, stop))


def _columns_gradient(
    xp: Arithmetic, g: Array, start: int, stop: int, shapes: list[tuple[int, ...]]
) -> Array:
    result = xp.zeros(shapes[0])
    result[..., start:stop] = g
    return result


columns = Primitive(
    "columns",
    forward=lambda xp, a, *, start, stop: a[..., start:stop],
    gradients={"a": _columns_gradient},
    tangents="linear",
    moments="moved",
    shape=_columns_shape,
    latex=lambda a, start, stop: Formula(a.scripted("_", f":,{start}:{stop}")),
    cost=no_cost,
    kind="same",
    reads=lambda place, shape, a, start, stop: row_reads(shape, a, -1, (start, None, 1)),
    expects="enough columns",
    propagates_nonfinite_gradient=True,
    meaning="The entries start:stop along the last axis.",
)


def _matrix_shape(a: Shape) -> Shape:
    at_least(2, a)
    return a


def _reshape_shape(a: Shape, *, to: Shape) -> Shape:
    before, after = product(a), product(to)
    if isinstance(before, int) and isinstance(after, int) and before != after:
        raise ShapeError(f"{show(a)} has {before} entries, but {show(to)} has {after} entries")
    return to


# The entries in another shape, in row-major order.
reshape = Primitive(
    "reshape",
    forward=lambda xp, a, *, to: a.reshape(to),
    gradients={"a": lambda xp, g, shapes: g.reshape(shapes[0])},
    tangents="linear",
    moments="moved",
    shape=_reshape_shape,
    latex=lambda a, to: a,
    cost=no_cost,
    kind="same",
    reads=reshaped_reads,
    expects="as many entries as the shape has",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _symbolic_part(item: Any, size: Size) -> list[Size]:
    """Return the axes of a part of an axis of symbolic size, which is taken to be large enough."""
    if isinstance(item, int):
        return []
    start, stop, step = item
    if step == -1 and start is None and stop is None:
        return [size]
    if step not in (None, 1):
        raise ShapeError(f"an axis of symbolic size {size} cannot be sliced in steps")
    ends = [size + end if end < 0 else end for end in (start or 0, 0 if stop is None else stop)]
    return [(size if stop is None else ends[1]) - ends[0]]


def _part_shape(a: Shape, *, items: tuple[Any, ...]) -> Shape:
    if len(items) > len(a):
        raise ShapeError(f"{show(a)} has fewer than {len(items)} axes")
    result: list[Size] = []
    for item, size in zip(items, a, strict=False):
        if not isinstance(size, int):
            result += _symbolic_part(item, size)
            continue
        if isinstance(item, int):
            if not -size <= item < size:
                raise ShapeError(f"index {item} is out of range for an axis of {size}")
        else:
            result.append(len(range(size)[slice(*item)]))
            if result[-1] == 0:
                raise ShapeError(f"the slice of an axis of {size} is empty")
    return (*result, *a[len(items) :])


def _index_of(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item if isinstance(item, int) else slice(*item) for item in items)


def _part_gradient(xp: Arithmetic, g: Array, items: Any, shapes: list[tuple[int, ...]]) -> Array:
    result = xp.zeros(shapes[0])
    result[(*_index_of(items), ...)] = g
    return result


def _part_latex(a: Formula, items: tuple[Any, ...]) -> Formula:
    return Formula(a.scripted("_", written_items(items)))


# Basic indexing along the first axes. items: indices, and slices as (start, stop, step).
part = Primitive(
    "part",
    forward=lambda xp, a, *, items: a[(*_index_of(items), ...)],  # the dots keep a single entry an array
    gradients={"a": _part_gradient},
    tangents="linear",
    moments="moved",
    shape=_part_shape,
    latex=_part_latex,
    cost=no_cost,
    kind="same",
    reads=lambda place, shape, a, items: sliced_reads(shape, a, items),
    expects="an axis for each index",
)

# The last two axes reversed.
flip = Primitive(
    "flip",
    forward=lambda xp, a: a[..., ::-1, ::-1],
    gradients={"a": lambda xp, g: g[..., ::-1, ::-1]},
    tangents="linear",
    moments="moved",
    shape=_matrix_shape,
    latex=lambda a: Formula(rf"\operatorname{{flip}}\left({a.text}\right)"),
    cost=no_cost,
    expects="at least two axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _broadcast_to_shape(a: Shape, *, to: Shape) -> Shape:
    if all(isinstance(size, int) for size in (*a, *to)) and broadcast(a, to) != to:
        raise ShapeError(f"{show(a)} does not broadcast to {show(to)}")
    return to


# The array broadcast to a shape.
broadcast_to = Primitive(
    "broadcast_to",
    forward=lambda xp, a, *, to: np.broadcast_to(a, to),
    gradients={"a": lambda xp, g: g},
    tangents="linear",
    moments="moved",
    shape=_broadcast_to_shape,
    latex=lambda a, to: a,
    cost=no_cost,
    kind="same",
    expects="a shape that broadcasts to the new one",
    broadcasts=True,
    propagates_nonfinite_gradient=True,
)
