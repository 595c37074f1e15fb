"""Evaluation: compute values on demand, from any set of known values.

A known value is used as it is, and nothing is computed only for it. A value that cannot be computed from the
known ones is unknown, which is a result and not an error.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array
from compute.budgets.planning import look_through
from compute.dimensions import Polynomial
from compute.errors import UnfitEntries
from compute.graph.graph import Graph, Value, nearest_names
from compute.graph.primitive import Application

NOTHING: Mapping[int, Array] = {}
LONGEST = 64  # characters of a name in a note
Instruction = tuple[int, Callable[..., Array], tuple[int, ...]]
"""The index of the result, a function, and the indices of its operands."""
result_of_pair: Callable[..., Array] = itemgetter(0)
residuals_of_pair: Callable[..., Any] = itemgetter(1)


class Evaluation:
    """A plan of evaluation for one graph and one set of known values, which can be run repeatedly.

    known: indices of the known values.
    reachable: for each value's index, whether it is known or can be computed.
    constants: values without operands, computed once, by index.
    """

    def __init__(self, graph: Graph, arithmetic: Arithmetic, known: Collection[int]) -> None:
        self.graph = graph
        self.arithmetic = arithmetic
        self.known = frozenset(known)
        self.reachable = self._find_reachable()
        self.constants: dict[int, Array] = {}
        self._planned = set(self.known)
        self._kept: dict[int, int] = {}
        self._functions: dict[Application, Callable[..., Array]] = {}
        self._instructions: list[Instruction] | None = None

    def _find_reachable(self) -> list[bool]:
        look_through(len(self.graph.values))
        reachable: list[bool] = []
        for value in self.graph.values:
            computable = value.applied is not None and not (
                value.attributes and _has_symbolic_size(value.attributes)
            )
            for operand in value.inputs:
                computable = computable and reachable[operand.index]
            reachable.append(computable or value.index in self.known)
        return reachable

    def request(self, indices: Iterable[int]) -> None:
        """Add values to the plan, with all that they need; unreachable ones are skipped."""
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
        """Make a step keep its residuals for its gradient rule, and return their index in a run's values.

        The step has to be requested too.
        """
        if index not in self._kept:
            self._kept[index] = len(self.graph.values) + index
            self._instructions = None
        return self._kept[index]

    @property
    def instructions(self) -> list[Instruction]:
        """The instructions of a run, in order. Scalar constants are computed here, once for all runs."""
        if self._instructions is None:
            self._instructions = []
            for index in sorted(self._planned - self.known):
                value = self.graph.values[index]
                applied = value.applied
                assert applied is not None  # an input is reachable only if it is known
                function = self._functions.get(applied) or self._bind_forward(applied)
                operands = tuple([operand.index for operand in value.inputs])
                kept = self._kept.get(index)
                if kept is not None:  # one call gives the result and the residuals
                    assert applied.primitive.keeping is not None  # since a gradient rule needs residuals
                    both: Any = partial(applied.primitive.keeping, self.arithmetic, **applied.attributes)
                    self._instructions.append((kept, both, operands))
                    function, operands = result_of_pair, (kept,)
                if self.arithmetic.simplifies:
                    function = simplify_result(self.arithmetic, function, value.name)
                if value.inputs or value.shape:
                    self._instructions.append((index, function, operands))
                elif index not in self.constants:
                    self.constants[index] = function()
                if kept is not None:
                    self._instructions.append((kept, residuals_of_pair, (kept,)))
        return self._instructions

    def _bind_forward(self, applied: Application) -> Callable[..., Array]:
        function = partial(applied.primitive.forward, self.arithmetic, **applied.attributes)
        self._functions[applied] = function
        return function

    def run(self, known: Mapping[int, Array], replaced: Mapping[int, Array] = NOTHING) -> dict[int, Array]:
        """Return the known and the computed values by index.

        replaced: values to use in the place of the computed ones, by index.

        Raises UnfitEntries if a step rejects an entry.
        """
        instructions = self.instructions
        values = {**self.constants, **known, **replaced}
        if replaced:
            instructions = [instruction for instruction in instructions if instruction[0] not in replaced]
        self.execute(instructions, values)
        return values

    def execute(self, instructions: Iterable[Instruction], values: dict[int, Array]) -> None:
        """Execute instructions in order, adding their results to `values`.

        Raises UnfitEntries if a step rejects an entry.
        """
        index = 0
        try:
            for index, function, operands in instructions:
                if len(operands) == 2:  # most take one or two: unpacking by hand is faster
                    values[index] = function(values[operands[0]], values[operands[1]])
                elif len(operands) == 1:
                    values[index] = function(values[operands[0]])
                else:
                    values[index] = function(*[values[operand] for operand in operands])
        except UnfitEntries as error:
            step = index % len(self.graph.values)
            raise error.of(self._operand_name(step, error.name), step) from None

    def instructions_after(self, index: int, wanted: Iterable[int]) -> list[Instruction]:
        """Return the instructions that depend on one value and that the wanted values need, in order."""
        dependent = {index}
        downstream: list[Instruction] = []
        for instruction in self.instructions:
            if instruction[0] != index and not dependent.isdisjoint(instruction[2]):
                dependent.add(instruction[0])
                downstream.append(instruction)
        needed = set(wanted)
        instructions: list[Instruction] = []
        for instruction in reversed(downstream):
            if instruction[0] in needed:
                needed.update(instruction[2])
                instructions.append(instruction)
        instructions.reverse()
        return instructions

    def _operand_name(self, index: int, name: str) -> str:
        """Return the name of the value that an operand of a step is or is computed from, or the operand's."""
        value = self.graph.values[index]
        assert value.primitive is not None
        near = nearest_names(value.inputs[value.primitive.operands.index(name)])
        return near[-1] if near else name  # constants written in the program have no names

    def sentinels(self) -> list[Value]:
        """Return the fewest values that have to be finite for every real value of a run to be finite.

        A value is left out if a non-finite entry of it always makes one in a value computed from it.
        """
        implied: set[int] = set()
        sentinels: list[Value] = []
        for value in reversed(self.graph.values):
            if value.index not in self._planned or value.kind != "real":
                continue
            if value.index not in implied:
                sentinels.append(value)
            if value.primitive and value.primitive.propagates_nonfinite and value.index not in self.known:
                for operand in value.inputs:
                    implied.add(operand.index)
        return sentinels

    def computed_values(self) -> list[Value]:
        """Return the values that a run computes, in order."""
        count = len(self.graph.values)  # indices from here on are residuals
        return [self.graph.values[index] for index, _, _ in self.instructions if index < count]


def simplify_result(
    arithmetic: Arithmetic, function: Callable[..., Array], name: str | None
) -> Callable[..., Array]:
    """Wrap a step so that its result is simplified before it is used.

    Exceptions get a note that names the value.
    """

    def run(*operands: Array) -> Array:
        try:
            return arithmetic.simplify(function(*operands), name)
        except Exception as error:
            if name is not None:
                error.add_note(f"for the value {str(name)[:LONGEST]}")
            raise

    return run


def _has_symbolic_size(attributes: Mapping[str, Any]) -> bool:
    """Return whether an attribute still depends on a dimension of unknown size."""
    named = attributes.get("sizes")
    sizes: Mapping[str, Any] = named if isinstance(named, dict) else {}
    return any(map(_is_symbolic, (*attributes.values(), *sizes.values())))


def _is_symbolic(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_symbolic, value))
    return isinstance(value, Polynomial)
