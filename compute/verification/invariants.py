"""Promised equations: those of operations, of single values, and those of primitives, of every result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array, Equality
from compute.dimensions import symbols
from compute.evaluation import Evaluation
from compute.graph import Graph
from compute.steps import step
from compute.value import Value
from compute.verification.evidence import Held


@dataclass(frozen=True, slots=True)
class Sides:
    """An equation that an operation promised, with its two sides as values of the graph."""

    value: Value
    statement: str
    left: Value
    right: Value


def build_sides(graph: Graph) -> list[Sides]:
    """The sides of all promised equations, of values whose sizes are known, built into the graph.

    They leave no names and no conventions behind.
    """
    conventions = dict(graph.conventions)
    found = []
    with graph.quiet():
        for value, statement, sides in graph.invariants:
            if not any(symbols(size) for size in value.shape):
                found.append(Sides(value, statement, *sides()))
    graph.conventions = conventions
    return found


class Invariants:
    """What is to be verified of the values that an evaluation computes."""

    def __init__(self, evaluation: Evaluation, sides: Iterable[Sides]) -> None:
        graph = evaluation.graph
        known = evaluation.known | {value.index for value in evaluation.computed()}
        known |= evaluation.constants.keys()
        # What the sides are made of counts as no work of the answer: it is computed on top of it.
        self.evaluation = Evaluation(graph, evaluation.arithmetic, known)
        reachable = self.evaluation.reachable
        self._sides = [
            one
            for one in sides
            if one.value.index in known and reachable[one.left.index] and reachable[one.right.index]
        ]
        self.evaluation.want(side.index for one in self._sides for side in (one.left, one.right))
        self._promised = [
            (str(value.name), inner)
            for value in graph.named_values()
            if value.index in known and value.index not in evaluation.known
            for inner in step(value)
            if inner.primitive is not None and inner.primitive.promise is not None and inner.index in known
        ]

    def held(self, values: Mapping[int, Array]) -> list[Held]:
        """Whether each equation holds of the values of a run."""
        arithmetic = self.evaluation.arithmetic
        everything = self.evaluation.run({index: values[index] for index in self.evaluation.known})
        found = [
            Held(
                str(one.value.name),
                one.statement,
                self.equality(everything[one.left.index], everything[one.right.index]),
            )
            for one in self._sides
        ]
        for name, value in self._promised:
            assert value.primitive is not None and value.primitive.promise is not None
            statement, sides = value.primitive.promise
            operands = [values[operand.index] for operand in value.inputs]
            left, right = sides(arithmetic, values[value.index], *operands, **value.attributes)
            found.append(Held(name, statement, self.equality(left, right)))
        return found

    def equality(self, left: Array, right: Array) -> Equality:
        """Whether two sides are equal."""
        return self.evaluation.arithmetic.equality(*np.broadcast_arrays(left, right))
