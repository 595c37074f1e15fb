"""Primitives that positions are written with: numbers in order, frequencies, pairs that are turned."""

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, at_least
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula, constant_latex

# The whole numbers from `first` on.
positions = Primitive(
    "positions",
    forward=lambda xp, *, count, first: xp.whole(np.arange(first, first + count)),
    shape=lambda count, first: (count,),
    latex=lambda count, first: Formula(rf"\left({first}, \dots, {first + count - 1}\right)"),
    cost=no_cost,
    expects="no operands",
)


def _frequencies(xp: Arithmetic, *, pairs: int, width: int, expression: Expression) -> Array:
    return xp.powers(expression, -2 * np.arange(pairs), width)


# expression^(-2 i / width) for pair i.
frequencies = Primitive(
    "frequencies",
    forward=_frequencies,
    shape=lambda pairs, width, expression: (pairs,),
    latex=lambda pairs, width, expression: Formula(
        rf"\left({constant_latex(expression).text}^{{-2 i / {width}}}\right)_{{i = 0, 1, \dots}}"
    ),
    expects="no operands",
)


def _interleave(xp: Arithmetic, a: Array, b: Array, *, width: int) -> Array:
    return np.stack([a, b], axis=-1).reshape(*a.shape[:-1], 2 * a.shape[-1])[..., :width]


def _interleave_gradient(xp: Arithmetic, g: Array, first: int, shape: tuple[int, ...]) -> Array:
    taken = g[..., first::2]
    if taken.shape == shape:
        return taken
    result = xp.zeros(shape)  # the last of an odd number has no partner
    result[..., : taken.shape[-1]] = taken
    return result


def _interleave_shape(a: Shape, b: Shape, *, width: Size) -> Shape:
    at_least(1, a)
    if a != b:
        raise ShapeError("they differ")
    if isinstance(width, int) and isinstance(a[-1], int) and not 0 <= 2 * a[-1] - width <= 1:
        raise ShapeError(f"{width} columns are not those of both, or all but the last")
    return (*a[:-1], width)


# The columns of two matrices in turn; of an odd number the last is of the first matrix.
interleave = Primitive(
    "interleave",
    forward=_interleave,
    gradients={
        "a": lambda xp, g, width, shapes: _interleave_gradient(xp, g, 0, shapes[0]),
        "b": lambda xp, g, width, shapes: _interleave_gradient(xp, g, 1, shapes[1]),
    },
    tangents="linear",
    shape=_interleave_shape,
    latex=lambda a, b, width: Formula(rf"\operatorname{{interleave}}\left({a.text},\ {b.text}\right)"),
    cost=no_cost,
    expects="two matrices of one shape",
)


def _members(pairing: str, rotated: int) -> tuple[slice, slice]:
    """Where the first and the second of each pair stand."""
    if pairing == "interleaved":
        return slice(0, rotated, 2), slice(1, rotated, 2)
    return slice(0, rotated // 2), slice(rotated // 2, rotated)


def _spread(xp: Arithmetic, a: Array, *, pairing: str, rotated: int, width: int) -> Array:
    result = xp.zeros((*a.shape[:-1], width))
    for members in _members(pairing, rotated):
        result[..., members] = a
    return result


def _spread_gradient(xp: Arithmetic, g: Array, pairing: str, rotated: int) -> Array:
    first, second = _members(pairing, rotated)
    return xp.add(g[..., first], g[..., second])


def _spread_shape(a: Shape, *, pairing: str, rotated: Size, width: Size) -> Shape:
    at_least(1, a)
    _pairs_fit(rotated, width)
    if isinstance(rotated, int) and isinstance(a[-1], int) and 2 * a[-1] != rotated:
        raise ShapeError(f"{a[-1]} numbers are not one for each pair of {rotated}")
    return (*a[:-1], width)


def _pairs_fit(rotated: Size, width: Size) -> None:
    if isinstance(rotated, int) and isinstance(width, int) and (rotated % 2 or rotated > width):
        raise ShapeError(f"{rotated} of {width} entries are no pairs")


# One number for each pair, written at both of its members; 0 behind the last pair.
spread_pairs = Primitive(
    "spread_pairs",
    forward=_spread,
    gradients={"a": _spread_gradient},
    tangents="linear",
    shape=_spread_shape,
    latex=lambda a, pairing, rotated, width: Formula(rf"\operatorname{{pairs}}\left({a.text}\right)"),
    cost=no_cost,
    expects="a number for each pair",
)


def _turn(xp: Arithmetic, a: Array, *, pairing: str, rotated: int, axis: int) -> Array:
    result = xp.zeros(a.shape)
    turned, source = result.swapaxes(axis, -1), a.swapaxes(axis, -1)
    first, second = _members(pairing, rotated)
    turned[..., first] = xp.negative(source[..., second])
    turned[..., second] = source[..., first]
    return result


def _turn_shape(a: Shape, *, pairing: str, rotated: Size, axis: int) -> Shape:
    if len(a) < -axis:
        raise ShapeError("it has too few axes")
    _pairs_fit(rotated, a[axis])
    return a


# A quarter turn of each pair: (a, b) becomes (-b, a). What stands behind the last pair becomes 0.
turn_pairs = Primitive(
    "turn_pairs",
    forward=_turn,
    gradients={
        "a": lambda xp, g, pairing, rotated, axis: xp.negative(
            _turn(xp, g, pairing=pairing, rotated=rotated, axis=axis)
        )
    },
    tangents="linear",
    shape=_turn_shape,
    latex=lambda a, pairing, rotated, axis: Formula(rf"\operatorname{{turn}}\left({a.text}\right)"),
    cost=no_cost,
    expects="at least two axes",
)


def _rotation(xp: Arithmetic, a: Array, b: Array) -> Array:
    result = xp.zeros((2 * a.size, 2 * a.size))
    first, second = np.arange(0, 2 * a.size, 2), np.arange(1, 2 * a.size, 2)
    result[first, first], result[second, second] = a, a
    result[first, second], result[second, first] = b, xp.negative(b)
    return result


def _cosines_gradient(xp: Arithmetic, g: Array) -> Array:
    diagonal = g.diagonal()
    return xp.add(diagonal[0::2], diagonal[1::2])


def _sines_gradient(xp: Arithmetic, g: Array) -> Array:
    return xp.subtract(g.diagonal(1)[0::2], g.diagonal(-1)[0::2])


def _rotation_shape(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or a != b:
        raise ShapeError("they are no vectors of one length")
    return (2 * a[0], 2 * a[0])


# The matrix of blocks [[a, b], [-b, a]] along the diagonal.
block_rotation = Primitive(
    "block_rotation",
    forward=_rotation,
    gradients={"a": _cosines_gradient, "b": _sines_gradient},
    tangents="linear",
    shape=_rotation_shape,
    latex=lambda a, b: Formula(
        rf"\operatorname{{diag}}\begin{{pmatrix}} {a.text} & {b.text} \\"
        rf" -{b.at(PRODUCT)} & {a.text} \end{{pmatrix}}"
    ),
    cost=no_cost,
    expects="two vectors of one length",
)
