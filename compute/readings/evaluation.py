"""The reading that computes: values on demand, from whatever is known.

A value that is known is taken and nothing behind it is computed. A value that cannot be reached from what
is known is unknown, which is a result and not an error.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array
from compute.budgets.planning import look_through
from compute.dimensions import Polynomial
from compute.errors import UnfitEntries
from compute.graph.graph import Graph
from compute.graph.primitive import Application
from compute.graph.value import Value, nearest_names

LONGEST = 64  # characters of a name in a note
Instruction = tuple[int, Callable[..., Array], tuple[int, ...]]
first_of_pair: Callable[..., Array] = itemgetter(0)  # of a step that keeps something
second_of_pair: Callable[..., Any] = itemgetter(1)


class Evaluation:
    """A plan of evaluation for one graph and one set of known values, run as often as wanted.

    reachable: for each value's index, whether it is known or can be computed.
    """

    def __init__(self, graph: Graph, arithmetic: Arithmetic, known: Collection[int]) -> None:
        self.graph = graph
        self.arithmetic = arithmetic
        self.known = frozenset(known)
        self.reachable = self._reach()
        self.constants: dict[int, Array] = {}
        self._planned = set(self.known)
        self._kept: dict[int, int] = {}
        self._functions: dict[Application, Callable[..., Array]] = {}
        self._instructions: list[Instruction] | None = None

    def _reach(self) -> list[bool]:
        look_through(len(self.graph.values))
        reachable: list[bool] = []
        for value in self.graph.values:
            computable = value.applied is not None and not (value.attributes and _symbolic(value.attributes))
            for operand in value.inputs:
                computable = computable and reachable[operand.index]
            reachable.append(computable or value.index in self.known)
        return reachable

    def request(self, indices: Iterable[int]) -> None:
        """Add values to what is computed; those out of reach are passed over."""
        planned = self._planned
        wanted = {index for index in indices if index not in planned and self.reachable[index]}
        if not wanted:
            return
        look_through(len(self.graph.values))
        for value in reversed(self.graph.values):
            if value.index in wanted:
                for operand in value.inputs:
                    if operand.index not in planned:
                        wanted.add(operand.index)
        planned |= wanted
        self._instructions = None

    def keep_for_gradient(self, index: int) -> int:
        """Have a step, which has to be wanted too, keep what its gradient needs.

        Returns where that stands beside the values of a run.
        """
        if index not in self._kept:
            self._kept[index] = len(self.graph.values) + index
            self._instructions = None
        return self._kept[index]

    @property
    def instructions(self) -> list[Instruction]:
        """What a run does, in order; single constant numbers are computed once and not in every run."""
        if self._instructions is None:
            self._instructions = []
            for index in sorted(self._planned - self.known):
                value = self.graph.values[index]
                applied = value.applied
                assert applied is not None  # an input is reachable only where it is known
                function = self._functions.get(applied) or self._function(applied)
                operands = tuple([operand.index for operand in value.inputs])
                kept = self._kept.get(index)
                if kept is not None:  # found together, and then taken apart
                    assert applied.primitive.keeping is not None  # since a gradient rule needs what is kept
                    both: Any = partial(applied.primitive.keeping, self.arithmetic, **applied.attributes)
                    self._instructions.append((kept, both, operands))
                    function, operands = first_of_pair, (kept,)
                if self.arithmetic.simplifies:
                    function = simplify_result(self.arithmetic, function, value.name)
                if value.inputs or value.shape:
                    self._instructions.append((index, function, operands))
                elif index not in self.constants:
                    self.constants[index] = function()
                if kept is not None:
                    self._instructions.append((kept, second_of_pair, (kept,)))
        return self._instructions

    def _function(self, applied: Application) -> Callable[..., Array]:
        function = partial(applied.primitive.forward, self.arithmetic, **applied.attributes)
        self._functions[applied] = function
        return function

    def run(self, known: Mapping[int, Array]) -> dict[int, Array]:
        """The known and the computed values by index. Raises UnfitEntries."""
        instructions = self.instructions
        values = {**self.constants, **known}
        self.execute(instructions, values)
        return values

    def execute(self, instructions: Iterable[Instruction], values: dict[int, Array]) -> None:
        """Do these instructions, in order, on the values by index. Raises UnfitEntries."""
        index = 0
        try:
            for index, function, operands in instructions:
                if len(operands) == 2:  # most take one or two, and this is what a run adds to the arithmetic
                    values[index] = function(values[operands[0]], values[operands[1]])
                elif len(operands) == 1:
                    values[index] = function(values[operands[0]])
                else:
                    values[index] = function(*[values[operand] for operand in operands])
        except UnfitEntries as fault:
            raise fault.of(self._operand(index % len(self.graph.values), fault.name)) from None

    def instructions_after(self, index: int, wanted: Iterable[int]) -> list[Instruction]:
        """Of what a run does, in order, what depends on one value and leads to what is wanted."""
        moved = {index}
        behind: list[Instruction] = []
        for instruction in self.instructions:
            if instruction[0] != index and not moved.isdisjoint(instruction[2]):
                moved.add(instruction[0])
                behind.append(instruction)
        needed = set(wanted)
        found: list[Instruction] = []
        for instruction in reversed(behind):
            if instruction[0] in needed:
                needed.update(instruction[2])
                found.append(instruction)
        found.reverse()
        return found

    def _operand(self, index: int, name: str) -> str:
        """The named value that an operand of a step is, or is made of."""
        value = self.graph.values[index]
        assert value.primitive is not None
        return nearest_names(value.inputs[value.primitive.operands.index(name)])[-1]

    def sentinels(self) -> list[Value]:
        """The fewest values that, all finite, show that every real value of a run is.

        Those are left out whose entries that are not finite would show in a value computed from them.
        """
        shown: set[int] = set()
        watched: list[Value] = []
        for value in reversed(self.graph.values):
            if value.index not in self._planned or value.kind != "real":
                continue
            if value.index not in shown:
                watched.append(value)
            if value.primitive and value.primitive.propagates_nonfinite and value.index not in self.known:
                for operand in value.inputs:
                    shown.add(operand.index)
        return watched

    def computed_values(self) -> list[Value]:
        """What a run computes, in order."""
        last = len(self.graph.values)  # what is kept stands behind it
        return [self.graph.values[index] for index, _, _ in self.instructions if index < last]


def simplify_result(
    arithmetic: Arithmetic, function: Callable[..., Array], name: str | None
) -> Callable[..., Array]:
    """A step whose result is settled at once, before anything is made of it.

    An exception gets a note of the value, for whoever reports it.
    """

    def run(*operands: Array) -> Array:
        try:
            return arithmetic.simplify(function(*operands), name)
        except Exception as error:
            if name is not None:
                error.add_note(f"for the value {str(name)[:LONGEST]}")
            raise

    return run


def _symbolic(attributes: Mapping[str, Any]) -> bool:
    """Whether an attribute still depends on a dimension of unknown size."""
    named = attributes.get("sizes")
    sizes: Mapping[str, Any] = named if isinstance(named, dict) else {}
    return any(map(_open, (*attributes.values(), *sizes.values())))


def _open(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_open, value))
    return isinstance(value, Polynomial)
