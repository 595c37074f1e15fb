"""Gather and scatter: entries of a matrix at row-major indices (places)."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, at_least, show
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula
from compute.primitives.windows import Pair, Sizes


def _gather(xp: Arithmetic, a: Array, places: Array) -> Array:
    places = _indices(xp, places, (a.shape[-2], a.shape[-1]))
    entries = xp.take(a.reshape(*a.shape[:-2], -1), places.reshape(*places.shape[:-2], -1))
    return entries.reshape(places.shape)


def _gather_gradient(xp: Arithmetic, g: Array, places: Array, shapes: Any) -> Array:
    *outer, rows, columns = shapes[0]
    places = _indices(xp, places, (rows, columns))
    gradient = xp.scatter(g.reshape(*outer, -1), places.reshape(*outer, -1), rows * columns)
    return gradient.reshape(shapes[0])


def _gather_shape(a: Shape, places: Shape) -> Shape:
    at_least(2, a)
    if len(a) != len(places) or a[:-2] != places[:-2]:
        raise ShapeError(f"the leading axes of {show(a)} and {show(places)} differ")
    return places


# The entry at each place, a row-major index.
gather = Primitive(
    "entries_at",
    forward=_gather,
    gradients={"a": _gather_gradient},
    tangents="product",
    shape=_gather_shape,
    latex=lambda a, places: Formula(rf"{a.at(PRODUCT)}\left[{places.text}\right]", PRODUCT),
    cost=no_cost,
    expects="a matrix and places in it",
)


def _scatter(xp: Arithmetic, a: Array, places: Array, *, sizes: Pair) -> Array:
    at = _definite_indices(xp, places, sizes)
    result = xp.zeros((*a.shape[:-2], sizes[0] * sizes[1]))
    np.put_along_axis(result, at.reshape(*a.shape[:-2], -1), a.reshape(*a.shape[:-2], -1), axis=-1)
    return result.reshape(*a.shape[:-2], *sizes)


def _indices(xp: Arithmetic, places: Array, sizes: Pair) -> Array:
    """Return places as indices. Raises UnfitEntries for entries outside a matrix of `sizes`."""
    if places.dtype.kind == "i":  # computed here, not sent by a caller
        return places
    last = sizes[0] * sizes[1] - 1
    try:
        return xp.places(places, last)
    except ValueError:
        received = describe_first_unfit(places, lambda part: xp.places(part, last))
        raise _unfit_places(f"whole numbers from 0 to {last}", received) from None


def _definite_indices(xp: Arithmetic, places: Array, sizes: Pair) -> Array:
    """Return places as indices. Raises UnfitEntries also for places that depend on cases of symbols."""
    try:
        return _indices(xp, places, sizes).astype(np.intp)
    except TypeError:
        raise _unfit_places("whole numbers, and no cases of symbols", "cases of symbols") from None


def _unfit_places(expected: str, received: str) -> UnfitEntries:
    return UnfitEntries("places", "holds an entry that is not a place", expected, received)


def _scatter_gradient(xp: Arithmetic, g: Array, places: Array, sizes: Pair) -> Array:
    """Return the gradient of the last entry at each place; overwritten entries pass nothing."""
    at = _definite_indices(xp, places, sizes).reshape(*places.shape[:-2], -1)
    order = np.broadcast_to(np.arange(at.shape[-1]), at.shape)
    owner = np.zeros((*at.shape[:-1], sizes[0] * sizes[1]), dtype=np.intp)
    np.put_along_axis(owner, at, order, axis=-1)
    is_last = np.take_along_axis(owner, at, axis=-1) == order
    gradient = np.take_along_axis(g.reshape(*g.shape[:-2], -1), at, axis=-1)
    return xp.where(is_last, gradient, 0).reshape(places.shape)


def _scatter_shape(a: Shape, places: Shape, *, sizes: Sizes) -> Shape:
    if a != places:
        raise ShapeError(f"{show(a)} and {show(places)} differ")
    return (*a[:-2], *sizes)


# Each entry at its place in a matrix of zeros; the last wins if several have the same place.
scattered = Primitive(
    "scattered",
    forward=_scatter,
    gradients={"a": _scatter_gradient},
    tangents="product",
    shape=_scatter_shape,
    latex=lambda a, places, sizes: Formula(rf"\operatorname{{put}}_{{{places.text}}}\left({a.text}\right)"),
    cost=no_cost,
    expects="a matrix, and a place for each entry",
)
