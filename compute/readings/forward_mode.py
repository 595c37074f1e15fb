"""Forward-mode differentiation: push the tangents of some values to all values that depend on them.

The tangent of a value is its Jacobian times the tangents of its inputs. A primitive's JVP follows from its
other rules as it declares (`Primitive.tangents`), so there is no second set of rules.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.namespace import Array
from compute.graph.graph import Value
from compute.graph.primitive import KEPT, RESULT
from compute.readings.evaluation import Evaluation


class Linearization:
    """A plan of forward-mode differentiation on top of one evaluation.

    seeds: indices of the values whose tangents are given; a seed's own inputs do not change it.
    wanted: indices of the values whose tangents are wanted.
    """

    def __init__(self, evaluation: Evaluation, seeds: Collection[int], wanted: Iterable[int]) -> None:
        self.evaluation = evaluation
        self.seeds = frozenset(seeds)
        graph = evaluation.graph
        self.dependent = set(self.seeds)
        for value in graph.values:
            computed = evaluation.reachable[value.index] and value.index not in evaluation.known
            if computed and any(operand.index in self.dependent for operand in _differentiable(value)):
                self.dependent.add(value.index)
        self._steps = self._find_steps(wanted)
        evaluation.request(operand.index for value in self._steps for operand in (value, *value.inputs))

    def _find_steps(self, wanted: Iterable[int]) -> list[Value]:
        """Return the values through which tangents reach the wanted ones, in order of computation."""
        values = self.evaluation.graph.values
        pending = [index for index in wanted if index in self.dependent]
        steps: set[int] = set()
        while pending:
            index = pending.pop()
            if index not in steps:
                steps.add(index)
                if index not in self.seeds:
                    operands = (operand.index for operand in _differentiable(values[index]))
                    pending.extend(operand for operand in operands if operand in self.dependent)
        return [values[index] for index in sorted(steps - self.seeds)]

    def run(self, values: Mapping[int, Array], changes: Mapping[int, Array]) -> dict[int, Array]:
        """Return the tangents of the wanted values and those on the way to them, by index.

        changes: the tangent of each seed. Values without a tangent do not change.
        """
        tangents = {index: changes[index] for index in self.seeds}
        for value in self._steps:
            tangents[value.index] = self._push_forward(value, values, tangents)
        return tangents

    def _push_forward(
        self, value: Value, values: Mapping[int, Array], tangents: Mapping[int, Array]
    ) -> Array:
        assert value.applied is not None  # a known value has no tangent unless it is a seed
        primitive, arithmetic = value.applied.primitive, self.evaluation.arithmetic
        operands = [values[operand.index] for operand in value.inputs]
        incoming = [tangents.get(operand.index) for operand in value.inputs]
        if primitive.tangents == "linear":
            filled = [
                arithmetic.zeros(operand.shape) if tangent is None else tangent
                for operand, tangent in zip(operands, incoming, strict=True)
            ]
            return primitive.forward(arithmetic, *filled, **value.attributes)
        if primitive.tangents == "complex_step":
            lifted = [
                operand if tangent is None else operand + 1j * STEP * tangent.astype(np.float64)
                for operand, tangent in zip(operands, incoming, strict=True)
            ]
            result = primitive.forward(COMPLEX_STEP, *lifted, **value.attributes)
            return (np.imag(result) / STEP).astype(values[value.index].dtype)
        if callable(primitive.tangents):
            [single] = [tangent for tangent in incoming if tangent is not None]
            result = values[value.index]
            return primitive.tangents(arithmetic, single, result, *operands, **value.attributes)
        terms = []
        for at, tangent in enumerate(incoming):
            rule = value.applied.rules[at]
            if tangent is None or rule is None:
                continue
            if primitive.tangents == "product":
                replaced = [*operands[:at], tangent, *operands[at + 1 :]]
                terms.append(primitive.forward(arithmetic, *replaced, **value.attributes))
            else:
                broadcast = arithmetic.add(tangent, arithmetic.zeros(values[value.index].shape))
                bound = {name: value.attributes[name] for name in rule.attributes}
                available: dict[int, Any] = {**dict(enumerate(operands)), RESULT: values[value.index]}
                if KEPT in rule.needs and primitive.keeping is not None:
                    available[KEPT] = primitive.keeping(arithmetic, *operands, **value.attributes)[1]
                needs = [available[place] for place in rule.needs]
                terms.append(rule.function(arithmetic, broadcast, *needs, **bound))
        total = terms[0]
        for term in terms[1:]:
            total = arithmetic.add(total, term)
        return total


def _differentiable(value: Value) -> list[Value]:
    """Return the operands that a value can be differentiated by."""
    return [] if value.applied is None else [value.inputs[place] for place in value.applied.differentiable]
