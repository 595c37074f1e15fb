"""How much of each value rounding leaves certain.

Every number that comes and every result of arithmetic is changed by a tiny part of itself, up or down at
random, and the graph evaluated so. What comes out changed by much more is a difference of what is nearly
equal, or an exponential of something large: its last digits are rounding. All steps take part, for also a
question whose inputs hardly matter can lose its digits on the way: 1 - cos(x) for a small x.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.graph.value import Value
from compute.readings.evaluation import Evaluation
from compute.readings.verification.evidence import Condition, bounded
from compute.readings.verification.rounding import RUNS, Rounded

CHANGE = 2.0**-40
FINER = 2.0**-52  # by which what a change made anything of is changed once more
ANYTHING = 0.1  # beside itself: more than this is no multiple of a change
MOST = 1e30  # all digits are long gone
# Relative changes are spared a remark up to these: of what is largest in a value, and of any single entry.
# They leave 11 and 5 digits of float64 certain, 5 and 2 of float32.
SPARED = {"float64": (1e4, 1e10), "float32": (1e2, 1e5)}


class Conditions:
    """How changes are magnified on the way to the values that are returned.

    evaluation: in float64, whatever the answer is in; name: the numbers of the answer.
    """

    def __init__(self, evaluation: Evaluation, returned: Iterable[str], name: str) -> None:
        self.evaluation, self.kind = evaluation, name
        self.wanted = {
            value.index: str(value.name)
            for value in (evaluation.graph.names[one] for one in returned)
            if value.kind == "real" and not value.is_input
        }
        values = evaluation.graph.values
        chosen = {index for value in values for index in _choosing(value)}
        self._changed = sorted({one for one in evaluation.known if values[one].kind == "real"} - chosen)

    def found(self, base: Mapping[int, Array]) -> list[Condition]:
        """The values of which little is certain."""
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
        """How many times such a change comes out larger: beside the largest entry, and each beside itself."""
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
        """Runs with everything changed; without what comes, where a step takes only some numbers of it."""
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
            name, bounded(largest), self._digits(largest), at, bounded(entry), self._digits(entry)
        )

    def _digits(self, magnification: float) -> int:
        """How many decimal digits such a magnification leaves of those that numbers have."""
        rounding = float(np.finfo(self.kind).eps)
        return max(0, math.floor(-math.log10(bounded(max(magnification, 1.0)) * rounding)))


def _times(made: Any, beside: Any, change: float) -> Any:
    return np.minimum(made / beside / change, MOST)


def _choosing(value: Value) -> list[int]:
    """The operands of a step that choose what it does, such as places: no change of theirs is small."""
    applied = value.applied
    if applied is None or not applied.differentiable:
        return []
    return [one.index for one, rule in zip(value.inputs, applied.rules, strict=True) if rule is None]
