"""Sequential depth: the longest chain of steps that have to follow one another, however many run at once.

A product, a reduction or one function of all entries is one step; moving entries takes none. A recurrent
layer takes several steps for each of its time steps, since each needs the state before it.
"""

from collections.abc import Collection

from compute.dimensions import Size, bound_larger, total
from compute.graph.graph import Graph, Value


def find_depths(graph: Graph, wanted: Collection[int] | None = None) -> dict[int, Size]:
    """Return the length of the longest chain up to each value, by its index.

    Where chains grow with different names, the length is a bound that holds for each of them. A value that
    represents several layers ends the chain through all of them.

    wanted: the indices of the values to follow; None for all.
    """
    depths: dict[int, Size] = {}
    repeats = list(graph.repeats)
    entered: Size = 0  # the longest chain into the repeated values that are being followed
    for value in graph.values:
        if value.applied is None or (wanted is not None and value.index not in wanted):
            continue
        inside = _enclosing(repeats, value.index)
        before: Size = 0
        for operand in value.inputs:
            depth = depths.get(operand.index, 0)
            if inside is not None and operand.index < inside[0]:
                entered, depth = bound_larger(entered, depth), 0
            before = bound_larger(before, depth)
        depths[value.index] = before + value.applied.depth
        if inside is not None and value.index == inside[1] - 1:
            _repeat(depths, inside, entered)
            entered = 0
    return depths


def _enclosing(repeats: list[tuple[int, int, Size]], index: int) -> tuple[int, int, Size] | None:
    """Return the range of repeated values that holds an index."""
    return next((span for span in repeats if span[0] <= index < span[1]), None)


def _repeat(depths: dict[int, Size], span: tuple[int, int, Size], entered: Size) -> None:
    """Lengthen the chains inside a repeated range: each of its layers follows the one before it."""
    first, last, count = span
    longest: Size = 0
    for index in range(first, last):
        longest = bound_larger(longest, depths.get(index, 0))
    before = entered + longest * (count - 1)
    for index in range(first, last):
        if index in depths:
            depths[index] = total((before, depths[index]))


def deepest(depths: dict[int, Size], values: Collection[Value]) -> Size:
    """Return the longest of the chains up to these values."""
    longest: Size = 0
    for value in values:
        longest = bound_larger(longest, depths.get(value.index, 0))
    return longest
