"""Functions that create values: constants in a shape, ranges, identity matrices."""

import math

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import number_expression
from compute.dimensions import ShapeError, Size
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.constants import add_literal
from compute.operations.framework.declaration import Constant
from compute.operations.framework.settings import LARGEST
from compute.programs.declaration import Entries, Extents, function, read_constant
from compute.programs.library.shapes import pad

CREATION = "creation"


def _constant_like(a: Value, number: int) -> Value:
    return apply("broadcast_to", add_literal(a.graph, number), to=a.shape)


@function(CREATION, "y = zeros_like([1, 2])")
def zeros_like(a: Entries) -> Value:
    """Zeros in the shape of a value."""
    return _constant_like(a, 0)


@function(CREATION, "y = ones_like([1, 2])")
def ones_like(a: Entries) -> Value:
    """Ones in the shape of a value."""
    return _constant_like(a, 1)


@function(CREATION, "y = full_like([1, 2], 7)")
def full_like(a: Entries, value: Value) -> Value:
    """One number in the shape of a value."""
    return apply("broadcast_to", value, to=a.shape)


@function(CREATION, "y = zeros((2, 3))", minimum={"shape": 1})
def zeros(graph: Graph, shape: Extents) -> Value:
    """Zeros in a shape."""
    return apply("broadcast_to", add_literal(graph, 0), to=shape)


@function(CREATION, "y = ones(3)", minimum={"shape": 1})
def ones(graph: Graph, shape: Extents) -> Value:
    """Ones in a shape."""
    return apply("broadcast_to", add_literal(graph, 1), to=shape)


@function(CREATION, "y = full((2, 2), 7)", minimum={"shape": 1})
def full(shape: Extents, value: Value) -> Value:
    """One number in a shape."""
    return apply("broadcast_to", value, to=shape)


@function(CREATION, "y = eye(3)", minimum={"n": 1, "m": 1})
def eye(graph: Graph, n: Size, m: Size | None = None, offset: int = 0) -> Value:
    """The matrix of n rows, and m columns if that differs, with ones on a diagonal and zeros elsewhere."""
    if offset == 0 and m in (None, n):
        return apply("diagonal_matrix", ones(graph, (n,)))
    columns = n if m is None else m
    if not (isinstance(n, int) and isinstance(columns, int)):
        raise ShapeError("the sizes of a matrix that is not an identity matrix are numbers")
    above, before = max(-offset, 0), max(offset, 0)
    length = min(n - above, columns - before)
    if length < 1:
        return zeros(graph, (n, columns))
    square = apply("diagonal_matrix", ones(graph, (length,)))
    return pad(square, ((above, n - above - length), (before, columns - before - length)))


@function(CREATION, "y = arange(2, 10, 3)")
def arange(graph: Graph, start: Constant, stop: Constant | None = None, step: Constant = 1) -> Value:
    """The numbers from start to before stop, or from 0 to before the only number, by steps."""
    first, last = (number_expression(0), start) if stop is None else (read_constant(start), stop)
    width = read_constant(step)
    begin, end, by = evaluate(first), evaluate(read_constant(last)), evaluate(width)
    if by == 0:
        raise ShapeError("a range cannot step by 0")
    steps = (end - begin) / by
    if steps > LARGEST:
        raise ShapeError(f"a range has at most {LARGEST} numbers")
    count = math.ceil(max(steps, 0))
    if count < 1:
        raise ShapeError(f"the range from {begin:g} to {end:g} by {by:g} is empty")
    if by == 1 and begin.is_integer():
        return apply("positions", graph=graph, count=count, first=int(begin))
    places = apply("positions", graph=graph, count=count, first=0)
    return add_literal(graph, first) + add_literal(graph, width) * places


@function(CREATION, "y = linspace(0, 1, 5)", minimum={"num": 1})
def linspace(graph: Graph, start: Constant, stop: Constant, num: int = 50) -> Value:
    """Evenly spaced numbers from start to stop, both included."""
    first = add_literal(graph, read_constant(start))
    if num == 1:
        return apply("broadcast_to", first, to=(1,))
    places = apply("positions", graph=graph, count=num, first=0)
    width = add_literal(graph, read_constant(stop)) - first
    return first + width * places / add_literal(graph, num - 1)
