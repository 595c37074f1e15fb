"""Values that are perturbed, and the cost of evaluating what depends on them."""

from dataclasses import dataclass

from compute.dimensions import Size, product
from compute.graph.graph import Graph, Value
from compute.graph.primitive import Application
from compute.readings.evaluation import Instruction
from compute.readings.verification.smoothness import is_smooth

STEP = 2_000  # weight of one step of a small graph, besides its arithmetic
FAR = 8  # factor by which work may exceed the weight before it counts itself


@dataclass(frozen=True, slots=True)
class Target:
    """A value that is perturbed.

    names: names of its gradient in the answer.
    instructions: the instructions that depend on it; outputs: the indices of the outputs.
    work: the predicted work of running these once.
    weight: their share in choosing how many entries are checked.
    size: the number of its entries.
    hidden: whether an output behind it is unknown, so that only its gradient could be computed.
    excuse: the gradient that a step on the way withholds on purpose.
    smooth: whether no step on the way has a kink.
    """

    index: int
    names: tuple[str, ...]
    instructions: list[Instruction]
    outputs: tuple[int, ...]
    work: int
    weight: int
    size: int
    hidden: bool
    excuse: str | None
    smooth: bool


class Traits:
    """Properties of values that matter to perturbations, computed once per value."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spent: dict[Application, tuple[int, int]] = {}
        self._traits: dict[int, tuple[int, int, str | None, bool]] = {}

    def of(self, index: int) -> tuple[int, int, str | None, bool]:
        """Return the work and weight of a value, the gradient that it withholds, and whether it is smooth."""
        traits = self._traits.get(index)
        if traits is None:
            value = self._graph.values[index]
            traits = *self._work_and_weight(value), _withheld(value), is_smooth(value)
            self._traits[index] = traits
        return traits

    def work_of(self, value: Value) -> int:
        """Return the predicted work of computing a value once."""
        return self._work_and_weight(value)[0]

    def _work_and_weight(self, value: Value) -> tuple[int, int]:
        """Return the work of computing a value once, and its weight in choosing how much is checked.

        The weight is its arithmetic, unless the work is far more.
        """
        applied = value.applied
        assert applied is not None
        spent = self._spent.get(applied)
        if spent is None:
            counted = sum(map(numeric_size, (*applied.cost, product(applied.shape))))
            work = applied.work
            spent = self._spent[applied] = work, max(STEP + counted, work // FAR)
        return spent


def _withheld(value: Value) -> str | None:
    """Return the gradient that a step withholds on purpose, in words."""
    primitive = value.primitive
    if primitive is None or primitive.withheld_gradient is None:
        return None
    return primitive.withheld_gradient(**value.attributes)


def weight_of(target: Target) -> int:
    return target.weight


def numeric_size(size: Size) -> int:
    return size if isinstance(size, int) else 0
