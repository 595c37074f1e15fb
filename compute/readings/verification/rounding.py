"""The same computation again, over numbers of another kind such as those that round at random."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.arithmetic.perturbed import changed, perturbed
from compute.readings.evaluation import Evaluation, Instruction
from compute.readings.jacobians import compute_jacobian
from compute.readings.reverse_mode import Differentiation

RUNS = 3
TIMES = 3  # as long as an evaluation takes one over such numbers, where arrays are large
DRAWN = 29  # seeds what is drawn, the same every time


class Again:
    """An evaluation over the numbers of another namespace."""

    def __init__(self, evaluation: Evaluation, arithmetic: Floating) -> None:
        self.evaluation = Evaluation(evaluation.graph, arithmetic, evaluation.known)
        self.evaluation.request(
            [*(value.index for value in evaluation.computed_values()), *evaluation.constants]
        )
        self._steps = {step[0]: step for step in self.evaluation.instructions}

    def instructions(self, others: Iterable[Instruction]) -> list[Instruction]:
        """These instructions of the evaluation, over the other numbers."""
        return [self._steps[index] for index, *_ in others]


class Rounded(Again):
    """An evaluation whose every step rounds at random.

    Each answer makes its own, so that the same is drawn every time.

    change, kind: see `perturbed`.
    """

    def __init__(self, evaluation: Evaluation, change: float, kind: str | None = None) -> None:
        assert isinstance(evaluation.arithmetic, Floating)
        self.change, self.draw = change, np.random.default_rng(DRAWN)
        super().__init__(evaluation, perturbed(evaluation.arithmetic, change, self.draw, kind))

    def run(self, base: Mapping[int, Array], moved: Iterable[int] = ()) -> dict[int, Array]:
        """The values that follow from those known. moved: of the known, which are changed as well.

        Raises UnfitEntries.
        """
        known = {index: base[index] for index in self.evaluation.known}
        for index in moved:
            known[index] = changed(known[index], self.change, self.draw)
        return self.evaluation.run(known)

    def gradients(
        self,
        base: Mapping[int, Array],
        moved: Collection[int],
        upstream: Mapping[int, Array],
        indices: Iterable[int],
    ) -> Iterator[Mapping[int, Array]]:
        """The gradients of some values, again and again. Raises UnfitEntries."""
        plan = Differentiation(self.evaluation, upstream.keys(), indices)
        while True:
            yield plan.run(self.run(base, moved), upstream).totals

    def jacobians(
        self, base: Mapping[int, Array], moved: Collection[int], of: int, wrt: int
    ) -> Iterator[Array]:
        """The Jacobian of one value with respect to another, again and again. Raises UnfitEntries."""
        values = self.evaluation.graph.values
        plan = Differentiation(self.evaluation, {of}, [wrt])
        while True:
            yield compute_jacobian(plan, self.run(base, moved), values[of], values[wrt])[0]
