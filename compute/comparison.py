"""The reading that compares: two answers side by side, name by name.

What changed and by how much; whether what came out is what was, with slices along an axis in another order;
and, where the two questions differ only in entries, what the first order predicts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from compute.answers import Prepared
from compute.arithmetic.namespace import Array
from compute.evaluation import Evaluation
from compute.graph import Graph
from compute.linearization import Linearization

Order = tuple[int, ...]
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
SMALL = 0.1


@dataclass(frozen=True, slots=True)
class Permutation:
    """After is before with its slices in this order along these axes: after[i] = before[order[i]]."""

    order: Order
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How one value differs between two answers.

    difference: after less before, each before entry that was removed left out, or None where shapes
    differ otherwise; largest: its largest magnitude; at: where.
    """

    before: Array
    after: Array
    difference: Array | None
    largest: float | None
    at: list[int] | None
    permutation: Permutation | None


def differences(
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    removed: Order,
    known: Iterable[Order],
    arithmetic: str,
) -> dict[str, Difference]:
    """Each name that both answers have.

    removed: indices that were taken out along the axes that are shorter now; known: orders in which
    something was put, looked for along two axes at once where no single axis shows one.
    """
    names = [name for name in before if name in after]
    tolerance = TOLERANCE[arithmetic]
    with np.errstate(all="ignore"):
        single = {name: _along_one_axis(before[name], after[name], tolerance) for name in names}
        orders = list(dict.fromkeys([*known, *(one.order for one in single.values() if one is not None)]))
        result = {}
        for name in names:
            one, other = before[name], after[name]
            permutation = single[name] or _along_two_axes(one, other, orders, tolerance)
            kept = _without(one, other.shape, removed)
            result[name] = Difference(one, other, *_subtract(kept, other), permutation)
    return result


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
    stays = (after == before) | (np.isnan(after) & np.isnan(before))  # infinities and NaN among them
    difference = np.where(stays, 0, after - before)
    size = np.abs(difference)
    place = np.unravel_index(int(np.argmax(size)), size.shape)
    return difference, float(size[place]), [int(index) for index in place]


def _close(one: Array, other: Array, tolerance: float) -> bool:
    finite = np.abs(one[np.isfinite(one)])
    size = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(other, one, rtol=tolerance, atol=tolerance * size, equal_nan=True))


def _along_one_axis(before: Array, after: Array, tolerance: float) -> Permutation | None:
    """The order in which slices along one axis appear again, where it is not the one they had."""
    if before.shape != after.shape or before.dtype == np.bool_ or _close(before, after, tolerance):
        return None
    for axis in range(before.ndim):
        order = _order(np.moveaxis(before, axis, 0), np.moveaxis(after, axis, 0))
        if _close(before.take(order, axis), after, tolerance):
            return Permutation(tuple(order), (axis,))
    return None


def _order(before: Array, after: Array) -> list[int]:
    """The order that makes the slices of before those of after, if any does.

    Slices are told apart by one number each, a sum with weights that nothing in the data knows of.
    """
    rng = np.random.default_rng(20)
    weights = rng.uniform(1, 2, before[0].size)
    keys = [
        np.nan_to_num(one.reshape(len(one), -1).astype(np.float64), posinf=1e100, neginf=-1e100) @ weights
        for one in (before, after)
    ]
    ranks = [np.argsort(key, kind="stable") for key in keys]
    order = np.empty(len(before), dtype=int)
    order[ranks[1]] = ranks[0]
    return [int(index) for index in order]


def _along_two_axes(before: Array, after: Array, orders: list[Order], tolerance: float) -> Permutation | None:
    """The same for one order along two axes at once, such as queries and keys."""
    if before.shape != after.shape or before.dtype == np.bool_ or _close(before, after, tolerance):
        return None
    for order in orders:
        fitting = [axis for axis, size in enumerate(before.shape) if size == len(order)]
        for one, other in combinations(fitting, 2):
            if _close(before.take(order, one).take(order, other), after, tolerance):
                return Permutation(order, (one, other))
    return None


class Prediction:
    """The change of every value to first order, where two questions differ only in entries.

    possible: whether the two have the same graph, constants aside; small: whether every entry that
    differs does so by at most a tenth of the largest entry beside it.
    """

    def __init__(
        self,
        before: Prepared,
        after: Prepared,
        entries: Mapping[str, Array],
        changed: Mapping[str, Array],
        names: Iterable[str],
    ) -> None:
        """entries: what is known before, by name; changed: what is known after."""
        self.graph = before.graph
        self.possible = _same(before.graph, after.graph)
        self.small = False
        if not self.possible:
            return
        arithmetic = before.evaluation.arithmetic
        known = {self.graph.names[name].index: array for name, array in entries.items()}
        later = {after.graph.names[name].index: array for name, array in changed.items()}
        evaluation = Evaluation(self.graph, arithmetic, known)
        if not all(evaluation.reachable[index] for index in later) or not known.keys() <= later.keys():
            self.possible = False
            return
        constants = _constants(before.graph, after.graph)
        evaluation.want([*later, *constants])
        with np.errstate(all="ignore"):
            base = evaluation.run(known)
            moved = {
                index: arithmetic.subtract(array, base[index])
                for index, array in later.items()
                if array.dtype != np.bool_ and not np.array_equal(array, base[index])
            }
            for index in constants:
                attributes = after.graph.values[index].attributes
                constant = arithmetic.constant(attributes["expression"], attributes["sizes"])
                moved[index] = arithmetic.subtract(constant, base[index])
            booleans = (index for index, array in later.items() if array.dtype == np.bool_)
            self.possible = all(np.array_equal(later[index], base[index]) for index in booleans)
            self.small = all(
                np.abs(change).max() <= SMALL * np.abs(base[index]).max() for index, change in moved.items()
            )
            plan = Linearization(evaluation, moved, [self.graph.names[name].index for name in names])
            self._tangents = plan.run(evaluation.run(known), moved)

    def of(self, name: str, like: Array) -> Array:
        """The predicted change of a value; zeros where no change reaches it."""
        found = self._tangents.get(self.graph.names[name].index)
        return np.zeros_like(like) if found is None else found


def _same(before: Graph, after: Graph) -> bool:
    """Whether two graphs take the same steps on the same shapes."""
    if len(before.values) != len(after.values):
        return False
    return all(
        one.primitive is other.primitive
        and one.shape == other.shape
        and [operand.index for operand in one.inputs] == [operand.index for operand in other.inputs]
        and (one.attributes == other.attributes or _is_constant(one.primitive))
        for one, other in zip(before.values, after.values, strict=True)
    )


def _is_constant(primitive: object) -> bool:
    return getattr(primitive, "name", "") == "constant"


def _constants(before: Graph, after: Graph) -> list[int]:
    """Constants that differ."""
    pairs = zip(before.values, after.values, strict=True)
    return [one.index for one, other in pairs if one.attributes != other.attributes]
