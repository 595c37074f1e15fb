"""What the first order says of a change: every value's Jacobian times the change, where two questions differ
only in entries and constants.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph, Value
from compute.question.answer import Plan
from compute.question.comparison import change
from compute.readings.evaluation import Evaluation
from compute.readings.forward_mode import Linearization

SMALL = 0.1


class Prediction:
    """The change of every value to first order.

    possible: whether the two questions have the same graph, constants aside; small: whether every change is
    at most a tenth of the largest entry beside it.
    """

    def __init__(
        self,
        before: Plan,
        after: Plan,
        entries: Mapping[str, Array],
        changed: Mapping[str, Array],
        names: Iterable[str],
    ) -> None:
        """entries: what is known before, by name; changed: what is known after."""
        self.graph = before.graph
        self.small = False
        self._tangents: dict[int, Array] = {}
        known = {self.graph.names[name].index: array for name, array in entries.items()}
        self.possible = _same(before.graph, after.graph)
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
            for index in _constants(before.graph, after.graph)
            if evaluation.reachable[index] and after.evaluation.reachable[index]
        ]
        evaluation.request([*later, *constants])
        with np.errstate(all="ignore"):
            base = evaluation.run(known)
            for index in constants:
                later[index] = _constant(after, index)
            booleans = [index for index, array in later.items() if array.dtype == np.bool_]
            self.possible = all(np.array_equal(later[index], base[index]) for index in booleans)
            # What is computed before and known after holds still, whatever it is made of.
            moved = {
                index: change(base[index], array)
                for index, array in later.items()
                if index not in booleans
                and (index not in known or not np.array_equal(array, base[index], equal_nan=True))
            }
            changed_at = {index for index, one in moved.items() if one.any()}
            self.possible = self.possible and not _chooses(self.graph, changed_at)
            self.small = all(_is_small(one, base[index]) for index, one in moved.items())
            wanted = [self.graph.names[name].index for name in names]
            plan = Linearization(evaluation, moved, wanted)
            self._tangents = plan.run(evaluation.run(known), moved)

    def of(self, name: str, like: Array) -> Array:
        """The predicted change of a value; zeros where no change reaches it."""
        found = self._tangents.get(self.graph.names[name].index)
        return np.zeros_like(like) if found is None else found


def _chooses(graph: Graph, changed: set[int]) -> bool:
    """Whether something that changed is used where no change passes on, such as the places of maxima."""
    return any(
        operand.index in changed and rule is None
        for value in graph.values
        if value.applied is not None
        for operand, rule in zip(value.inputs, value.applied.rules, strict=True)
    )


def _is_small(moved: Array, base: Array) -> bool:
    finite = np.where(np.isfinite(base), np.abs(base), 0)
    return bool(np.abs(moved).max() <= SMALL * finite.max())


def _same(before: Graph, after: Graph) -> bool:
    """Whether two graphs take the same steps on the same shapes."""
    if len(before.values) != len(after.values):
        return False
    return all(
        one.primitive is other.primitive
        and one.shape == other.shape
        and [operand.index for operand in one.inputs] == [operand.index for operand in other.inputs]
        and (one.attributes == other.attributes or _is_constant(one))
        for one, other in zip(before.values, after.values, strict=True)
    )


def _is_constant(value: Value) -> bool:
    return value.primitive is not None and value.primitive.name == "constant"


def _constants(before: Graph, after: Graph) -> list[int]:
    """Constants that differ."""
    pairs = zip(before.values, after.values, strict=True)
    return [one.index for one, other in pairs if one.attributes != other.attributes]


def _constant(prepared: Plan, index: int) -> Array:
    attributes = prepared.graph.values[index].attributes
    return prepared.evaluation.arithmetic.constant(attributes["expression"], attributes["sizes"])
