"""Embedding lookup: rows of a table by index."""

from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, show
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Primitive, no_cost
from compute.latex import PRODUCT, Formula


def _row_indices(xp: Arithmetic, numbers: Array, count: int) -> Array:
    try:
        return xp.places(numbers, count - 1)
    except ValueError:
        expected = f"whole numbers from 0 to {count - 1}"
        received = describe_first_unfit(numbers, lambda part: xp.places(part, count - 1))
        raise UnfitEntries(
            "indices", "holds a number that is not a row of the table", expected, received
        ) from None


def _embedding_lookup(xp: Arithmetic, a: Array, indices: Array, *, padding: int | None) -> Array:
    rows = _row_indices(xp, indices, a.shape[0])
    if rows.dtype.kind == "i":
        return a[rows]
    columns = np.broadcast_to(rows.reshape(1, -1), (a.shape[1], rows.size))
    return xp.take(a.T, columns).T.reshape(*rows.shape, a.shape[1])


def _embedding_gradient(xp: Arithmetic, g: Array, indices: Array, padding: int | None, shapes: Any) -> Array:
    """Sum the gradients of all uses of each row; the padding row gets 0."""
    count, width = shapes[0]
    rows = _row_indices(xp, indices, count).reshape(-1)
    columns = g.reshape(-1, width).T
    gradient = xp.scatter(columns, np.broadcast_to(rows, columns.shape), count).T
    if padding is not None:
        gradient = gradient.copy()
        gradient[padding] = xp.zeros((width,))
    return gradient


def _withholds(*, padding: int | None) -> str | None:
    return None if padding is None else "the row of the padding gets no gradient"


def _embedding_shape(a: Shape, indices: Shape, *, padding: int | None) -> Shape:
    if len(a) != 2:
        raise ShapeError(f"{show(a)} is not a table (rows, columns)")
    return (*indices, a[1])


# The padding row passes no gradient.
embedding_lookup = Primitive(
    "embedding_lookup",
    forward=_embedding_lookup,
    gradients={"a": _embedding_gradient},
    tangents=lambda xp, t, y, a, indices, padding: _embedding_lookup(xp, t, indices, padding=None),
    shape=_embedding_shape,
    withheld_gradient=_withholds,
    latex=lambda a, indices, padding: Formula(rf"{a.at(PRODUCT)}\left[{indices.text}\right]", PRODUCT),
    cost=no_cost,
    operand_kinds={"indices": ("real", "index")},
    expects="a table (rows, columns), and indices of its rows",
    meaning="The row of a table for each index.",
)
