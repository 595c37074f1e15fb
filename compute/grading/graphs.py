"""The computation of an operation or a program, forward and backward, as one list of instructions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic import kinds
from compute.arithmetic.namespace import Arithmetic, Array
from compute.budgets.planning import plans_kept
from compute.grading.computations import Computation, Slot
from compute.graph.graph import Graph, Value, nearest_names
from compute.operations.framework.build import check_upstream
from compute.operations.framework.misconceptions import MistakenSteps
from compute.operations.misconceptions import MISCONCEPTIONS
from compute.question.plan import Question, build_graph
from compute.question.plan_bytes import differentiation_bytes, evaluation_bytes, graph_bytes, key_bytes
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation, Instruction, execute, sum_seeds

PLAN_BYTES = 32 * 2**20  # of cached plans for grading
MAX_SLICES = 4_000  # cached slices of one plan


class Mistake(NamedTuple):
    """Misconceptions that act together. places: which of the steps they concern; None for all."""

    codes: tuple[str, ...]
    places: frozenset[int] | None = None


class GradedQuestion(NamedTuple):
    """A question with the slots that are graded, hashable so that plans can be cached."""

    question: Question
    slots: tuple[Slot, ...]
    mistake: Mistake | None = None


class _Mistakes:
    """The replacements of several misconceptions."""

    def __init__(self, mistake: Mistake) -> None:
        self._parts = [MistakenSteps(MISCONCEPTIONS[code], mistake.places) for code in mistake.codes]

    def at_name(self, value: Value, name: str) -> Value:
        for part in self._parts:
            value = part.at_name(value, name)
        return value

    def at_application(self, value: Value) -> Value:
        for part in self._parts:
            value = part.at_application(value)
        return value


@dataclass
class GraphPlan:
    """The instructions of a graded question, for all entries of the same shapes.

    instructions: of the evaluation and the differentiation. Values have the numbers of their indices,
        gradients negative ones.
    numbers: the number of each slot that can be computed, in order of computation.
    seeds: for each upstream name, the number that its gradient has.
    touched: the numbers of results that a mistake computes in its own way; None without a mistake.
    """

    graph: Graph
    arithmetic: Arithmetic
    instructions: list[Instruction]
    constants: Mapping[int, Array]
    numbers: dict[Slot, int]
    seeds: dict[int, int]
    touched: frozenset[int] | None
    held: int
    _affected: dict[frozenset[int], list[Instruction]] = field(default_factory=dict)
    _changed: dict[frozenset[int], set[int]] = field(default_factory=dict)
    _slices: dict[tuple[int, frozenset[int]], list[Instruction]] = field(default_factory=dict)

    def affected(self, replaced: frozenset[int]) -> list[Instruction]:
        """Return the instructions whose results change with replaced ones, in order."""
        found = self._affected.get(replaced)
        if found is None:
            found = self._dependent(set(replaced), replaced)
            if len(self._affected) < MAX_SLICES:
                self._affected[replaced] = found
        return found

    def slice(self, target: int, replaced: frozenset[int]) -> list[Instruction]:
        """Return the instructions to run for a result if others were replaced, in order."""
        found = self._slices.get((target, replaced))
        if found is None:
            found = needed_instructions(self.affected(replaced - {target}), target)
            if len(self._slices) < MAX_SLICES:
                self._slices[target, replaced] = found
        return found

    def is_touched(self, target: int, replaced: frozenset[int]) -> bool:
        """Return whether a mistake changes a result, with others replaced."""
        if self.touched is None:
            return True
        others = replaced - {target} if target in replaced else replaced
        changed = self._changed.get(others)
        if changed is None:
            changed = set(self.touched - others)  # constants among them, which no instruction computes
            self._dependent(changed, others, self.touched)
            if len(self._changed) < MAX_SLICES:
                self._changed[others] = changed
        return target in changed

    def _dependent(
        self, changed: set[int], replaced: frozenset[int], touched: frozenset[int] = frozenset()
    ) -> list[Instruction]:
        dependent = []
        for instruction in self.instructions:
            _, operands, _, result = instruction
            if result not in replaced and (result in touched or not changed.isdisjoint(operands)):
                changed.add(result)
                dependent.append(instruction)
        return dependent


def needed_instructions(instructions: Sequence[Instruction], target: int) -> list[Instruction]:
    """Return the instructions that a result needs, in order."""
    needed, kept = {target}, []
    for instruction in reversed(instructions):
        _, operands, _, result = instruction
        if result in needed:
            needed.discard(result)
            needed.update(operands)
            kept.append(instruction)
    kept.reverse()
    return kept


@plans_kept("graded plans", PLAN_BYTES, key_bytes, attrgetter("held"))
def plan_graded(graded: GradedQuestion) -> GraphPlan:
    """Plan the slots of a question, with the steps of a mistake in place of the right ones.

    Raises QuestionErrors if names or shapes are wrong.
    """
    question = graded.question
    replacement = None if graded.mistake is None else _Mistakes(graded.mistake)
    graph, _ = build_graph(question, replacement)
    check_upstream(graph, dict(question.upstream))  # a mistaken step may have another shape
    names = graph.names
    known = {names[name].index for name, _ in (*question.inputs, *question.given)}
    arithmetic = kinds.get_arithmetic(question.arithmetic, dict(question.assumptions), [])
    evaluation = Evaluation(graph, arithmetic, known)
    values = {slot: names[slot.name].index for slot in graded.slots
              if slot.of == "value" and slot.name in names}  # fmt: skip
    evaluation.request(index for index in values.values() if evaluation.reachable[index])
    targets = {names[slot.name].index for slot in graded.slots
               if slot.of == "gradient" and slot.name in names}  # fmt: skip
    backward: Differentiation | None = None
    if question.upstream and targets:
        seeds = {names[name].index for name, _ in question.upstream}
        backward = Differentiation(evaluation, seeds, targets, replaceable=True)
    instructions: list[Instruction] = [
        (function, operands, None, index) for index, function, operands in evaluation.instructions
    ]
    order = dict.fromkeys((*known, *evaluation.constants), -1)
    forward = {index for *_, index in instructions} | order.keys()
    numbers = {slot: index for slot, index in values.items() if index in forward}
    touched = set(graph.replaced)
    held = graph_bytes(graph, 0) + evaluation_bytes(evaluation)
    if backward is not None:
        held += differentiation_bytes(backward)
        instructions += backward.instructions
        for slot in graded.slots:
            cotangent = backward.cotangents.get(names[slot.name].index) if slot.name in names else None
            if slot.of == "gradient" and cotangent is not None and cotangent.total is not None:
                numbers[slot] = cotangent.total
        touched |= _touched_gradients(graph, backward)
    order |= {result: at for at, (*_, result) in enumerate(instructions)}
    ordered = dict(sorted(numbers.items(), key=lambda pair: order[pair[1]]))
    return GraphPlan(
        graph=graph,
        arithmetic=arithmetic,
        instructions=instructions,
        constants=evaluation.constants,
        numbers=ordered,
        seeds={} if backward is None else dict(backward.upstream),
        touched=None if graded.mistake is None else frozenset(touched),
        held=held,
    )


def _touched_gradients(graph: Graph, backward: Differentiation) -> set[int]:
    """Return the numbers of gradients that pass through replaced steps, or end before them."""
    touched = {number for number, (value, _) in backward.vjp_slots.items() if value.index in graph.replaced}
    for index in graph.replaced:
        for operand in graph.values[index].inputs:
            for name in nearest_names(operand):
                cotangent = backward.cotangents.get(graph.names[name].index)
                if cotangent is not None and cotangent.total is not None:
                    touched.add(cotangent.total)
    return touched


class GraphComputation(Computation):
    """The computation of a graded question for certain entries.

    known: inputs and given values by name; upstream: upstream gradients by name.
    """

    def __init__(self, plan: GraphPlan, known: Mapping[str, Array], upstream: Mapping[str, Array]) -> None:
        self.plan = plan
        self.slots = tuple(plan.numbers)
        self._known, self._upstream = known, upstream
        self._base: dict[int, Array] | None = None
        self._results: dict[Slot, Array] | None = None
        self._by_number: dict[int, Slot] = {}
        for slot, number in plan.numbers.items():
            self._by_number.setdefault(number, slot)

    @property
    def base(self) -> dict[int, Array]:
        """All results with nothing replaced, by number."""
        if self._base is None:
            table = self._start()
            self._run(self.plan.instructions, table)
            self._base = table
        return self._base

    def results(self) -> Mapping[Slot, Array]:
        """Return the result of every slot."""
        if self._results is None:
            base = self.base
            self._results = {slot: base[number] for slot, number in self.plan.numbers.items()}
        return self._results

    def sweep(self, replace: Callable[[Slot, Array], Array]) -> None:
        """Compute all slots in order. Each is passed to `replace`, whose result stands in its place."""
        table, by_number = self._start(), self._by_number
        for number, slot in by_number.items():
            if number in table:
                table[number] = replace(slot, table[number])
        pending: list[Instruction] = []
        for instruction in self.plan.instructions:
            pending.append(instruction)
            *_, result = instruction
            if result in by_number:
                self._run(pending, table)
                pending.clear()
                table[result] = replace(by_number[result], table[result])

    def expected(self, slot: Slot, replaced: Mapping[Slot, Array]) -> Array:
        """Return the result of a slot if others have these arrays in their places.

        Arrays that do not have the shape of their place are left out.
        """
        numbers, base = self.plan.numbers, self.base
        arrays = {
            numbers[other]: array
            for other, array in replaced.items()
            if other in numbers and array.shape == base[numbers[other]].shape
        }
        target = numbers[slot]
        arrays.pop(target, None)
        instructions = self.plan.slice(target, frozenset(arrays))
        if not instructions:
            return base[target]
        table = {**base, **arrays}
        self._run(instructions, table)
        return table[target]

    def with_inputs(self, inputs: Mapping[str, Array]) -> "GraphComputation":
        """Return the same computation for other entries of some inputs."""
        return GraphComputation(self.plan, {**self._known, **inputs}, self._upstream)

    def affects(self, slot: Slot, replaced: frozenset[Slot]) -> bool:
        """Return whether steps that were replaced by a mistake can change a slot, with others replaced."""
        numbers = self.plan.numbers
        cut = frozenset(numbers[other] for other in replaced if other in numbers)
        return slot in numbers and self.plan.is_touched(numbers[slot], cut)

    def depends(self, slot: Slot, on: Slot) -> bool:
        """Return whether a slot depends on another one."""
        numbers = self.plan.numbers
        return any(result == numbers[slot] for *_, result in self.plan.affected(frozenset([numbers[on]])))

    def _start(self) -> dict[int, Array]:
        plan, names = self.plan, self.plan.graph.names
        table = {**plan.constants, **{names[name].index: array for name, array in self._known.items()}}
        seeds = sum_seeds(plan.graph, self._upstream)
        for index, number in plan.seeds.items():
            table[number] = seeds[index]
        return table

    def _run(self, instructions: Iterable[Instruction], table: dict[int, Array]) -> None:
        """Execute instructions, adding their results to the table. Raises UnfitEntries."""
        self.plan.arithmetic.begin()
        with np.errstate(all="ignore"):
            execute(self.plan.arithmetic, instructions, table)


def rows_of(graph: Graph, name: str) -> list[str]:
    """Return the names of the rows that a value stacks, such as those of `hidden`; none for other values."""
    value: Any = graph.names.get(name)
    if value is None or value.primitive is None or value.primitive.name != "stack":
        return []
    names = [operand.name for operand in value.inputs]
    return [str(row) for row in names] if all(names) else []
