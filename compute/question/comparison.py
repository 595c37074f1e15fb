"""The reading that compares: two answers side by side, name by name.

What changed and by how much; and whether what came out is what was, with slices along axes in another order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.question.answer import Plan

Order = tuple[int, ...]
ORDERS = 8  # that are tried along one axis while another is looked for


@dataclass(frozen=True, slots=True)
class Permutation:
    """Slices along one axis are in another order: after[i] = before[order[i]]."""

    axis: int
    order: Order


@dataclass(frozen=True, slots=True)
class Difference:
    """How one value differs between two answers; before or after is None where it has no such value.

    difference: after less before, each before entry that was removed left out, or None where the entries
    of the two do not stand for the same; largest: its largest magnitude; at: where; permutation: along which
    axes after is before in another order, all at once.
    """

    before: Array | None
    after: Array | None
    difference: Array | None = None
    largest: float | None = None
    at: list[int] | None = None
    permutation: tuple[Permutation, ...] = ()


def differences(
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    comparable: Iterable[str],
    removed: Order,
    known: Iterable[Order],
    arithmetic: Floating,
) -> dict[str, Difference]:
    """Each name that either answer has. Names of one value share what is found.

    comparable: the names whose axes mean the same in both; removed: indices that were taken out along the
    axes that are shorter now; known: orders in which something was put.
    """
    both = [name for name in comparable if name in before and name in after]
    pairs = {name: (id(before.get(name)), id(after.get(name))) for name in {**before, **after}}
    first = {pairs[name]: name for name in reversed(both)}
    repeated = {name: first[pairs[name]] for name in both if first[pairs[name]] != name}
    both = [name for name in both if name not in repeated]
    with np.errstate(all="ignore"):
        moved = [name for name in both if _may_be_moved(before[name], after[name], arithmetic)]
        found = {name: _one_axis(before[name], after[name], (), arithmetic) for name in moved}
        orders = list(dict.fromkeys([*known, *(one[0].order for one in found.values() if one)]))[:ORDERS]
        result = {name: Difference(before.get(name), after.get(name)) for name in {**before, **after}}
        for name in both:
            one, other = before[name], after[name]
            permutation = found.get(name, ())
            if name in moved and not permutation:
                permutation = _one_axis(one, other, orders, arithmetic) or _two_axes(
                    one, other, orders, arithmetic
                )
            kept = _without(one, other.shape, removed)
            result[name] = Difference(one, other, *_subtract(kept, other), permutation)
    return result | {name: result[same] for name, same in repeated.items()}


def comparable_names(before: Plan, after: Plan, has_removed: bool) -> list[str]:
    """The names whose axes run over the same in both: no turned matrices, no bands of other keys."""
    names = []
    for name, value in before.graph.names.items():
        other = after.graph.names.get(name)
        if other is None or other.axes != value.axes:
            continue
        banded = value.declared.banded if value.declared is not None else ""
        is_band = bool(banded) and "offset" in value.axes
        ways = [(one.conventions.get(banded), one.conventions.get("band")) for one in (before, after)]
        if is_band and (has_removed or ways[0] != ways[1]):
            continue
        names.append(name)
    return names


def _without(before: Array, shape: tuple[int, ...], removed: Order) -> Array:
    """Before, less what was removed, where that gives the shape that is wanted."""
    if before.ndim == len(shape) and removed:
        for axis, (old, new) in enumerate(zip(before.shape, shape, strict=True)):
            if old == new + len(removed) and max(removed) < old:
                before = np.delete(before, removed, axis)
    return before


def _subtract(before: Array, after: Array) -> tuple[Array | None, float | None, list[int] | None]:
    if before.shape != after.shape or before.dtype == np.bool_:
        return None, None, None
    difference = change(before, after)
    size = np.abs(difference)
    place = np.unravel_index(int(np.argmax(size)), size.shape)
    return difference, float(size[place]), [int(index) for index in place]


def change(before: Array, after: Array) -> Array:
    """After less before; infinities and NaN that stay are no change."""
    stays = (after == before) | (np.isnan(after) & np.isnan(before))
    found: Array = np.where(stays, 0, after - before)
    return found


def _may_be_moved(before: Array, after: Array, arithmetic: Floating) -> bool:
    return before.shape == after.shape and before.dtype != np.bool_ and not arithmetic.close(before, after)


def _one_axis(
    before: Array, after: Array, orders: Iterable[Order], arithmetic: Floating
) -> tuple[Permutation, ...]:
    """The order in which slices along one axis appear again: one of these, or whatever sorting finds."""
    for axis, size in enumerate(before.shape):
        for order in [*(one for one in orders if len(one) == size), _order(before, after, axis)]:
            if arithmetic.close(before.take(order, axis), after):
                return (Permutation(axis, order),)
    return ()


def _two_axes(
    before: Array, after: Array, orders: Iterable[Order], arithmetic: Floating
) -> tuple[Permutation, ...]:
    """A known order along one axis, and along another the same, a known one or whatever sorting finds."""
    orders = list(orders)
    for order in orders:
        for axis, size in enumerate(before.shape):
            if size == len(order):
                moved = before.take(order, axis)
                for other in range(before.ndim):
                    if other != axis:
                        again = [order, *orders, _order(moved, after, other)]
                        for second in (one for one in again if len(one) == before.shape[other]):
                            if arithmetic.close(moved.take(second, other), after):
                                found = (Permutation(axis, order), Permutation(other, second))
                                return tuple(sorted(found, key=lambda one: one.axis))
    return ()


def _order(before: Array, after: Array, axis: int) -> Order:
    """The order that makes the slices of before those of after, if any does.

    Slices are told apart by two numbers each, sums with weights that nothing in the data knows of: one over
    where they are not finite, and one over what is finite.
    """
    weights = np.random.default_rng(20).uniform(1, 2, before.size // before.shape[axis])
    ranks = []
    for one in (before, after):
        rows = np.moveaxis(one, axis, 0).reshape(one.shape[axis], -1).astype(np.float64)
        finite = np.isfinite(rows)
        marks = np.where(finite, 0, np.where(np.isnan(rows), 3, np.where(rows > 0, 2, 1)))
        ranks.append(np.lexsort((np.where(finite, rows, 0) @ weights, marks @ weights)))
    order = np.empty(before.shape[axis], dtype=int)
    order[ranks[1]] = ranks[0]
    return tuple(int(index) for index in order)
