"""The reading that predicts: forward mode, from small changes of some values to those of all others.

The change of a value to first order is its Jacobian times the change of what it is made of. How a change
passes a primitive follows from what the primitive declares (`Primitive.tangents`), so there is no second
set of rules.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.namespace import Array
from compute.graph.primitive import KEPT, RESULT
from compute.graph.value import Value
from compute.readings.evaluation import Evaluation


class Linearization:
    """A plan of forward-mode differentiation on top of one evaluation.

    seeds: indices of the values that are changed; what a seed is computed from does not change it.
    wanted: indices of the values whose change is asked for.
    """

    def __init__(self, evaluation: Evaluation, seeds: Collection[int], wanted: Iterable[int]) -> None:
        self.evaluation = evaluation
        self.seeds = frozenset(seeds)
        graph = evaluation.graph
        self.moved = set(self.seeds)
        for value in graph.values:
            computed = evaluation.reachable[value.index] and value.index not in evaluation.known
            if computed and any(operand.index in self.moved for operand in _carrying(value)):
                self.moved.add(value.index)
        self._steps = self._needed(wanted)
        evaluation.request(operand.index for value in self._steps for operand in (value, *value.inputs))

    def _needed(self, wanted: Iterable[int]) -> list[Value]:
        """The values through which changes reach what is wanted, in order of computation."""
        values = self.evaluation.graph.values
        pending = [index for index in wanted if index in self.moved]
        found: set[int] = set()
        while pending:
            index = pending.pop()
            if index not in found:
                found.add(index)
                if index not in self.seeds:
                    pending.extend(one.index for one in _carrying(values[index]) if one.index in self.moved)
        return [values[index] for index in sorted(found - self.seeds)]

    def run(self, values: Mapping[int, Array], changes: Mapping[int, Array]) -> dict[int, Array]:
        """The change of each value to first order, for one change of each seed; others do not change."""
        tangents = {index: changes[index] for index in self.seeds}
        for value in self._steps:
            tangents[value.index] = self._carry(value, values, tangents)
        return tangents

    def _carry(self, value: Value, values: Mapping[int, Array], tangents: Mapping[int, Array]) -> Array:
        assert value.applied is not None  # what is known has no change of its own
        primitive, arithmetic = value.applied.primitive, self.evaluation.arithmetic
        operands = [values[operand.index] for operand in value.inputs]
        moved = [tangents.get(operand.index) for operand in value.inputs]
        if primitive.tangents == "linear":
            changed = [
                arithmetic.zeros(operand.shape) if change is None else change
                for operand, change in zip(operands, moved, strict=True)
            ]
            return primitive.forward(arithmetic, *changed, **value.attributes)
        if primitive.tangents == "complex_step":
            lifted = [
                operand if change is None else operand + 1j * STEP * change.astype(np.float64)
                for operand, change in zip(operands, moved, strict=True)
            ]
            found = primitive.forward(COMPLEX_STEP, *lifted, **value.attributes)
            return (np.imag(found) / STEP).astype(values[value.index].dtype)
        if callable(primitive.tangents):
            [single] = [one for one in moved if one is not None]
            result = values[value.index]
            return primitive.tangents(arithmetic, single, result, *operands, **value.attributes)
        parts = []
        for at, change in enumerate(moved):
            rule = value.applied.rules[at]
            if change is None or rule is None:
                continue
            if primitive.tangents == "product":
                changed = [*operands[:at], change, *operands[at + 1 :]]
                parts.append(primitive.forward(arithmetic, *changed, **value.attributes))
            else:
                whole = arithmetic.add(change, arithmetic.zeros(values[value.index].shape))
                bound = {name: value.attributes[name] for name in rule.attributes}
                has: dict[int, Any] = {**dict(enumerate(operands)), RESULT: values[value.index]}
                if KEPT in rule.needs and primitive.keeping is not None:
                    has[KEPT] = primitive.keeping(arithmetic, *operands, **value.attributes)[1]
                needs = [has[place] for place in rule.needs]
                parts.append(rule.function(arithmetic, whole, *needs, **bound))
        total = parts[0]
        for part in parts[1:]:
            total = arithmetic.add(total, part)
        return total


def _carrying(value: Value) -> list[Value]:
    """The operands whose changes pass on to a value."""
    return [] if value.applied is None else [value.inputs[place] for place in value.applied.passing]
