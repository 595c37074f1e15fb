"""The entries of an operand that one entry of a result reads, axis by axis.

Primitives declare them as `reads`: a rule (place, shape, *shapes, **attributes) that returns an
`AxisWindow` for each axis of the operand at that place, or None for an axis that is read as a whole. Axes of
the result are counted from the last, -1. A rule may name more entries than are read, never fewer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from compute.dimensions import Shape, Size, product


class AxisWindow(NamedTuple):
    """The entries start + stride i to start + stride i + size - 1 along one axis of an operand.

    axis: the axis of the result that has the index i; None if the same entries are read for every index.
    slides: whether it is a window of a convolution, a pooling or local attention.
    """

    axis: int | None
    size: Size = 1
    stride: Size = 1
    start: Size = 0
    slides: bool = False


Reads: TypeAlias = tuple[AxisWindow | None, ...]
FIRST = AxisWindow(None, 1, 0, 0)  # of an axis of size 1, which has no other entry


def read_all(operand: Shape) -> Reads:
    """Return that every entry is read."""
    return (None,) * len(operand)


def read_aligned(shape: Shape, operand: Shape) -> Reads:
    """Return that entries with the same indices are read, after broadcasting."""
    first, rank = len(shape) - len(operand), len(operand)
    return tuple(
        FIRST if operand[at] == 1 != shape[first + at] else AxisWindow(at - rank) for at in range(rank)
    )


def elementwise_reads(place: int, shape: Shape, *shapes: Shape, **attributes: Any) -> Reads:
    """Return the reads of a primitive that works entry by entry."""
    return read_aligned(shape, shapes[place])


def reductions_reads(place: int, shape: Shape, operand: Shape, *, axis: int, **attributes: Any) -> Reads:
    """Return the reads of a primitive along one axis, which the result may keep or lack."""
    return reduced_reads(shape, operand, (axis,))


def reduced_reads(shape: Shape, operand: Shape, axes: Sequence[int]) -> Reads:
    """Return that these axes are read as a whole, and others at the same index.

    axes: counted from the last axis of the operand. The result has all of them or none.
    """
    rank = len(operand)
    kept = [at - rank for at in range(rank) if len(shape) == rank or at - rank not in axes]
    of_result = {axis: at - len(kept) for at, axis in enumerate(kept)}
    return tuple(None if at - rank in axes else AxisWindow(of_result[at - rank]) for at in range(rank))


def product_reads(place: int, shape: Shape, *shapes: Shape, **attributes: Any) -> Reads:
    """Return the reads of a matrix product over the last two axes. Further operands are read as a whole."""
    if place > 1:
        return read_all(shapes[place])
    operand, inner = shapes[place], -2 if place else -1
    aligned = read_aligned((*shape[:-2], *operand[-2:]), operand)
    return tuple(None if at - len(operand) == inner else window for at, window in enumerate(aligned))


def project_reads(place: int, shape: Shape, *shapes: Shape) -> Reads:
    """Return the reads of vectors along the last axis times a matrix."""
    return read_all(shapes[1]) if place else (*read_aligned(shape, shapes[0])[:-1], None)


def sliding_reads(layout: Any, window: Sequence[Size], operand: Shape) -> Reads:
    """Return the reads of windows over the last two axes, each with all others at the same index."""
    others = read_aligned(operand, operand)[:-2]
    slid = (
        AxisWindow(
            axis - 2, layout.dilation[axis] * (window[axis] - 1) + 1, layout.stride[axis],
            -layout.padding[axis][0], slides=True,
        )
        for axis in (0, 1)
    )  # fmt: skip
    return (*others, *slid)


def pooling_reads(
    place: int, shape: Shape, operand: Shape, *, layout: Any, window: Any, **attributes: Any
) -> Reads:
    """Return the reads of a pooling."""
    return sliding_reads(layout, window, operand)


def reshaped_reads(place: int, shape: Shape, operand: Shape, **attributes: Any) -> Reads:
    """Return the reads of a reshape: axes that are merged or split are read as a whole."""
    before, after = ([at for at, size in enumerate(sizes) if size != 1] for sizes in (operand, shape))
    ends = {product(shape[at] for at in after[: end + 1]): end for end in range(len(after))}
    groups, begun, first = dict[int, int](), 0, 0
    for end in range(len(before)):
        reached = ends.get(product(operand[at] for at in before[: end + 1]))
        if reached is not None:
            if end == begun and reached == first:
                groups[before[end]] = after[reached] - len(shape)
            begun, first = end + 1, reached + 1
    return tuple(
        AxisWindow(groups[at]) if at in groups else FIRST if size == 1 else None
        for at, size in enumerate(operand)
    )


def sliced_reads(shape: Shape, operand: Shape, items: Sequence[Any]) -> Reads:
    """Return the reads of an index or a slice (start, stop, step) for each of the first axes."""
    windows: list[AxisWindow | None] = []
    at = -len(shape)
    for axis, size in enumerate(operand):
        item = items[axis] if axis < len(items) else (None, None, None)
        if isinstance(item, int):
            windows.append(AxisWindow(None, 1, 0, item + size if item < 0 else item))
            continue
        start, _, step = (*item, None)[:3]
        if isinstance(size, int):
            start, _, step = slice(*item).indices(size)
        windows.append(AxisWindow(at, 1, 1 if step is None else step, start or 0))
        at += 1
    return tuple(windows)


def row_reads(shape: Shape, operand: Shape, axis: int, item: Any) -> Reads:
    """Return the reads of an index or a slice along one axis, counted from the last."""
    items: list[Any] = [(None, None, None)] * (len(operand) + axis)
    return sliced_reads(shape, operand, [*items, item])


def transposed_reads(place: int, shape: Shape, operand: Shape) -> Reads:
    """Return the reads of the last two axes exchanged."""
    return (*read_aligned(operand, operand)[:-2], AxisWindow(-1), AxisWindow(-2))


def expanded_reads(place: int, shape: Shape, operand: Shape, *, axis: int) -> Reads:
    """Return the reads of a result that has one axis more."""
    rank = len(shape)
    return tuple(AxisWindow(at - rank) for at in range(rank) if at - rank != axis)


def joined_reads(place: int, shape: Shape, *shapes: Shape, axis: int) -> Reads:
    """Return the reads of values concatenated along an axis, which is read as a whole."""
    operand = shapes[place]
    return tuple(
        None if at - len(operand) == axis else window
        for at, window in enumerate(read_aligned(operand, operand))
    )
