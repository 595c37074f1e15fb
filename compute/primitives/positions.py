"""Primitives of positional encodings: positions, frequencies, rotations of pairs."""

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, at_least, show
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula, constant_latex

positions = Primitive(
    "positions",
    forward=lambda xp, *, count, first: xp.whole(np.arange(first, first + count)),
    shape=lambda count, first: (count,),
    latex=lambda count, first: Formula(rf"\left({first}, \dots, {first + count - 1}\right)"),
    cost=no_cost,
    expects="no operands",
    meaning="The whole numbers from `first` on.",
)


def _frequencies(xp: Arithmetic, *, pairs: int, width: int, expression: Expression) -> Array:
    return xp.powers(expression, -2 * np.arange(pairs), width)


frequencies = Primitive(
    "frequencies",
    forward=_frequencies,
    shape=lambda pairs, width, expression: (pairs,),
    latex=lambda pairs, width, expression: Formula(
        rf"\left({constant_latex(expression).text}^{{-2 i / {width}}}\right)_{{i = 0, 1, \dots}}"
    ),
    expects="no operands",
    meaning="base^(-2 i / width) for pair i.",
)


def _interleave(xp: Arithmetic, a: Array, b: Array, *, width: int) -> Array:
    return np.stack([a, b], axis=-1).reshape(*a.shape[:-1], 2 * a.shape[-1])[..., :width]


def _interleave_gradient(xp: Arithmetic, g: Array, first: int, shape: tuple[int, ...]) -> Array:
    part = g[..., first::2]
    if part.shape == shape:
        return part
    result = xp.zeros(shape)  # the last of an odd number has no partner
    result[..., : part.shape[-1]] = part
    return result


def _interleave_shape(a: Shape, b: Shape, *, width: Size) -> Shape:
    at_least(1, a)
    if a != b:
        raise ShapeError(f"{show(a)} and {show(b)} differ")
    if isinstance(width, int) and isinstance(a[-1], int) and not 0 <= 2 * a[-1] - width <= 1:
        raise ShapeError(f"expected a width of {2 * a[-1]} or {2 * a[-1] - 1}, not {width}")
    return (*a[:-1], width)


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
    meaning="The columns of two matrices alternately; if the width is odd, the last column is from the first"
    " matrix.",
)


def _members(pairing: str, rotated: int) -> tuple[slice, slice]:
    """Return the places of the first and of the second members of all pairs."""
    if pairing == "interleaved":
        return slice(0, rotated, 2), slice(1, rotated, 2)
    return slice(0, rotated // 2), slice(rotated // 2, rotated)


def _spread_pairs(xp: Arithmetic, a: Array, *, pairing: str, rotated: int, width: int) -> Array:
    result = xp.zeros((*a.shape[:-1], width))
    for members in _members(pairing, rotated):
        result[..., members] = a
    return result


def _spread_pairs_gradient(xp: Arithmetic, g: Array, pairing: str, rotated: int) -> Array:
    first, second = _members(pairing, rotated)
    return xp.add(g[..., first], g[..., second])


def _spread_pairs_shape(a: Shape, *, pairing: str, rotated: Size, width: Size) -> Shape:
    at_least(1, a)
    _check_pairs(rotated, width)
    if isinstance(rotated, int) and isinstance(a[-1], int) and 2 * a[-1] != rotated:
        raise ShapeError(f"expected one entry for each pair of {rotated}, {rotated // 2} in all, not {a[-1]}")
    return (*a[:-1], width)


def _check_pairs(rotated: Size, width: Size) -> None:
    if isinstance(rotated, int) and isinstance(width, int) and (rotated % 2 or rotated > width):
        raise ShapeError(f"expected an even number of at most {width} entries to pair, not {rotated}")


spread_pairs = Primitive(
    "spread_pairs",
    forward=_spread_pairs,
    gradients={"a": _spread_pairs_gradient},
    tangents="linear",
    shape=_spread_pairs_shape,
    latex=lambda a, pairing, rotated, width: Formula(rf"\operatorname{{pairs}}\left({a.text}\right)"),
    cost=no_cost,
    expects="a number for each pair",
    meaning="The entry of each pair at both of its members; 0 after the last pair.",
)


def _rotate_pairs(xp: Arithmetic, a: Array, *, pairing: str, rotated: int, axis: int) -> Array:
    result = xp.zeros(a.shape)
    target, source = result.swapaxes(axis, -1), a.swapaxes(axis, -1)
    first, second = _members(pairing, rotated)
    target[..., first] = xp.negative(source[..., second])
    target[..., second] = source[..., first]
    return result


def _rotate_pairs_shape(a: Shape, *, pairing: str, rotated: Size, axis: int) -> Shape:
    if len(a) < -axis:
        raise ShapeError("it has too few axes")
    _check_pairs(rotated, a[axis])
    return a


# Entries after the last pair become 0.
turn_pairs = Primitive(
    "turn_pairs",
    forward=_rotate_pairs,
    gradients={
        "a": lambda xp, g, pairing, rotated, axis: xp.negative(
            _rotate_pairs(xp, g, pairing=pairing, rotated=rotated, axis=axis)
        )
    },
    tangents="linear",
    shape=_rotate_pairs_shape,
    latex=lambda a, pairing, rotated, axis: Formula(rf"\operatorname{{turn}}\left({a.text}\right)"),
    cost=no_cost,
    expects="at least two axes",
    meaning="Each pair rotated by a quarter turn: (a, b) becomes (-b, a).",
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
        raise ShapeError(f"{show(a)} and {show(b)} are not vectors of one length")
    return (2 * a[0], 2 * a[0])


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
    meaning="The block-diagonal matrix of blocks [[a, b], [-b, a]].",
)
