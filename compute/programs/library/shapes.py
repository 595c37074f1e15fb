"""Functions that arrange entries: shapes, axes, joining, splitting, repeating, padding."""

from itertools import pairwise
from typing import Literal

from compute.arithmetic.expressions import Expression
from compute.dimensions import Polynomial, ShapeError, Size, divide, product, show
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_literal
from compute.operations.framework.declaration import Axes, Constant
from compute.operations.framework.settings import LARGEST
from compute.operations.losses.reductions import flatten as flatten_all
from compute.programs.declaration import Entries, Extents, Several, axes_of, axis_of, function, read_constant

SHAPES = "shapes"


@function(SHAPES, "y = reshape([[1, 2], [3, 4]], (4, -1))", minimum={"shape": -1})
def reshape(a: Entries, shape: Extents) -> Value:
    """The entries in another shape, row by row; one size may be -1, and follows from the others."""
    unknown = [at for at, size in enumerate(shape) if size == -1]
    if len(unknown) > 1 or 0 in shape:
        raise ShapeError("a shape has sizes of at least 1, and at most one -1")
    if unknown:
        known = product(size for size in shape if size != -1)
        shape = tuple(divide(product(a.shape), known) if size == -1 else size for size in shape)
    return apply("reshape", a, to=shape)


@function(SHAPES, "y = flatten([[1, 2], [3, 4]])", minimum={"start": -8})
def flatten(a: Entries, start: int = 0) -> Value:
    """The entries in one row; axes before `start` stay."""
    if start == 0:
        return flatten_all(a)
    at = a.rank + axis_of(start, a)
    return apply("reshape", a, to=(*a.shape[:at], product(a.shape[at:])))


@function(SHAPES, "y = transpose([[[1, 2], [3, 4]]], (0, 2, 1))", minimum={"axes": -8})
def transpose(a: Entries, axes: tuple[int, ...] | None = None) -> Value:
    """The axes in another order; reversed by default. Two numbers swap these axes of a value with more."""
    if axes is None:
        return reverse_axes(a)
    if len(axes) == 2 < a.rank:
        return swapaxes(a, *axes)
    return apply("permute", a, axes=axes)


def reverse_axes(a: Value) -> Value:
    """Reverse all axes of a value."""
    if a.rank < 2:
        return a
    if a.rank == 2:
        return apply("transpose", a)
    return apply("permute", a, axes=tuple(range(-1, -a.rank - 1, -1)))


@function(SHAPES, "y = swapaxes([[1, 2], [3, 4]], 0, 1)")
def swapaxes(a: Entries, first: int, second: int) -> Value:
    """Two axes exchanged."""
    order = [*range(-a.rank, 0)]
    one, other = axis_of(first, a), axis_of(second, a)
    order[one], order[other] = order[other], order[one]
    return apply("permute", a, axes=tuple(order))


@function(SHAPES, "y = moveaxis([[1, 2], [3, 4]], 0, 1)")
def moveaxis(a: Entries, source: int, destination: int) -> Value:
    """One axis moved to another place."""
    order = [*range(-a.rank, 0)]
    order.remove(axis_of(source, a))
    order.insert(axis_of(destination, a) + a.rank, axis_of(source, a))
    return apply("permute", a, axes=tuple(order))


@function(SHAPES, "y = expand_dims([1, 2], 0)")
def expand_dims(a: Entries, axis: int = -1) -> Value:
    """A new axis of size 1."""
    return apply("expand_dims", a, axis=axis_of(axis, a, 1))


@function(SHAPES, "y = squeeze([[1, 2]])")
def squeeze(a: Entries, axis: Axes | None = None) -> Value:
    """The value without axes of size 1: without all of them, or without those named."""
    if axis is None:
        removed = tuple(at for at in range(-a.rank, 0) if a.shape[at] == 1)
    else:
        removed = axes_of(axis, a)
        for at in removed:
            if a.shape[at] != 1:
                raise ShapeError(f"the axis {at} of {show(a.shape)} does not have size 1")
    return apply("reshape", a, to=tuple(a.shape[at] for at in range(-a.rank, 0) if at not in removed))


@function(SHAPES, "y = broadcast_to([1, 2], (3, 2))", minimum={"shape": 1})
def broadcast_to(a: Entries, shape: Extents) -> Value:
    """The value broadcast to a shape."""
    return apply("broadcast_to", a, to=shape)


def join(values: tuple[Value, ...], axis: int) -> Value:
    """Concatenate values along an axis, counted from the end."""
    return values[0] if len(values) == 1 else apply("concatenate", *values, axis=axis)


@function(SHAPES, "y = concat([[1, 2], [3]])")
def concat(*values: Entries, axis: int = 0) -> Value:
    """Values joined along an axis that they have."""
    return join(values, axis_of(axis, values[0]))


@function(SHAPES, "y = stack([[1, 2], [3, 4]], axis=1)")
def stack(*values: Entries, axis: int = 0) -> Value:
    """Values of one shape joined along a new axis."""
    return apply("stack", *values, axis=axis_of(axis, values[0], 1))


@function(SHAPES, "y = hstack([[1, 2], [3]])")
def hstack(*values: Entries) -> Value:
    """Values joined along the second axis, or along the only one."""
    return join(values, -1 if values[0].rank < 2 else 1 - values[0].rank)


@function(SHAPES, "y = vstack([[1, 2], [3, 4]])")
def vstack(*values: Entries) -> Value:
    """Values joined along the first axis; a vector is a row."""
    rows = tuple(apply("expand_dims", one, axis=-2) if one.rank == 1 else one for one in values)
    return join(rows, -rows[0].rank)


@function(SHAPES, "a, b = split([1, 2, 3, 4], 2)", minimum={"parts": -LARGEST})
def split(a: Entries, parts: Size | tuple[int, ...], axis: int = 0) -> Several:
    """Several parts along an axis: so many equal ones, or those between places; y[0] is the first."""
    at = axis_of(axis, a)
    size = a.shape[at]
    if isinstance(parts, tuple):
        if not isinstance(size, int):
            raise ShapeError(f"an axis of symbolic size {size} cannot be split at places")
        places = [0, *(size + place if place < 0 else place for place in parts), size]
        if any(before >= after for before, after in pairwise(places)):
            raise ShapeError(
                f"places between {size} entries are numbers from {1 - size} to {size - 1}, in order"
            )
        ends: list[Size] = [*places]
    else:
        if not isinstance(parts, int) or parts < 1:
            raise ShapeError("the number of parts is a whole number of at least 1")
        width = divide(size, parts)
        ends = [width * number for number in range(parts + 1)]
    return Several(tuple(cut(a, at, start, stop) for start, stop in pairwise(ends)))


def cut(a: Value, axis: int, start: Size, stop: Size) -> Value:
    """Return the entries start:stop along an axis, counted from the end."""
    if axis == -1:
        return apply("columns", a, start=start, stop=stop)
    if isinstance(start, Polynomial) or isinstance(stop, Polynomial):
        return swapaxes(apply("columns", swapaxes(a, axis, -1), start=start, stop=stop), axis, -1)
    items = ((None, None, None),) * (a.rank + axis)
    return apply("part", a, items=(*items, (start, stop, None)))


@function(SHAPES, "y = tile([1, 2], (2, 2))", minimum={"times": 1})
def tile(a: Entries, times: tuple[int, ...]) -> Value:
    """The whole value repeated along its axes."""
    rank = max(len(times), a.rank)
    times = (1,) * (rank - len(times)) + times
    sizes = (1,) * (rank - a.rank) + a.shape
    single = tuple(size for one in sizes for size in (1, one))
    spread: Extents = tuple(size for count, one in zip(times, sizes, strict=True) for size in (count, one))
    widened = apply("broadcast_to", apply("reshape", a, to=single), to=spread)
    return apply("reshape", widened, to=tuple(count * one for count, one in zip(times, sizes, strict=True)))


@function(SHAPES, "y = repeat([1, 2], 2)", minimum={"times": 1})
def repeat(a: Entries, times: int, axis: int | None = None) -> Value:
    """Each entry repeated along an axis, or in one row by default."""
    if axis is None:
        return apply("repeat", flatten_all(a), times=times, axis=-1)
    return apply("repeat", a, times=times, axis=axis_of(axis, a))


@function(SHAPES, "y = flip([1, 2, 3])")
def flip(a: Entries, axis: Axes | None = None) -> Value:
    """The entries in reverse order along axes, all by default."""
    flipped = axes_of(axis, a)
    items = tuple((None, None, -1 if at in flipped else None) for at in range(-a.rank, 0))
    return apply("part", a, items=items) if items else a


@function(SHAPES, "y = roll([1, 2, 3], 1)")
def roll(a: Entries, shift: int, axis: int | None = None) -> Value:
    """The entries moved along an axis, and round its end to its start."""
    if axis is None:
        return apply("reshape", roll(flatten_all(a), shift, 0), to=a.shape)
    at = axis_of(axis, a)
    size = a.shape[at]
    if not isinstance(size, int):
        raise ShapeError(f"an axis of symbolic size {size} cannot be rolled")
    first = -shift % size
    return join((cut(a, at, first, size), cut(a, at, 0, first)), at) if first else a


Widths = int | tuple[int, ...] | tuple[tuple[int, ...], ...]


def _widths(width: Widths, rank: int) -> list[tuple[int, int]]:
    """Return the entries before and after each axis. Raises ShapeError."""
    if isinstance(width, int):
        return [(width, width)] * rank
    pairs = [one for one in width if isinstance(one, tuple)]
    if len(pairs) == len(width) in (1, rank) and all(len(one) == 2 for one in pairs):
        chosen = [(one[0], one[1]) for one in pairs]
        return chosen * rank if len(chosen) < rank else chosen
    numbers = [one for one in width if isinstance(one, int)]
    if len(numbers) == len(width) == 2 * rank:  # PyTorch's order: the last axis first
        return [(numbers[at], numbers[at + 1]) for at in range(2 * rank - 2, -1, -2)]
    raise ShapeError(f"a width is a number, or a pair for each of {rank} axes, such as ((1, 1), (0, 2))")


@function(SHAPES, "y = pad([1, 2], (1, 2))", minimum={"width": 0})
def pad(
    a: Value,
    width: Widths,
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant",
    value: Constant = 0,
) -> Value:
    """The value with entries added before and after each axis."""
    padded, number = a, read_constant(value)
    for at, (before, after) in zip(range(-a.rank, 0), _widths(width, a.rank), strict=True):
        parts = [_border(padded, at, count, mode, number, end) for count, end in ((before, 0), (after, 1))]
        present = (parts[0], padded, parts[1])
        padded = join(tuple(part for part in present if part is not None), at)
    return padded


def _border(a: Value, axis: int, count: int, mode: str, value: Expression, end: int) -> Value | None:
    """Return the entries added before (end 0) or after (end 1) an axis; None if there are none."""
    if count == 0:
        return None
    if mode == "constant":
        at = a.rank + axis
        return apply(
            "broadcast_to", add_literal(a.graph, value), to=(*a.shape[:at], count, *a.shape[at + 1 :])
        )
    size = a.shape[axis]
    most = size - 1 if mode == "reflect" and isinstance(size, int) else size
    if mode == "edge":
        last = cut(a, axis, size - 1, size) if end else cut(a, axis, 0, 1)
        return apply("repeat", last, times=count, axis=axis)
    if not isinstance(size, int) or not isinstance(most, int) or count > most:
        raise ShapeError(f"an axis of {size} entries has no {count} to pad with in the mode {mode}")
    if mode == "wrap":
        return cut(a, axis, 0, count) if end else cut(a, axis, size - count, size)
    part = cut(a, axis, size - 1 - count, size - 1) if end else cut(a, axis, 1, count + 1)
    return flip(part, axis)
