"""Comparison of two answers, name by name: their differences, and permutations of slices along axes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.question.answer import Plan

Order = tuple[int, ...]
MAX_ORDERS = 8  # known orders that are tried along each axis


@dataclass(frozen=True, slots=True)
class Permutation:
    """A permutation of the slices along one axis: after[i] = before[order[i]]."""

    axis: int
    order: Order


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of one value between two answers.

    before, after: the value; None if an answer does not have it.
    difference: after minus before, without the removed entries of before; None if entries do not correspond.
    largest: the largest magnitude of the difference.
    at: the index of that entry.
    permutation: the permutations, one per axis, that together turn before into after.
    """

    before: Array | None
    after: Array | None
    difference: Array | None = None
    largest: float | None = None
    at: list[int] | None = None
    permutation: tuple[Permutation, ...] = ()


def compare_answers(
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    comparable: Iterable[str],
    removed: Order,
    known: Iterable[Order],
    arithmetic: Floating,
) -> dict[str, Difference]:
    """Return the difference for each name that either answer has. Names of the same value share one.

    comparable: the names whose axes mean the same in both answers.
    removed: indices that were removed along the axes that are shorter in after.
    known: orders that a change applied; they are tried first.
    """
    both = [name for name in comparable if name in before and name in after]
    pairs = {name: (id(before.get(name)), id(after.get(name))) for name in {**before, **after}}
    first = {pairs[name]: name for name in reversed(both)}
    repeated = {name: first[pairs[name]] for name in both if first[pairs[name]] != name}
    both = [name for name in both if name not in repeated]
    with np.errstate(all="ignore"):
        candidates = [name for name in both if _may_be_permuted(before[name], after[name], arithmetic)]
        along_one_axis = {
            name: _permutation_along_one_axis(before[name], after[name], (), arithmetic)
            for name in candidates
        }
        orders = [*known, *(permutation.order for found in along_one_axis.values() for permutation in found)]
        orders = list(dict.fromkeys(orders))[:MAX_ORDERS]
        result = {name: Difference(before.get(name), after.get(name)) for name in {**before, **after}}
        for name in both:
            old, new = before[name], after[name]
            permutation = along_one_axis.get(name, ())
            if name in candidates and not permutation:
                permutation = _permutation_along_one_axis(
                    old, new, orders, arithmetic
                ) or _permutation_along_two_axes(old, new, orders, arithmetic)
            kept = _remove_entries(old, new.shape, removed)
            result[name] = Difference(old, new, *_subtract(kept, new), permutation)
    return result | {name: result[same] for name, same in repeated.items()}


def comparable_names(before: Plan, after: Plan, has_removed: bool) -> list[str]:
    """Return the names whose axes mean the same in both plans.

    Excluded are transposed matrices, and bands whose offsets refer to different keys.
    """
    names = []
    for name, value in before.graph.names.items():
        other = after.graph.names.get(name)
        if other is None or other.axes != value.axes:
            continue
        banded = value.declared.banded if value.declared is not None else ""
        is_band = bool(banded) and "offset" in value.axes
        bands = [(plan.conventions.get(banded), plan.conventions.get("band")) for plan in (before, after)]
        if is_band and (has_removed or bands[0] != bands[1]):
            continue
        names.append(name)
    return names


def _remove_entries(before: Array, shape: tuple[int, ...], removed: Order) -> Array:
    """Return before without the removed indices, along each axis that is shorter by their number."""
    if before.ndim == len(shape) and removed:
        for axis, (old, new) in enumerate(zip(before.shape, shape, strict=True)):
            if old == new + len(removed) and max(removed) < old:
                before = np.delete(before, removed, axis)
    return before


def _subtract(before: Array, after: Array) -> tuple[Array | None, float | None, list[int] | None]:
    if before.shape != after.shape or before.dtype == np.bool_:
        return None, None, None
    difference = change_between(before, after)
    size = np.abs(difference)
    at = np.unravel_index(int(np.argmax(size)), size.shape)
    return difference, float(size[at]), [int(index) for index in at]


def change_between(before: Array, after: Array) -> Array:
    """Return after minus before; 0 for infinities and NaN that are the same in both."""
    is_same = (after == before) | (np.isnan(after) & np.isnan(before))
    difference: Array = np.where(is_same, 0, after - before)
    return difference


def _may_be_permuted(before: Array, after: Array, arithmetic: Floating) -> bool:
    return before.shape == after.shape and before.dtype != np.bool_ and not arithmetic.close(before, after)


def _permutation_along_one_axis(
    before: Array, after: Array, orders: Iterable[Order], arithmetic: Floating
) -> tuple[Permutation, ...]:
    """Find a permutation along one axis that turns before into after: a known order, or one by sorting."""
    for axis, size in enumerate(before.shape):
        for order in [*(order for order in orders if len(order) == size), _find_order(before, after, axis)]:
            if arithmetic.close(before.take(order, axis), after):
                return (Permutation(axis, order),)
    return ()


def _permutation_along_two_axes(
    before: Array, after: Array, orders: Iterable[Order], arithmetic: Floating
) -> tuple[Permutation, ...]:
    """Find two permutations: a known order along one axis, and one known or by sorting along another."""
    orders = list(orders)
    for order in orders:
        for axis, size in enumerate(before.shape):
            if size == len(order):
                permuted = before.take(order, axis)
                for other in range(before.ndim):
                    if other != axis:
                        tried = [order, *orders, _find_order(permuted, after, other)]
                        for second in (order for order in tried if len(order) == before.shape[other]):
                            if arithmetic.close(permuted.take(second, other), after):
                                pair = (Permutation(axis, order), Permutation(other, second))
                                return tuple(sorted(pair, key=lambda permutation: permutation.axis))
    return ()


def _find_order(before: Array, after: Array, axis: int) -> Order:
    """Return the order that turns the slices of before into those of after, if there is one.

    Slices are sorted by two random projections: of the marks of entries that are not finite, and of the
    finite entries.
    """
    weights = np.random.default_rng(20).uniform(1, 2, before.size // before.shape[axis])
    ranks = []
    for array in (before, after):
        rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1).astype(np.float64)
        finite = np.isfinite(rows)
        marks = np.where(finite, 0, np.where(np.isnan(rows), 3, np.where(rows > 0, 2, 1)))
        ranks.append(np.lexsort((np.where(finite, rows, 0) @ weights, marks @ weights)))
    order = np.empty(before.shape[axis], dtype=int)
    order[ranks[1]] = ranks[0]
    return tuple(int(index) for index in order)
