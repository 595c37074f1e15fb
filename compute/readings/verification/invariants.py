"""Check promised equations: those of operations on single values, and of primitives on every result."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array, Equality
from compute.arithmetic.perturbed import rounding_unit
from compute.dimensions import symbols
from compute.graph.graph import Graph, Value
from compute.graph.steps import step_values
from compute.readings.evaluation import Evaluation
from compute.readings.verification.differences import SURE
from compute.readings.verification.evidence import Held
from compute.readings.verification.judging import ROUGH
from compute.readings.verification.rounding import RUNS, Rounded


@dataclass(frozen=True, slots=True)
class Sides:
    """An equation that an operation promised, with its two sides as values of the graph."""

    value: Value
    statement: str
    left: Value
    right: Value


def build_sides(graph: Graph) -> list[Sides]:
    """Build the sides of all promised equations of values with known sizes into the graph.

    They leave no names and no conventions behind.
    """
    conventions = dict(graph.conventions)
    equations = []
    with graph.without_names():
        for value, statement, sides in graph.invariants:
            if not any(symbols(size) for size in value.shape):
                equations.append(Sides(value, statement, *sides()))
    graph.conventions = conventions
    return equations


class Invariants:
    """The equations that are checked on the values of an evaluation."""

    def __init__(self, evaluation: Evaluation, sides: Iterable[Sides]) -> None:
        graph, self._known = evaluation.graph, evaluation.known
        known = evaluation.known | {value.index for value in evaluation.computed_values()}
        known |= evaluation.constants.keys()
        # The sides are computed on top of the answer and do not count as its work.
        self.evaluation = Evaluation(graph, evaluation.arithmetic, known)
        reachable = self.evaluation.reachable
        self._sides = [
            one
            for one in sides
            if one.value.index in known and reachable[one.left.index] and reachable[one.right.index]
        ]
        self.evaluation.request(side.index for one in self._sides for side in (one.left, one.right))
        self._promised = [
            (str(value.name), inner)
            for value in graph.named_values()
            if value.index in known and value.index not in evaluation.known
            for inner in step_values(value)
            if inner.primitive is not None and inner.primitive.promise is not None and inner.index in known
        ]

    def check(self, values: Mapping[int, Array]) -> list[Held]:
        """Return whether each equation holds for the values of a run."""
        equations = list(self._equations(self.evaluation, values))
        found = [self.equality(left, right) for _, _, left, right in equations]
        broken = [place for place, one in enumerate(found) if one.holds is False]
        if broken and isinstance(self.evaluation.arithmetic, Floating):
            spreads = self._spreads(values, [(left, right) for _, _, left, right in equations])
            for place in broken:
                *_, left, right = equations[place]
                found[place] = _beside_rounding(found[place], left, right, spreads[place])
        return [
            Held(name, statement, equality)
            for (name, statement, _, _), equality in zip(equations, found, strict=True)
        ]

    def _equations(
        self, evaluation: Evaluation, values: Mapping[int, Array]
    ) -> Iterator[tuple[str, str, Array, Array]]:
        """Yield the value's name, the statement and the two sides of each equation."""
        everything = evaluation.run({index: values[index] for index in evaluation.known})
        for one in self._sides:
            yield str(one.value.name), one.statement, everything[one.left.index], everything[one.right.index]
        for name, value in self._promised:
            assert value.primitive is not None and value.primitive.promise is not None
            statement, sides = value.primitive.promise
            operands = [everything[operand.index] for operand in value.inputs]
            attributes = value.attributes
            left, right = sides(evaluation.arithmetic, everything[value.index], *operands, **attributes)
            yield name, statement, left, right

    def _spreads(self, values: Mapping[int, Array], sides: Sequence[tuple[Array, Array]]) -> list[Array]:
        """Return how far rounding on the way may have moved the difference of each equation's sides."""
        kind = self.evaluation.arithmetic.name
        whole = Evaluation(self.evaluation.graph, self.evaluation.arithmetic, self._known)
        whole.request(side.index for one in self._sides for side in (one.left, one.right))
        whole.request(one.index for _, value in self._promised for one in (value, *value.inputs))
        rounded = Rounded(whole, rounding_unit(kind), kind).evaluation
        found = [np.zeros(np.broadcast_shapes(left.shape, right.shape)) for left, right in sides]
        for _ in range(RUNS):
            for place, (*_, left, right) in enumerate(self._equations(rounded, values)):
                moved = np.abs((left - right) - np.subtract(*sides[place]))
                found[place] = np.maximum(found[place], np.where(np.isfinite(moved), moved, np.inf))
        return found

    def equality(self, left: Array, right: Array) -> Equality:
        """Return whether two sides are equal."""
        left, right = np.broadcast_arrays(left, right)
        return self.evaluation.arithmetic.equality(left, right)


def _beside_rounding(broken: Equality, left: Array, right: Array, spread: Array) -> Equality:
    """Return the verdict on an equation whose sides differ, once the effect of rounding is known.

    It holds if rounding explains the difference, and is open if rounding hides more than that. A non-finite
    difference is not rounding.
    """
    size, apart = np.maximum(np.abs(left), np.abs(right)), np.abs(left - right)
    apart = np.where(left == right, 0, apart)
    if not (apart <= np.where(np.isfinite(apart), SURE * spread, 0)).all():
        return broken
    return replace(broken, holds=True if ((apart == 0) | (SURE * spread <= ROUGH * size)).all() else None)
