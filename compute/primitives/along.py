"""Primitives along one axis: extremes, logarithms of sums, running sums and products, orders, indices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, product, show, without
from compute.errors import UnfitEntries, describe_first_unfit
from compute.graph.primitive import Cost, Primitive, no_cost
from compute.graph.work import STEP, copy_work, count_entries
from compute.latex import CONDITION, PRODUCT, SUM, Formula, axes_latex
from compute.primitives.reductions import axis_subscript, same_shape
from compute.primitives.scalars import count

UNORDERED = "holds symbols whose order is not known"


def _first_extreme(xp: Arithmetic, a: Array, axis: int, largest: bool) -> Array:
    """Return the index of the first extreme along an axis, which is moved to the end and has size 1."""
    rows = np.moveaxis(a, axis, -1)
    return xp.argmax(rows if largest else xp.negative(rows), -1)[..., None]


def _declare_extreme(name: str, sign: str, largest: bool) -> Primitive:
    def forward(xp: Arithmetic, a: Array, *, axis: int) -> Array:
        return xp.take(np.moveaxis(a, axis, -1), _first_extreme(xp, a, axis, largest))[..., 0]

    def gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
        places = _first_extreme(xp, a, axis, largest)
        return np.moveaxis(xp.scatter(g[..., None], places, a.shape[axis]), -1, axis)

    def tangent(xp: Arithmetic, change: Array, y: Array, a: Array, axis: int) -> Array:
        return xp.take(np.moveaxis(change, axis, -1), _first_extreme(xp, a, axis, largest))[..., 0]

    return Primitive(
        name,
        forward=forward,
        gradients={"a": gradient},
        tangents=tangent,
        shape=lambda a, axis: without(a, axis),
        latex=lambda a, axis: Formula(rf"\{sign}_{{{axes_latex([axis])}}} {a.at(PRODUCT)}", PRODUCT),
        cost=lambda shape, a, axis: Cost(elementwise=product(a)),
        expects="enough axes",
        convention={f"gradient_of_{sign}_at_ties": "the first of them"},
    )


max_over = _declare_extreme("max_over", "max", largest=True)
min_over = _declare_extreme("min_over", "min", largest=False)

# The index of the smallest entry, the first if several are equal.
argmin = Primitive(
    "argmin",
    forward=lambda xp, a, *, axis: xp.argmax(xp.negative(a), axis),
    shape=lambda a, axis: without(a, axis),
    latex=lambda a, axis: Formula(
        rf"\operatorname{{argmin}}_{{{axes_latex([axis])}}} {a.at(PRODUCT)}", PRODUCT
    ),
    kind="index",
    expects="enough axes",
)


def _log_sum(xp: Arithmetic, a: Array, *, axis: int) -> Array:
    shift = xp.max_shift(a, axis)
    exponentials = xp.exp(xp.subtract(a, shift))
    total = xp.sum(exponentials, axis)
    found = xp.add(shift, xp.log_total(exponentials, total, axis))
    if not xp.simplifies:
        found = xp.where(xp.equal(total, count(xp, 0)), xp.negative_infinity, found)
    return found.squeeze(axis)


def _log_sum_gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
    exponentials = xp.exponentials(a, axis)
    weights = xp.softmax_divide(exponentials, xp.sum(exponentials, axis))
    return xp.multiply(np.expand_dims(g, axis), weights)


def _log_sum_tangent(xp: Arithmetic, change: Array, y: Array, a: Array, axis: int) -> Array:
    weights = _log_sum_gradient(xp, xp.whole(np.ones(y.shape, dtype=int)), a, axis)
    return xp.sum(xp.multiply(weights, change), axis).squeeze(axis)


# log(sum(exp(a))) along an axis, stable for entries of any size.
logsumexp_over = Primitive(
    "logsumexp_over",
    forward=_log_sum,
    gradients={"a": _log_sum_gradient},
    tangents=_log_sum_tangent,
    shape=lambda a, axis: without(a, axis),
    latex=lambda a, axis: Formula(rf"\log \sum_{{{axes_latex([axis])}}} e^{{{a.text}}}", SUM),
    cost=lambda shape, a, axis: Cost(elementwise=3 * product(a)),
    expects="enough axes",
)


def _accumulate(
    xp: Arithmetic, a: Array, axis: int, combine: Callable[[Array, Array], Array], *, backward: bool = False
) -> Array:
    """Return all partial results along an axis, from its start or from its end."""
    parts = [*np.moveaxis(a, axis, 0)]
    if backward:
        parts.reverse()
    for at in range(1, len(parts)):
        parts[at] = combine(parts[at - 1], parts[at])
    if backward:
        parts.reverse()
    return np.moveaxis(np.stack(parts), 0, axis)


def _steps_work(shape: Shape, a: Shape, *, axis: int) -> int:
    """Return the work of a step of Python for each entry along an axis."""
    return 3 * STEP * count_entries(a[axis:][:1]) + 3 * copy_work(shape)


# The sums of all entries up to each one.
cumulative_sum = Primitive(
    "cumulative_sum",
    forward=lambda xp, a, *, axis: _accumulate(xp, a, axis, xp.add),
    gradients={"a": lambda xp, g, axis: _accumulate(xp, g, axis, xp.add, backward=True)},
    tangents="linear",
    shape=same_shape,
    work=_steps_work,
    gradient_work=lambda place, shape, a, axis: 3 * _steps_work(shape, a, axis=axis),
    latex=lambda a, axis: Formula(rf"\operatorname{{cumsum}}{axis_subscript(axis)}\left({a.text}\right)"),
    expects="enough axes",
    propagates_nonfinite=True,
    propagates_nonfinite_gradient=True,
)


def _cumulative_product_gradient(xp: Arithmetic, g: Array, a: Array, axis: int) -> Array:
    """Return the gradient without division, since entries may be 0.

    The gradient of entry j is the product before it, times g_j + a_{j+1} (g_{j+1} + a_{j+2} (...)).
    """
    entries, upstream = np.moveaxis(a, axis, 0), np.moveaxis(g, axis, 0)
    behind, before = [*upstream], [xp.whole(np.ones(entries.shape[1:], dtype=int))]
    for at in range(len(behind) - 2, -1, -1):
        behind[at] = xp.add(behind[at], xp.multiply(entries[at + 1], behind[at + 1]))
    for at in range(len(behind) - 1):
        before.append(xp.multiply(before[-1], entries[at]))
    found = [xp.multiply(one, other) for one, other in zip(before, behind, strict=True)]
    return np.moveaxis(np.stack(found), 0, axis)


def _cumulative_product_tangent(xp: Arithmetic, change: Array, y: Array, a: Array, axis: int) -> Array:
    entries, changes = np.moveaxis(a, axis, 0), np.moveaxis(change, axis, 0)
    products, found = np.moveaxis(y, axis, 0), [changes[0]]
    for at in range(1, len(entries)):
        found.append(xp.add(xp.multiply(found[-1], entries[at]), xp.multiply(products[at - 1], changes[at])))
    return np.moveaxis(np.stack(found), 0, axis)


# The products of all entries up to each one.
cumulative_product = Primitive(
    "cumulative_product",
    forward=lambda xp, a, *, axis: _accumulate(xp, a, axis, xp.multiply),
    gradients={"a": _cumulative_product_gradient},
    tangents=_cumulative_product_tangent,
    shape=same_shape,
    work=_steps_work,
    gradient_work=lambda place, shape, a, axis: 3 * _steps_work(shape, a, axis=axis),
    latex=lambda a, axis: Formula(rf"\operatorname{{cumprod}}{axis_subscript(axis)}\left({a.text}\right)"),
    expects="enough axes",
    propagates_nonfinite=True,
)


def _argsort(xp: Arithmetic, a: Array, *, axis: int, descending: bool) -> Array:
    try:
        return xp.argsort(xp.negative(a) if descending else a, axis)
    except TypeError:
        raise UnfitEntries("a", UNORDERED, "numbers that can be ordered", "symbols") from None


# The indices that sort the entries along an axis; equal entries keep their order.
argsort = Primitive(
    "argsort",
    forward=_argsort,
    shape=lambda a, axis, descending: same_shape(a, axis=axis),
    latex=lambda a, axis, descending: Formula(
        rf"\operatorname{{argsort}}{axis_subscript(axis)}\left({'-' if descending else ''}{a.text}\right)"
    ),
    kind="index",
    expects="enough axes",
)


def _resolve(xp: Arithmetic, indices: Array, size: int) -> Array:
    """Return indices from 0 on; negative ones count from the end. Raises UnfitEntries."""
    if indices.dtype.kind == "i" and (indices >= 0).all() and (indices < size).all():
        return indices
    try:
        return _count_from_start(xp, indices, size)
    except ValueError:
        received = describe_first_unfit(indices, lambda part: _count_from_start(xp, part, size))
        raise UnfitEntries(
            "indices", "holds a number that is not an index",
            f"whole numbers from {-size} to {size - 1}", received,
        ) from None  # fmt: skip


def _count_from_start(xp: Arithmetic, indices: Array, size: int) -> Array:
    """Return indices from 0 on. Raises ValueError if one is no whole number from -size to size - 1."""
    counted = indices
    if indices.dtype.kind == "i":
        counted = np.where(indices < 0, indices + size, indices)
    elif xp.name != "dependence":
        numbers = xp.add(indices, count(xp, size))
        counted = xp.where(xp.greater(count(xp, 0), indices), numbers, indices)
    return xp.places(counted, size - 1)


def _take_along(xp: Arithmetic, a: Array, indices: Array, *, axis: int) -> Array:
    rows = np.moveaxis(a, axis, -1)
    places = np.moveaxis(_resolve(xp, indices, rows.shape[-1]), axis, -1)
    return np.moveaxis(xp.take(rows, places), -1, axis)


def _scatter_along(xp: Arithmetic, g: Array, indices: Array, axis: int, size: int) -> Array:
    places = np.moveaxis(_resolve(xp, indices, size), axis, -1)
    return np.moveaxis(xp.scatter(np.moveaxis(g, axis, -1), places, size), -1, axis)


def _indices_shape(a: Shape, indices: Shape, *, axis: int) -> Shape:
    if len(a) != len(indices) or without(a, axis) != without(indices, axis):
        raise ShapeError(f"{show(a)} and {show(indices)} differ in another axis than {axis}")
    return indices


# The entries at indices along an axis; the other axes are walked through together.
take_along_axis = Primitive(
    "take_along_axis",
    forward=_take_along,
    gradients={
        "a": lambda xp, g, indices, axis, shapes: _scatter_along(xp, g, indices, axis, shapes[0][axis])
    },
    tangents=lambda xp, change, y, a, indices, axis: _take_along(xp, change, indices, axis=axis),
    shape=_indices_shape,
    latex=lambda a, indices, axis: Formula(rf"{a.at(PRODUCT)}\left[{indices.text}\right]", PRODUCT),
    cost=no_cost,
    work=lambda shape, a, indices, axis: 6 * copy_work(shape),
    operand_kinds={"indices": ("real", "index")},
    expects="indices for each row along the axis",
)


def _take(xp: Arithmetic, a: Array, indices: Array) -> Array:
    places = _resolve(xp, indices, a.shape[0])
    if places.dtype.kind == "i":
        return np.asarray(a[places])
    columns = a.reshape(a.shape[0], -1).T
    taken = xp.take(columns, np.broadcast_to(places.reshape(1, -1), (len(columns), places.size)))
    return taken.T.reshape(*places.shape, *a.shape[1:])


def _take_gradient(xp: Arithmetic, g: Array, indices: Array, shapes: Any) -> Array:
    size, *rest = shapes[0]
    places = _resolve(xp, indices, size).reshape(-1)
    columns = g.reshape(places.size, -1).T
    return xp.scatter(columns, np.broadcast_to(places, columns.shape), size).T.reshape(size, *rest)


def _take_shape(a: Shape, indices: Shape) -> Shape:
    if not a:
        raise ShapeError("a number has no entries to take")
    return (*indices, *a[1:])


# The parts at indices of the first axis.
take = Primitive(
    "take",
    forward=_take,
    gradients={"a": _take_gradient},
    tangents=lambda xp, change, y, a, indices: _take(xp, change, indices),
    shape=_take_shape,
    latex=lambda a, indices: Formula(rf"{a.at(PRODUCT)}\left[{indices.text}\right]", PRODUCT),
    cost=no_cost,
    work=lambda shape, a, indices: 6 * copy_work(shape),
    operand_kinds={"indices": ("real", "index")},
    expects="indices of the first axis",
)


# Indices of an axis of a size as whole numbers from 0 on, for arithmetic with them.
index_numbers = Primitive(
    "index_numbers",
    forward=lambda xp, indices, *, size: _numbers(xp, _resolve(xp, indices, size)),
    shape=lambda indices, size: indices,
    latex=lambda indices, size: indices,
    cost=no_cost,
    operand_kinds={"indices": ("real", "index")},
    expects="indices",
)


def _numbers(xp: Arithmetic, places: Array) -> Array:
    return xp.whole(places) if places.dtype.kind == "i" else places


def _owners(xp: Arithmetic, indices: Array, axis: int, size: int) -> tuple[Array, Array]:
    """Return the last writing at each place of the last axis (from 1; 0 for none), and the places.

    Raises UnfitEntries for indices with cases.
    """
    places = np.moveaxis(_resolve(xp, indices, size), axis, -1)
    if places.dtype.kind != "i":
        try:
            places = places.astype(np.intp)
        except (TypeError, ValueError):
            raise UnfitEntries(
                "indices", "holds cases of symbols", "whole numbers", "cases of symbols"
            ) from None
    order = np.broadcast_to(np.arange(1, places.shape[-1] + 1), places.shape)
    owner = np.zeros((*places.shape[:-1], size), dtype=np.intp)
    np.put_along_axis(owner, places, order, axis=-1)
    return owner, places


def _keep_last(xp: Arithmetic, source: Array, indices: Array, axis: int, size: int) -> Array:
    """Return the entries that are the last at their place, and 0 for those that another one replaces."""
    owner, places = _owners(xp, indices, axis, size)
    is_last = np.take_along_axis(owner, places, axis=-1) == np.arange(1, places.shape[-1] + 1)
    return xp.where(np.moveaxis(is_last, -1, axis), source, count(xp, 0))


def _put(xp: Arithmetic, source: Array, indices: Array, *, axis: int, size: int, add: bool) -> Array:
    kept = source if add else _keep_last(xp, source, indices, axis, size)
    return _scatter_along(xp, kept, indices, axis, size)


def _put_gradient(xp: Arithmetic, g: Array, indices: Array, axis: int, size: int, add: bool) -> Array:
    taken = _take_along(xp, g, indices, axis=axis)
    return taken if add else _keep_last(xp, taken, indices, axis, size)


def _put_shape(source: Shape, indices: Shape, *, axis: int, size: Size, add: bool) -> Shape:
    if source != indices:
        raise ShapeError(f"{show(source)} does not hold an entry for each of {show(indices)}")
    rest, at = without(source, axis), len(source) + axis
    return (*rest[:at], size, *rest[at:])


# Entries at indices along an axis of zeros. Those at the same place are added, or the last of them is taken.
put_along_axis = Primitive(
    "put_along_axis",
    forward=_put,
    gradients={"source": _put_gradient},
    tangents=lambda xp, change, y, source, indices, axis, size, add: _put(
        xp, change, indices, axis=axis, size=size, add=add
    ),
    shape=_put_shape,
    work=lambda shape, source, indices, axis, size, add: 8 * copy_work(source) + copy_work(shape),
    latex=lambda source, indices, axis, size, add: Formula(
        rf"\operatorname{{put}}_{{{indices.text}}}\left({source.text}\right)"
    ),
    cost=no_cost,
    operand_kinds={"indices": ("real", "index")},
    expects="indices and entries of one shape",
)


# Which places along an axis have an index.
written_along_axis = Primitive(
    "written_along_axis",
    forward=lambda xp, indices, *, axis, size: np.moveaxis(_owners(xp, indices, axis, size)[0] > 0, -1, axis),
    shape=lambda indices, axis, size: _put_shape(indices, indices, axis=axis, size=size, add=False),
    latex=lambda indices, axis, size: Formula(rf"\text{{index}} \in {indices.text}", CONDITION),
    cost=no_cost,
    kind="boolean",
    operand_kinds={"indices": ("real", "index")},
    expects="indices",
)
