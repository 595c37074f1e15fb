"""Primitives that arrange entries along any axes: permutations, repetition, diagonals, triangles."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least, from_last, show
from compute.graph.primitive import Primitive, no_cost
from compute.latex import POWER, Formula


def _permute_shape(a: Shape, *, axes: tuple[int, ...]) -> Shape:
    resolved = [from_last(axis, len(a)) for axis in axes]
    if sorted(axis or 0 for axis in resolved) != list(range(-len(a), 0)) or None in resolved:
        raise ShapeError(f"{list(axes)} does not name each axis of {show(a)} once")
    return tuple(a[axis] for axis in resolved if axis is not None)


def _permute_gradient(xp: Arithmetic, g: Array, axes: tuple[int, ...]) -> Array:
    return g.transpose(np.argsort([axis % len(axes) for axis in axes]))


def _permute_latex(a: Formula, axes: tuple[int, ...]) -> Formula:
    script = r"\top" + (f"({', '.join(map(str, axes))})" if len(axes) > 2 else "")
    return Formula(a.scripted("^", script, POWER), POWER)


# The axes in another order.
permute = Primitive(
    "permute",
    forward=lambda xp, a, *, axes: a.transpose(axes),
    gradients={"a": _permute_gradient},
    tangents="linear",
    moments="moved",
    shape=_permute_shape,
    latex=_permute_latex,
    cost=no_cost,
    kind="same",
    expects="each axis once",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _repeat_shape(a: Shape, *, times: int, axis: int) -> Shape:
    at_least(-axis, a)
    at = len(a) + axis
    return (*a[:at], a[at] * times, *a[at + 1 :])


def _repeat_gradient(xp: Arithmetic, g: Array, times: int, axis: int) -> Array:
    rows = np.moveaxis(g, axis, -1)
    grouped = rows.reshape(*rows.shape[:-1], rows.shape[-1] // times, times)
    return np.moveaxis(xp.sum(grouped, -1)[..., 0], -1, axis)


# Each entry along an axis repeated several times in a row.
repeat = Primitive(
    "repeat",
    forward=lambda xp, a, *, times, axis: a.repeat(times, axis=axis),
    gradients={"a": _repeat_gradient},
    tangents="linear",
    moments="moved",
    shape=_repeat_shape,
    latex=lambda a, times, axis: Formula(rf"\operatorname{{repeat}}_{{{times}}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _diagonal_shape(a: Shape) -> Shape:
    at_least(2, a)
    rows, columns = a[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        return (*a[:-2], min(rows, columns))
    if rows != columns:
        raise ShapeError(f"the diagonal of {rows} rows and {columns} columns depends on which are fewer")
    return (*a[:-2], rows)


def _diagonal_gradient(xp: Arithmetic, g: Array, shapes: list[tuple[int, ...]]) -> Array:
    result, at = xp.zeros(shapes[0]), np.arange(g.shape[-1])
    result[..., at, at] = g
    return result


# The diagonal of each matrix along the last two axes.
diagonal = Primitive(
    "diagonal",
    forward=lambda xp, a: np.diagonal(a, axis1=-2, axis2=-1),
    gradients={"a": _diagonal_gradient},
    tangents="linear",
    shape=_diagonal_shape,
    latex=lambda a: Formula(rf"\operatorname{{diag}}\left({a.text}\right)"),
    cost=no_cost,
    kind="same",
    expects="matrices",
    propagates_nonfinite_gradient=True,
)


def _diagonal_matrix(xp: Arithmetic, a: Array) -> Array:
    return _diagonal_gradient(xp, a, [(*a.shape, a.shape[-1])])


def _diagonal_matrix_shape(a: Shape) -> Shape:
    at_least(1, a)
    return (*a, a[-1])


# A matrix with each vector along the last axis on its diagonal, and zeros elsewhere.
diagonal_matrix = Primitive(
    "diagonal_matrix",
    forward=_diagonal_matrix,
    gradients={"a": lambda xp, g: np.diagonal(g, axis1=-2, axis2=-1)},
    tangents="linear",
    shape=_diagonal_matrix_shape,
    latex=lambda a: Formula(rf"\operatorname{{diag}}\left({a.text}\right)"),
    cost=no_cost,
    expects="vectors",
    propagates_nonfinite=True,
)


def _triangle(xp: Arithmetic, a: Array, *, lower: bool, offset: int) -> Array:
    rows, columns = a.shape[-2:]
    kept: Array = np.tri(rows, columns, offset if lower else offset - 1, dtype=bool)
    return xp.where(kept if lower else ~kept, a, xp.zeros(()))


def _triangle_shape(a: Shape, **attributes: Any) -> Shape:
    at_least(2, a)
    return a


# The entries on one side of a diagonal of each matrix, and zeros on the other.
triangle = Primitive(
    "triangle",
    forward=_triangle,
    gradients={"a": lambda xp, g, lower, offset: _triangle(xp, g, lower=lower, offset=offset)},
    tangents="linear",
    shape=_triangle_shape,
    latex=lambda a, lower, offset: Formula(
        rf"\operatorname{{{'tril' if lower else 'triu'}}}\left({a.text}\right)"
    ),
    cost=no_cost,
    expects="matrices",
)
