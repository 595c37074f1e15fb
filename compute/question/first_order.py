"""First-order prediction of changes: Jacobian-vector products for two questions that differ only in entries
and constants.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph, Value
from compute.question.answer import Plan
from compute.question.comparison import change_between
from compute.readings.evaluation import Evaluation
from compute.readings.forward_mode import Linearization

SMALL = 0.1  # times the largest entry


class Prediction:
    """The change of every value to first order.

    possible: whether the two questions have the same graph apart from constants.
    small: whether every change is at most a tenth of the largest entry of its array.
    """

    def __init__(
        self,
        before: Plan,
        after: Plan,
        entries: Mapping[str, Array],
        changed: Mapping[str, Array],
        names: Iterable[str],
    ) -> None:
        """entries, changed: the known arrays before and after, by name. names: the values to predict."""
        self.graph = before.graph
        self.small = False
        self._tangents: dict[int, Array] = {}
        known = {self.graph.names[name].index: array for name, array in entries.items()}
        self.possible = _have_same_steps(before.graph, after.graph)
        if not self.possible:
            return
        later = {after.graph.names[name].index: array for name, array in changed.items()}
        evaluation = Evaluation(self.graph, before.evaluation.arithmetic, known)
        reached = all(evaluation.reachable[index] for index in later)
        if not reached or not known.keys() <= later.keys():
            self.possible = False
            return
        constants = [
            index
            for index in _differing_constants(before.graph, after.graph)
            if evaluation.reachable[index] and after.evaluation.reachable[index]
        ]
        evaluation.request([*later, *constants])
        with np.errstate(all="ignore"):
            base = evaluation.run(known)
            for index in constants:
                later[index] = _compute_constant(after, index)
            booleans = [index for index, array in later.items() if array.dtype == np.bool_]
            self.possible = all(np.array_equal(later[index], base[index]) for index in booleans)
            # Values that are known only afterwards have this change, whatever their operands do.
            changes = {
                index: change_between(base[index], array)
                for index, array in later.items()
                if index not in booleans
                and (index not in known or not np.array_equal(array, base[index], equal_nan=True))
            }
            changed_at = {index for index, array in changes.items() if array.any()}
            self.possible = self.possible and not _has_cut_changes(self.graph, changed_at)
            self.small = all(_is_small(array, base[index]) for index, array in changes.items())
            wanted = [self.graph.names[name].index for name in names]
            plan = Linearization(evaluation, changes, wanted)
            self._tangents = plan.run(evaluation.run(known), changes)

    def of(self, name: str, like: Array) -> Array:
        """Return the predicted change of a value; zeros like `like` if no change reaches it."""
        tangent = self._tangents.get(self.graph.names[name].index)
        return np.zeros_like(like) if tangent is None else tangent


def _has_cut_changes(graph: Graph, changed: set[int]) -> bool:
    """Return whether a changed value is an operand without a derivative, such as the indices of maxima."""
    return any(
        operand.index in changed and rule is None
        for value in graph.values
        if value.applied is not None
        for operand, rule in zip(value.inputs, value.applied.rules, strict=True)
    )


def _is_small(change: Array, base: Array) -> bool:
    finite = np.where(np.isfinite(base), np.abs(base), 0)
    return bool(np.abs(change).max() <= SMALL * finite.max())


def _have_same_steps(before: Graph, after: Graph) -> bool:
    """Return whether two graphs have the same steps and shapes, apart from constants."""
    if len(before.values) != len(after.values):
        return False
    return all(
        old.primitive is new.primitive
        and old.shape == new.shape
        and [operand.index for operand in old.inputs] == [operand.index for operand in new.inputs]
        and (old.attributes == new.attributes or _is_constant(old))
        for old, new in zip(before.values, after.values, strict=True)
    )


def _is_constant(value: Value) -> bool:
    return value.primitive is not None and value.primitive.name == "constant"


def _differing_constants(before: Graph, after: Graph) -> list[int]:
    """Return the indices of constants that differ."""
    pairs = zip(before.values, after.values, strict=True)
    return [old.index for old, new in pairs if old.attributes != new.attributes]


def _compute_constant(plan: Plan, index: int) -> Array:
    attributes = plan.graph.values[index].attributes
    return plan.evaluation.arithmetic.constant(attributes["expression"], attributes["sizes"])
