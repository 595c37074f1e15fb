"""Primitives that cut images into patches."""

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, divide, product
from compute.graph.primitive import Primitive, no_cost
from compute.latex import Formula

Window = tuple[Size, Size]


def _tiles_shape(x: Shape, *, window: Window) -> Shape:
    if len(x) < 3:
        raise ShapeError("it has fewer than three axes")
    *outer, channels, height, width = x
    count = divide(height, window[0]) * divide(width, window[1])
    return (*outer, count, product((channels, *window)))


def _tiles(xp: Arithmetic, x: Array, *, window: tuple[int, int]) -> Array:
    *outer, channels, height, width = x.shape
    down, across = window
    split = x.reshape(*outer, channels, height // down, down, width // across, across)
    # (channel, row, inner row, column, inner column) to (row, column, channel, inner row, inner column)
    patches = split.swapaxes(-5, -4).swapaxes(-3, -2).swapaxes(-4, -3)
    return patches.reshape(*outer, -1, channels * down * across)


def _tiles_gradient(
    xp: Arithmetic, g: Array, window: tuple[int, int], shapes: list[tuple[int, ...]]
) -> Array:
    *outer, channels, height, width = shapes[0]
    down, across = window
    split = g.reshape(*outer, height // down, width // across, channels, down, across)
    return split.swapaxes(-4, -3).swapaxes(-3, -2).swapaxes(-5, -4).reshape(shapes[0])


# An image (..., channels, rows, columns) cut into adjacent windows that do not overlap. Each becomes a row:
# its channels one after the other, each in row-major order, as are the windows.
tiles = Primitive(
    "tiles",
    forward=_tiles,
    gradients={"x": _tiles_gradient},
    tangents="linear",
    shape=_tiles_shape,
    latex=lambda x, window: Formula(
        rf"\operatorname{{patches}}_{{{window[0]} \times {window[1]}}}\left({x.text}\right)"
    ),
    cost=no_cost,
    kind="same",
    expects="an image (channels, rows, columns) that whole windows cover",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)
