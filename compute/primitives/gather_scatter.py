"""Primitives that take what stands at places of a matrix, counted row by row, and put it back."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula
from compute.primitives.windows import Pair, Sizes


def _gather(xp: Arithmetic, a: Array, places: Array) -> Array:
    places = _whole(xp, places, (a.shape[-2], a.shape[-1]))
    taken = xp.take(a.reshape(*a.shape[:-2], -1), places.reshape(*places.shape[:-2], -1))
    return taken.reshape(places.shape)


def _gather_gradient(xp: Arithmetic, g: Array, places: Array, shapes: Any) -> Array:
    *outer, rows, columns = shapes[0]
    places = _whole(xp, places, (rows, columns))
    found = xp.scatter(g.reshape(*outer, -1), places.reshape(*outer, -1), rows * columns)
    return found.reshape(shapes[0])


def _gather_shape(a: Shape, places: Shape) -> Shape:
    at_least(2, a)
    if len(a) != len(places) or a[:-2] != places[:-2]:
        raise ShapeError("the axes before the last two differ")
    return places


# What stands at each place, counted row by row.
gather = Primitive(
    "gather",
    forward=_gather,
    gradients={"a": _gather_gradient},
    tangents="product",
    shape=_gather_shape,
    latex=lambda a, places: Formula(rf"{a.at(PRODUCT)}\left[{places.text}\right]", PRODUCT),
    cost=no_cost,
    expects="a matrix and places in it",
)


def _scattered(xp: Arithmetic, a: Array, places: Array, *, sizes: Pair) -> Array:
    at = _alone(xp, places, sizes)
    result = xp.zeros((*a.shape[:-2], sizes[0] * sizes[1]))
    np.put_along_axis(result, at.reshape(*a.shape[:-2], -1), a.reshape(*a.shape[:-2], -1), axis=-1)
    return result.reshape(*a.shape[:-2], *sizes)


def _whole(xp: Arithmetic, places: Array, sizes: Pair) -> Array:
    """Places as they came, once they are places."""
    if places.dtype.kind == "i":  # found here, and not sent
        return places
    last = sizes[0] * sizes[1] - 1
    try:
        return xp.places(places, last)
    except ValueError:
        received = describe_first_unfit(places, lambda part: xp.places(part, last))
        raise _no_place(f"whole numbers from 0 to {last}", received) from None


def _alone(xp: Arithmetic, places: Array, sizes: Pair) -> Array:
    """Places that no condition leaves open, to which something can be put."""
    try:
        return _whole(xp, places, sizes).astype(np.intp)
    except TypeError:
        raise _no_place("whole numbers, and no cases of symbols", "cases of symbols") from None


def _no_place(expected: str, received: str) -> UnfitEntries:
    return UnfitEntries("places", "holds an entry that is not a place", expected, received)


def _scattered_gradient(xp: Arithmetic, g: Array, places: Array, sizes: Pair) -> Array:
    """What was put where another came later passes nothing."""
    at = _alone(xp, places, sizes).reshape(*places.shape[:-2], -1)
    order = np.broadcast_to(np.arange(at.shape[-1]), at.shape)
    owner = np.zeros((*at.shape[:-1], sizes[0] * sizes[1]), dtype=np.intp)
    np.put_along_axis(owner, at, order, axis=-1)
    stays = np.take_along_axis(owner, at, axis=-1) == order
    taken = np.take_along_axis(g.reshape(*g.shape[:-2], -1), at, axis=-1)
    return xp.where(stays, taken, 0).reshape(places.shape)


def _scattered_shape(a: Shape, places: Shape, *, sizes: Sizes) -> Shape:
    if a != places:
        raise ShapeError("they differ")
    return (*a[:-2], *sizes)


# Each entry put at its place in zeros; of several at one place the last stays.
scattered = Primitive(
    "scattered",
    forward=_scattered,
    gradients={"a": _scattered_gradient},
    tangents="product",
    shape=_scattered_shape,
    latex=lambda a, places, sizes: Formula(rf"\operatorname{{put}}_{{{places.text}}}\left({a.text}\right)"),
    cost=no_cost,
    expects="a matrix, and a place for each entry",
)
