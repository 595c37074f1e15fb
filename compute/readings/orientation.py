"""Which vectors are columns: those with one entry for each row of a matrix, such as the mean of each row.

A vector has one axis, but a matrix of its entries has two. Vectors that are combined entry by entry have the
same orientation. A vector that some step combines with the rows of a matrix and another with its columns has
none.
"""

from collections.abc import Iterator

from compute.graph.graph import Graph, Value

ROW, COLUMN = "row", "column"
FOLLOWING = frozenset({"sum_over", "average", "expand_dims"})  # written in either orientation


def find_orientations(graph: Graph) -> dict[int, set[str]]:
    """Return the orientations that steps require of vectors, by index; vectors without are left out."""
    parents: dict[int, int] = {}

    def root(index: int) -> int:
        while index in parents:
            index = parents[index]
        return index

    required: list[tuple[int, str]] = []
    for value in graph.values:
        required.extend(_requirements(value))
        for operand in _combined(value):
            one, other = root(value.index), root(operand.index)
            if one != other:
                parents[one] = other
    groups: dict[int, set[str]] = {}
    for index, orientation in required:
        groups.setdefault(root(index), set()).add(orientation)
    return {
        value.index: groups[found]
        for value in graph.values
        if value.rank == 1 and (found := root(value.index)) in groups
    }


def _requirements(value: Value) -> Iterator[tuple[int, str]]:
    """Yield vectors of a computation, result or operands, each with the orientation that it requires."""
    if value.primitive is None:
        return
    axis = value.attributes.get("axis", value.attributes.get("axes"))
    along = COLUMN if axis in (-1, (-1,)) else ROW
    ranks = [operand.rank for operand in value.inputs]
    if value.rank == 1 and axis is not None and 2 in ranks:
        yield value.index, along
    if value.rank == 1 and value.primitive.name == "reshape" and _is_product(value.inputs[0]):
        # A matrix times a vector is a column, and a vector times a matrix a row.
        yield value.index, COLUMN if value.inputs[0].shape[-1] == 1 else ROW
    for operand in value.inputs:
        if operand.rank != 1:
            continue
        if value.primitive.name == "expand_dims" and value.rank == 2:
            yield operand.index, along
        elif (value.primitive.broadcasts and value.rank == 2) or (
            axis is not None and value.primitive.name not in FOLLOWING
        ):
            yield operand.index, ROW


def _is_product(value: Value) -> bool:
    return value.rank == 2 and value.primitive is not None and value.primitive.name == "matmul"


def _combined(value: Value) -> Iterator[Value]:
    """Yield the operands that are combined with one another, entry by entry, into a vector."""
    if value.rank == 1 and all(operand.rank < 2 for operand in value.inputs):
        for operand in value.inputs:
            if operand.shape == value.shape:
                yield operand
