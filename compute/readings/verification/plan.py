"""The plan of a verification, made together with the plan of its question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.kinds import EXACT
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.readings.evaluation import Evaluation
from compute.readings.verification.checking import BUDGET, STANDARDS, GradientChecks
from compute.readings.verification.conditioning import Conditions
from compute.readings.verification.evidence import Evidence
from compute.readings.verification.invariants import Invariants, Sides
from compute.readings.verification.rounding import RUNS, TIMES
from compute.readings.verification.targets import numeric_size

MOVED = 8  # arrays of the largest size that are held while a value is perturbed
WATCHED = 80  # the same while slopes of all entries of an output are estimated


class Verification(Protocol):
    """The verification of one question.

    work, entries: its cost, as `Limits` count it.
    held: an estimate of the bytes of its plan.
    """

    work: int
    entries: int
    held: int

    def verify(
        self,
        values: Mapping[int, Array],
        upstream: Mapping[int, Array],
        gradients: Mapping[str, Array],
        jacobians: Sequence[Array],
    ) -> Evidence:
        """Return the evidence for the values, gradients and Jacobians of a run."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The parts of a question that are verified.

    seeds: indices of the values with an upstream gradient.
    differentiated: names whose gradients are verified; jacobians: pairs of names (of, wrt).
    returned: names whose condition is reported.
    work: the work of the answer without a verification.
    """

    evaluation: Evaluation
    seeds: Sequence[int]
    differentiated: Sequence[str]
    jacobians: Sequence[tuple[str, str]]
    returned: Sequence[str]
    sides: Sequence[Sides]
    work: int

    def slopes(self, arithmetic: Arithmetic, budget: int = BUDGET) -> GradientChecks:
        """Return the plan of finite differences in these numbers."""
        numbers = self.evaluation.arithmetic.name
        return GradientChecks(
            self.evaluation.graph,
            self.evaluation.known,
            self.seeds,
            self.differentiated,
            self.jacobians,
            arithmetic,
            budget,
            None if numbers == EXACT else numbers,
        )


def plan_verification(answered: Answered) -> Verification:
    """Return the plan for the arithmetic of the question."""
    if answered.evaluation.arithmetic.name != EXACT:
        return _Floats(answered)
    # Loads SymPy, which no question about floats has a use for.
    found: Verification = import_module(".symbolic", __package__).SymbolicVerification(answered)
    return found


class _Floats:
    """The verification of floats."""

    def __init__(self, answered: Answered) -> None:
        self.kind = answered.evaluation.arithmetic.name
        graph = answered.evaluation.graph
        self.invariants = Invariants(answered.evaluation, answered.sides)
        self.slopes = answered.slopes(FLOAT64)
        self.slopes.evaluation.request(graph.names[name].index for name in answered.returned)
        self.conditions = Conditions(self.slopes.evaluation, answered.returned, self.kind)
        computed = self.slopes.evaluation.computed_values()
        beside = self.invariants.evaluation.computed_values()
        # Values and conditions, and sides of equations that seem violated.
        runs = 1 + 3 * RUNS * TIMES
        self.work = self.slopes.work + runs * sum(map(self.slopes.traits.work_of, (*computed, *beside)))
        if self.slopes.gradients or self.slopes.jacobians:
            self.work += RUNS * TIMES * answered.work  # doubtful gradients are computed again
        held = [numeric_size(product(value.shape)) for value in (*computed, *beside)]
        watched = [numeric_size(product(graph.names[of].shape)) for of, _ in answered.jacobians]
        self.held = self.slopes.held
        self.entries = 2 * sum(held) + MOVED * max(held, default=0) + WATCHED * max(watched, default=0)

    def verify(
        self,
        values: Mapping[int, Array],
        upstream: Mapping[int, Array],
        gradients: Mapping[str, Array],
        jacobians: Sequence[Array],
    ) -> Evidence:
        standard, slopes = STANDARDS[self.kind], self.slopes
        base = slopes.evaluation.run({index: _double(values[index]) for index in slopes.evaluation.known})
        seeds = {index: _double(one) for index, one in upstream.items()}
        return Evidence(
            said=slopes.describe_steps(),
            gradients=slopes.check_gradients(base, seeds, gradients, standard),
            jacobians=slopes.check_jacobians(base, jacobians, standard),
            invariants=self.invariants.check(values),
            conditions=self.conditions.find(base),
        )


def _double(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
