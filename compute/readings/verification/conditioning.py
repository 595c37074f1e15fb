"""The number of digits of each value that survive rounding.

Every input and every result of arithmetic gets a small relative change, up or down at random, and the graph
is evaluated so. A value that changes by much more is a difference of nearly equal numbers, or an exponential
of a large one: its last digits are rounding. All steps take part, since digits can get lost on the way even
if the result hardly depends on the inputs: 1 - cos(x) for a small x.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.graph.graph import Value
from compute.readings.evaluation import Evaluation
from compute.readings.verification.evidence import Condition, round_up
from compute.readings.verification.rounding import RUNS, Rounded

CHANGE = 2.0**-40
FINER = 2.0**-52  # the change for a second try, if the first one saturates
ANYTHING = 0.1  # a relative change of the result above this is no longer proportional
MOST = 1e30  # no digits are left long before
# Magnifications up to these are not reported: of the largest entry of a value, and of any single entry. They
# leave 11 and 5 digits of float64, 5 and 2 of float32.
SPARED = {"float64": (1e4, 1e10), "float32": (1e2, 1e5)}


class Conditions:
    """Measures how relative changes are magnified on the way to the returned values.

    evaluation: in float64, whatever the arithmetic of the answer.
    returned: names of the values.
    name: the arithmetic of the answer.
    """

    def __init__(self, evaluation: Evaluation, returned: Iterable[str], name: str) -> None:
        self.evaluation, self.kind = evaluation, name
        self.wanted = {
            value.index: str(value.name)
            for value in (evaluation.graph.names[one] for one in returned)
            if value.kind == "real" and not value.is_input
        }
        values = evaluation.graph.values
        chosen = {index for value in values for index in _discrete_operands(value)}
        self._changed = sorted({one for one in evaluation.known if values[one].kind == "real"} - chosen)

    def find(self, base: Mapping[int, Array]) -> list[Condition]:
        """Return the conditions of the values that lose many digits."""
        largest, each = self._magnified(base, self.wanted, CHANGE)
        saturated = [index for index, found in each.items() if found.max() > ANYTHING / CHANGE]
        if saturated:
            finer = self._magnified(base, saturated, FINER)
            for index, found in finer[1].items():
                largest[index] = max(largest[index], finer[0][index])
                each[index] = np.maximum(each[index], found)
        whole, entry = SPARED[self.kind]
        return [
            self._condition(name, largest[index], each[index])
            for index, name in self.wanted.items()
            if index in each and (largest[index] > whole or each[index].max() > entry)
        ]

    def _magnified(
        self, base: Mapping[int, Array], indices: Iterable[int], change: float
    ) -> tuple[dict[int, float], dict[int, Array]]:
        """Return by how much such a change is magnified: relative to the largest entry, and of each entry."""
        indices = list(indices)
        largest = dict.fromkeys(indices, 0.0)
        each: dict[int, Array] = {}
        for values in self._changed_runs(base, change):
            for index in indices:
                changes = np.abs(np.where(values[index] == base[index], 0, values[index] - base[index]))
                changes = np.where(np.isfinite(changes) & np.isfinite(base[index]), changes, 0)
                sizes = np.where(np.isfinite(base[index]), np.abs(base[index]), 0)
                beside = float(sizes.max(initial=0))
                if beside > 0:
                    largest[index] = max(largest[index], float(_times(changes.max(), beside, change)))
                    single = np.where(sizes > 0, _times(changes, np.where(sizes > 0, sizes, 1), change), 0)
                    each[index] = np.maximum(single, each.get(index, 0.0))
        return largest, each

    def _changed_runs(self, base: Mapping[int, Array], change: float) -> Iterator[dict[int, Array]]:
        """Yield runs with everything perturbed; with unperturbed inputs, if a step rejects perturbed ones."""
        rounded = Rounded(self.evaluation, change)
        for _ in range(RUNS):
            for moved in (self._changed, ()):
                try:
                    values = rounded.run(base, moved)
                except UnfitEntries:
                    continue
                yield values
                break

    def _condition(self, name: str, largest: float, each: Array) -> Condition:
        place = int(each.argmax())
        at = [int(one) for one in np.unravel_index(place, each.shape)] if each.ndim else []
        entry = float(each.flat[place])
        return Condition(
            name, round_up(largest), self._digits(largest), at, round_up(entry), self._digits(entry)
        )

    def _digits(self, magnification: float) -> int:
        """Return how many decimal digits are left after such a magnification."""
        rounding = float(np.finfo(self.kind).eps)
        return max(0, math.floor(-math.log10(round_up(max(magnification, 1.0)) * rounding)))


def _times(made: Any, beside: Any, change: float) -> Any:
    return np.minimum(made / beside / change, MOST)


def _discrete_operands(value: Value) -> list[int]:
    """Return the operands of a step that are discrete, such as indices: no change of theirs is small."""
    applied = value.applied
    if applied is None or not applied.differentiable:
        return []
    return [operand.index for operand, rule in zip(value.inputs, applied.rules, strict=True) if rule is None]
