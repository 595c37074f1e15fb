"""Repeat a computation over another arithmetic, such as one that rounds at random."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.arithmetic.perturbed import make_perturbed, perturb
from compute.readings.evaluation import Evaluation, Instruction
from compute.readings.jacobians import compute_jacobian
from compute.readings.reverse_mode import Differentiation

RUNS = 3
TIMES = 3  # duration of an evaluation over such numbers, in ordinary evaluations of large arrays
DRAWN = 29  # the random seed


class Again:
    """An evaluation repeated over another arithmetic namespace."""

    def __init__(self, evaluation: Evaluation, arithmetic: Floating) -> None:
        self.evaluation = Evaluation(evaluation.graph, arithmetic, evaluation.known)
        self.evaluation.request(
            [*(value.index for value in evaluation.computed_values()), *evaluation.constants]
        )
        self._steps = {step[0]: step for step in self.evaluation.instructions}

    def instructions(self, others: Iterable[Instruction]) -> list[Instruction]:
        """Return these instructions of the evaluation over the other numbers."""
        return [self._steps[index] for index, *_ in others]


class Rounded(Again):
    """An evaluation in which every step rounds at random.

    Each answer makes its own, so that its random numbers are always the same.
    change, kind: see `make_perturbed`.
    """

    def __init__(self, evaluation: Evaluation, change: float, kind: str | None = None) -> None:
        assert isinstance(evaluation.arithmetic, Floating)
        self.change, self.draw = change, np.random.default_rng(DRAWN)
        super().__init__(evaluation, make_perturbed(evaluation.arithmetic, change, self.draw, kind))

    def run(self, base: Mapping[int, Array], moved: Iterable[int] = ()) -> dict[int, Array]:
        """Return the values computed from the known ones.

        moved: indices of known values that are perturbed too.
        Raises UnfitEntries if a step rejects an entry.
        """
        known = {index: base[index] for index in self.evaluation.known}
        for index in moved:
            known[index] = perturb(known[index], self.change, self.draw)
        return self.evaluation.run(known)

    def gradients(
        self,
        base: Mapping[int, Array],
        moved: Collection[int],
        upstream: Mapping[int, Array],
        indices: Iterable[int],
    ) -> Iterator[Mapping[int, Array]]:
        """Yield the gradients of these values, newly rounded each time. Raises UnfitEntries."""
        plan = Differentiation(self.evaluation, upstream.keys(), indices)
        while True:
            yield plan.run(self.run(base, moved), upstream).totals

    def jacobians(
        self, base: Mapping[int, Array], moved: Collection[int], of: int, wrt: int
    ) -> Iterator[Array]:
        """Yield the Jacobian of one value with respect to another, newly rounded each time.

        Raises UnfitEntries.
        """
        values = self.evaluation.graph.values
        plan = Differentiation(self.evaluation, {of}, [wrt])
        while True:
            yield compute_jacobian(plan, self.run(base, moved), values[of], values[wrt])[0]
