"""Receptive fields: the entries of an image that each value depends on, from shapes alone.

Along each axis of the image, entry i of a value depends on `size` entries, from `start + stride i` on. Fields
of branches that meet are united, to the smallest window that contains both. Entries of the padding count, so
that `start` may be negative; windows with gaps count from their first entry to their last.
"""

from typing import NamedTuple, TypeAlias

from compute.dimensions import Size, is_at_least, larger, smaller
from compute.graph.axis_windows import AxisWindow, Reads, read_aligned
from compute.graph.graph import Graph, Value


class Field(NamedTuple):
    """The entries of the image along one of its axes.

    axis: the axis of the value that has the index i, counted from the last; None if all entries of the value
        depend on the same window.
    everything: whether the window is the whole axis.
    """

    size: Size = 1
    stride: Size = 1
    start: Size = 0
    axis: int | None = None
    everything: bool = False


Fields: TypeAlias = tuple[Field, ...]


class ReceptiveFields(NamedTuple):
    """The receptive fields of all values that depend on an image.

    axes: the axes of the image that windows slide over, or all if there are none, counted from 0.
    fields: for each value by its index, the field along each axis of the image.
    """

    axes: list[int]
    fields: dict[int, Fields]


def find_receptive_fields(graph: Graph, image: Value) -> ReceptiveFields:
    """Return the receptive field of every value that depends on the image.

    The statistics of batch normalization are constants, as in inference.
    """
    own = tuple(Field(axis=axis - image.rank) for axis in range(image.rank))
    fields: dict[int, Fields] = {image.index: own}
    slid: set[int] = set()
    for value in graph.values:
        if value.applied is None:
            continue
        found: Fields | None = None
        for place, operand in enumerate(value.inputs):
            if operand.index in fields and (reads := _reads(graph, value, place)) is not None:
                through = _read(fields[operand.index], operand, reads, image, slid)
                found = through if found is None else _unite(found, through, value, image)
        if found is not None:
            fields[value.index] = tuple(
                _without_index(field, value, size) for field, size in zip(found, image.shape, strict=True)
            )
    return ReceptiveFields(sorted(slid) or list(range(image.rank)), fields)


def _reads(graph: Graph, value: Value, place: int) -> Reads | None:
    """Return the entries of an operand that a value reads; None if it takes them as constants."""
    assert value.applied is not None
    operand = value.inputs[place]
    if value.index not in graph.batch_statistics:
        return value.applied.reads(place)
    return read_aligned(value.shape, operand.shape) if value.shape == operand.shape else None


def _read(fields: Fields, operand: Value, reads: Reads, image: Value, slid: set[int]) -> Fields:
    """Return the fields of a value that reads an operand. slid: collects axes that windows slide over."""
    result = []
    for at, field in enumerate(fields):
        window = None if field.axis is None else reads[operand.rank + field.axis]
        if field.axis is None:
            result.append(field)
        elif window is None:
            result.append(_check_whole(_spread(field, operand), image.shape[at]))
        else:
            if window.slides:
                slid.add(at)
            result.append(_compose(field, window))
    return tuple(result)


def _compose(field: Field, window: AxisWindow) -> Field:
    """Return the field of a window of entries that have a field each."""
    reach, start = field.stride * (window.size - 1), field.start + field.stride * window.start
    if is_at_least(-1, field.stride):  # the axis is reversed
        start, reach = start + reach, -reach
    return Field(field.size + reach, field.stride * window.stride, start, window.axis)


def _check_whole(field: Field, size: Size) -> Field:
    """Return everything for the field of a whole axis of a value, unless it certainly leaves some out."""
    return field if _covers(field, size) is False else Field(size, 0, 0, None, everything=True)


def _without_index(field: Field, value: Value, size: Size) -> Field:
    """Return the field of a value with a single entry along the axis as one that has no index."""
    if field.axis is not None:
        if value.shape[value.rank + field.axis] != 1:
            return field
        field = field._replace(stride=0, axis=None)
    return Field(size, 0, 0, None, everything=True) if _covers(field, size) else field


def _covers(field: Field, size: Size) -> bool | None:
    """Return whether a field holds a whole axis of the image; None if that depends on dimension names."""
    begins, ends = is_at_least(0, field.start), is_at_least(field.start + field.size, size)
    if begins is False or ends is False:
        return False
    return None if begins is None or ends is None else True


def _unite(ones: Fields, others: Fields, value: Value, image: Value) -> Fields:
    """Return the smallest fields that contain both."""
    return tuple(
        _unite_axis(one, other, value, image.shape[at])
        for at, (one, other) in enumerate(zip(ones, others, strict=True))
    )


def _unite_axis(one: Field, other: Field, value: Value, size: Size) -> Field:
    if one == other or one.everything:
        return one
    if other.everything:
        return other
    if (one.axis, one.stride) != (other.axis, other.stride):
        return _check_whole(_unite_axis(_spread(one, value), _spread(other, value), value, size), size)
    start = smaller(one.start, other.start)
    stop = larger(one.start + one.size, other.start + other.size)
    return one._replace(start=start, size=stop - start)


def _spread(field: Field, value: Value) -> Field:
    """Return the field of all entries of a value together."""
    if field.axis is None:
        return field._replace(stride=0)
    return _compose(field, AxisWindow(None, value.shape[value.rank + field.axis], 0, 0))
