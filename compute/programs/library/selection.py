"""Functions that select entries by index or by order, and put them at indices."""

from compute.dimensions import ShapeError, show
from compute.graph.graph import Value, apply
from compute.operations.losses.reductions import flatten
from compute.programs.declaration import Entries, Indices, Several, axis_of, function
from compute.programs.library.shapes import cut, moveaxis

SELECTION = "selection"


@function(SELECTION, "y = sort([3, 1, 2])")
def sort(a: Value, axis: int = -1, descending: bool = False) -> Value:
    """The entries in order along an axis."""
    at = axis_of(axis, a)
    order = apply("argsort", a, axis=at, descending=descending)
    return apply("take_along_axis", a, order, axis=at)


@function(SELECTION, "y = argsort([3, 1, 2])")
def argsort(a: Value, axis: int = -1, descending: bool = False) -> Value:
    """The indices that sort the entries along an axis."""
    return apply("argsort", a, axis=axis_of(axis, a), descending=descending)


@function(SELECTION, "values, places = topk([3, 1, 2], 2)", minimum={"k": 1})
def topk(a: Value, k: int, axis: int = -1, largest: bool = True) -> Several:
    """The k largest entries along an axis in order, and their indices, as two values."""
    at = axis_of(axis, a)
    size = a.shape[at]
    if isinstance(size, int) and k > size:
        raise ShapeError(f"an axis of {size} has no {k} largest entries")
    order = cut(apply("argsort", a, axis=at, descending=largest), at, 0, k)
    return Several((apply("take_along_axis", a, order, axis=at), order))


@function(SELECTION, "y = take([10, 20, 30], [2, 0])")
def take(a: Value, indices: Indices, axis: int | None = None) -> Value:
    """The entries at indices of an axis, or of all entries in one row."""
    if axis is None:
        return apply("take", flatten(a), indices)
    return take_at(a, indices, axis_of(axis, a))


def take_at(a: Value, indices: Value, axis: int) -> Value:
    """Return the parts at indices of an axis, counted from the end; the axes of indices take its place."""
    at = a.rank + axis
    moved = a if at == 0 else moveaxis(a, axis, 0)
    taken = apply("take", moved, indices)
    for _ in range(indices.rank if at else 0):
        taken = moveaxis(taken, 0, at + indices.rank - 1)
    return taken


@function(SELECTION, "y = take_along_axis([[1, 2], [3, 4]], [[1], [0]], 1)")
def take_along_axis(a: Value, indices: Indices, axis: int = -1) -> Value:
    """The entries at indices along an axis, row by row."""
    return apply("take_along_axis", a, indices, axis=axis_of(axis, a))


@function(SELECTION, "y = gather([[1, 2], [3, 4]], 1, [[1], [0]])")
def gather(a: Value, axis: int, indices: Indices) -> Value:
    """The entries at indices along an axis, row by row, in the order of PyTorch's arguments."""
    return apply("take_along_axis", a, indices, axis=axis_of(axis, a))


def _scatter(a: Value, axis: int, indices: Value, source: Value, add: bool) -> Value:
    at = axis_of(axis, a)
    if source.shape != indices.shape:
        source = apply("broadcast_to", source, to=indices.shape)
    put = apply("put_along_axis", source, indices, axis=at, size=a.shape[at], add=add)
    if add:
        return a + put
    return apply("where", apply("written_along_axis", indices, axis=at, size=a.shape[at]), put, a)


@function(SELECTION, "y = scatter([0, 0, 0], 0, [2, 0], [5, 7])")
def scatter(a: Value, axis: int, indices: Indices, source: Value) -> Value:
    """A copy of a with entries of a source at indices along an axis; the last of several at one place."""
    return _scatter(a, axis, indices, source, add=False)


@function(SELECTION, "y = scatter_add([1, 1, 1], 0, [2, 2], [5, 7])")
def scatter_add(a: Value, axis: int, indices: Indices, source: Value) -> Value:
    """A copy of a with entries of a source added at indices along an axis."""
    return _scatter(a, axis, indices, source, add=True)


@function(SELECTION, "y = diagonal([[1, 2], [3, 4]])")
def diagonal(a: Entries, offset: int = 0) -> Value:
    """The diagonal of a matrix; of a value with more axes, along the first two."""
    if a.rank > 2:
        a = apply("permute", a, axes=(*range(2, a.rank), 0, 1))
    if offset and a.rank > 1:
        axis = -1 if offset > 0 else -2
        if isinstance(size := a.shape[axis], int) and abs(offset) >= size:
            raise ShapeError(f"{show(a.shape)} has no diagonal with the offset {offset}")
        a = cut(a, axis, abs(offset), a.shape[axis])
    return apply("diagonal", a)
