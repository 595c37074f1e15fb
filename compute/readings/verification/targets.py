"""Values that are moved, and what following their changes takes."""

from dataclasses import dataclass

from compute.dimensions import Size, product
from compute.graph.graph import Graph
from compute.graph.primitive import Application
from compute.graph.value import Value
from compute.readings.evaluation import Instruction
from compute.readings.verification.smoothness import is_smooth

STEP = 2_000  # what one step of a small graph weighs beside its arithmetic
FAR = 8  # times what a step weighs: work beyond that counts


@dataclass(frozen=True, slots=True)
class Target:
    """A value that is moved.

    names: of its gradient in the answer; instructions: what follows from it; work: what these are predicted
    to take once; weight: what they count for in choosing how many entries are checked;
    hidden: an output that it leads to is unknown, and only its gradient could be found; excuse: which
    gradient a step on the way keeps back on purpose; smooth: no step on the way has a kink.
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
    """What values of a graph have that matters where changes pass them; found once for each."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spent: dict[Application, tuple[int, int]] = {}
        self._traits: dict[int, tuple[int, int, str | None, bool]] = {}

    def of(self, index: int) -> tuple[int, int, str | None, bool]:
        """The work and weight of a value, which gradient it keeps back, and whether it is smooth."""
        found = self._traits.get(index)
        if found is None:
            value = self._graph.values[index]
            found = *self._spent_on(value), _withheld(value), is_smooth(value)
            self._traits[index] = found
        return found

    def work_of(self, value: Value) -> int:
        """The predicted work of computing a value once."""
        return self._spent_on(value)[0]

    def _spent_on(self, value: Value) -> tuple[int, int]:
        """The work of computing a value once, and what it weighs in choosing how much is checked.

        That is its arithmetic, unless the work is far more.
        """
        applied = value.applied
        assert applied is not None
        found = self._spent.get(applied)
        if found is None:
            counted = sum(map(number_of, (*applied.cost, product(applied.shape))))
            work = applied.work
            found = self._spent[applied] = work, max(STEP + counted, work // FAR)
        return found


def _withheld(value: Value) -> str | None:
    """Which gradient a step keeps back on purpose."""
    primitive = value.primitive
    if primitive is None or primitive.withheld_gradient is None:
        return None
    return primitive.withheld_gradient(**value.attributes)


def weight(target: Target) -> int:
    return target.weight


def number_of(size: Size) -> int:
    return size if isinstance(size, int) else 0
