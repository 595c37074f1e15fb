"""Reverse-mode differentiation, from upstream gradients at any named values.

Each named value is treated as one step: its cotangent is pulled back through the unnamed values inside the
step to the named values it is computed from. What a named value receives from each of its consumers is its
contribution by that path, and the sum over consumers is its gradient: the multivariate chain rule as
courses write it. A given value is a constant: it has a gradient but passes none on.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast
from compute.budgets.planning import look_through, spend
from compute.dimensions import Shape
from compute.graph.graph import Graph, Value
from compute.graph.primitive import KEPT, RESULT, Application, identity_gradient
from compute.graph.steps import step_values
from compute.readings.evaluation import Evaluation, simplify_result

PASSES = 4  # passes over all values of a graph
GRADIENT = 0.5  # budget units for the gradient of one value
UPSTREAM = "upstream"
NOTHING: "Mapping[int, Array]" = {}
ROWS = "time_steps"
Source: TypeAlias = "int | str"
Slots: TypeAlias = "dict[Source, int | None]"
"""The slots of contributions, by source; None if a value that one needs is unknown. A slot is a negative
number, so that gradients and values, which have indices, fit into one dict."""
Instruction: TypeAlias = "tuple[Callable[..., Array], tuple[int, ...], tuple[int, ...] | None, int]"
"""A function, the slots and indices of its arguments, the shape that its result is summed back to if it was
broadcast, and the slot of the result."""
VjpEdge: TypeAlias = "tuple[int, tuple[int, ...], Callable[..., Array] | None, tuple[int, ...] | None]"
"""The VJP from a result to one of its operands: the operand's position; the rule's needs (see
`GradientRule`); the bound rule, `identity_gradient` if it does nothing and None if it needs an unknown size;
and the shape that its result is summed back to."""


@dataclass(slots=True)
class Cotangent:
    """The cotangent of one named value: the slot of its total, and of the contribution of each source.

    A source is the index of a consumer, UPSTREAM, or ROWS: the contributions to single rows, together.
    rows: the index and slot of each contribution to a row.
    """

    total: int | None = None
    sources: Slots = field(default_factory=dict)
    rows: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gradients:
    """The result of a run.

    totals: gradients by value index.
    contributions: the contribution of each source, for values with several sources.
    slots: all values and gradients of the run, by index or slot.
    """

    totals: dict[int, Array]
    contributions: dict[int, dict[Source, Array]]
    slots: dict[int, Array]


class Differentiation:
    """A plan of reverse-mode differentiation on top of one evaluation.

    seeds: indices of the values that get an upstream gradient.
    targets: indices of the values whose gradient is wanted; all named values by default.
    cotangents: the cotangent of each named value that gets one, by index.
    instructions: the instructions of a run, in order.
    cut: indices of named values that reach a seed only through a given value.
    unknown: indices of values whose gradient depends on an unknown value.
    sentinels: the fewest indices whose gradients have to be finite for all gradients to be finite.
    upstream: the slots of the upstream gradients, by index of the seed.
    vjp_slots: for each slot that a gradient rule fills, the rule's value and the position of its operand.
    scatter_slots: for each slot that rows are scattered into, the value and the indices of the rows.

    replaceable: whether each total gets a slot of its own. Otherwise a value and its only consumer may share
        one, and another gradient in the place of one would replace both.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        seeds: Collection[int],
        targets: Iterable[int] | None = None,
        *,
        replaceable: bool = False,
    ) -> None:
        look_through(PASSES * len(evaluation.graph.values))
        self.evaluation = evaluation
        self.seeds = frozenset(seeds)
        self._replaceable = replaceable
        self._targets = None if targets is None else frozenset(targets)
        self._useful = self._find_useful()
        active = self._find_ancestors_of_seeds(evaluation.known)
        spend(GRADIENT * len(active))
        self.cut: list[int] = []
        if any(not evaluation.graph.values[index].is_input for index in evaluation.known):
            named = {value.index for value in evaluation.graph.named_values()}
            self.cut = sorted((self._find_ancestors_of_seeds(frozenset()) - active) & named)
        self.cotangents: dict[int, Cotangent] = {}
        self._slots = count(-1, -1)
        self.upstream: dict[int, int] = {}
        self.vjp_slots: dict[int, tuple[Value, int]] = {}
        self.scatter_slots: dict[int, tuple[Value, list[int]]] = {}
        self.instructions: list[Instruction] = []
        self._needs: set[int] = set()
        self._edges: dict[Application, list[VjpEdge]] = {}
        for value in reversed(evaluation.graph.values):
            if value.name is not None and value.index in active:
                self._plan(value)
        self.sentinels = [
            index for index in self.cotangents if not self._is_implied(evaluation.graph.values[index])
        ]
        self.unknown = sorted(
            index for index, cotangent in self.cotangents.items() if cotangent.total is None
        )
        evaluation.request(self._needs)

    def _find_useful(self) -> list[bool]:
        """Return, for each value, whether it is or depends on a value whose gradient is wanted."""
        useful: list[bool] = []
        for value in self.evaluation.graph.values:
            wanted = value.name is not None if self._targets is None else value.index in self._targets
            if not wanted and value.applied is not None:
                for place in value.applied.differentiable:
                    wanted = wanted or useful[value.inputs[place].index]
            useful.append(wanted and value.kind == "real")
        return useful

    def _find_ancestors_of_seeds(self, cut: Collection[int]) -> set[int]:
        """Return the useful values that reach a seed without passing through a cut value."""
        active = {index for index in self.seeds if self._useful[index]}
        for value in reversed(self.evaluation.graph.values):
            if value.index in active and value.index not in cut and value.applied is not None:
                for place in value.applied.differentiable:
                    index = value.inputs[place].index
                    if self._useful[index]:
                        active.add(index)
        return active

    def _plan(self, value: Value) -> None:
        """Plan the sum of a value's contributions, then its pullback to the named values behind it."""
        cotangent = self._cotangent_of(value)
        if value.index in self.seeds:
            cotangent.sources[UPSTREAM] = self.upstream[value.index] = next(self._slots)
        if cotangent.rows:
            cotangent.sources[ROWS] = self._plan_scatter(value, cotangent.rows)
        cotangent.total = self._plan_sum(*cotangent.sources.values())
        if self._replaceable and cotangent.total is not None:
            slot = next(self._slots)
            self.instructions.append((_same, (cotangent.total,), None, slot))
            cotangent.total = slot
        if value.index in self.evaluation.known:
            return
        inside: Slots = {value.index: cotangent.total}
        for inner in reversed(step_values(value)):
            if inner.applied is not None and inner.index in inside:
                contribution = incoming = inside[inner.index]
                for edge in self._edges.get(inner.applied) or self._make_edges(inner.applied):
                    operand = inner.inputs[edge[0]]
                    if self._useful[operand.index]:
                        if inner.applied.primitive.is_row_select and operand.name is not None:
                            self._cotangent_of(operand).rows.append((inner.attributes["at"], incoming))
                            continue
                        if incoming is not None:
                            is_identity = edge[2] is identity_gradient
                            contribution = incoming if is_identity else self._plan_vjp(inner, edge, incoming)
                        slots, key = inside, operand.index
                        if operand.name is not None:
                            slots, key = self._cotangent_of(operand).sources, value.index
                        is_first = key not in slots
                        slots[key] = contribution if is_first else self._plan_sum(slots[key], contribution)

    def _make_edges(self, applied: Application) -> list[VjpEdge]:
        edges = [self._make_edge(applied, place) for place in applied.differentiable]
        self._edges[applied] = edges
        return edges

    def _make_edge(self, applied: Application, place: int) -> VjpEdge:
        """Return the VJP edge to one operand, for all values that share this application."""
        rule = applied.rules[place]
        assert rule is not None  # the operand is differentiable
        shapes = [numeric_shape(shape) for shape in applied.shapes]
        if None in shapes and (applied.primitive.broadcasts or rule.takes_shapes):
            return place, rule.needs, None, None
        function = bind_rule(self.evaluation.arithmetic, applied, place)
        broadcast = applied.primitive.broadcasts and set(shapes) != {applied.shape}
        if rule.function is identity_gradient and not broadcast and not self.evaluation.arithmetic.simplifies:
            return place, (), identity_gradient, None
        return place, rule.needs, function, shapes[place] if broadcast else None

    def _plan_vjp(self, inner: Value, edge: VjpEdge, incoming: int) -> int | None:
        """Plan one call of a gradient rule, from a value inside a step to one operand."""
        at, needs, function, target = edge
        arguments = [incoming]
        for place in needs:
            index = (inner if place in (RESULT, KEPT) else inner.inputs[place]).index
            if not self.evaluation.reachable[index]:
                return None
            self._needs.add(index)
            arguments.append(self.evaluation.keep_for_gradient(index) if place == KEPT else index)
        if function is None:
            return None
        if self.evaluation.arithmetic.simplifies:
            operand = inner.inputs[at].name
            name = None if operand is None else f"the gradient of {operand}"
            function = simplify_result(self.evaluation.arithmetic, function, name)
        slot = next(self._slots)
        self.instructions.append((function, tuple(arguments), target, slot))
        self.vjp_slots[slot] = inner, at
        return slot

    def _is_implied(self, value: Value) -> bool:
        """Return whether a non-finite entry of a value's gradient always makes one in a later gradient."""
        applied = value.applied
        if (
            applied is None
            or not applied.primitive.propagates_nonfinite_gradient
            or value.index in self.evaluation.known
        ):
            return False
        for place in applied.differentiable:
            operand = value.inputs[place]
            if self._useful[operand.index]:
                named = operand.name is not None
                if self.cotangents[operand.index].total is not None if named else self._is_implied(operand):
                    return True
        return False

    def _cotangent_of(self, value: Value) -> Cotangent:
        cotangent = self.cotangents.get(value.index)
        if cotangent is None:
            cotangent = self.cotangents[value.index] = Cotangent()
        return cotangent

    def _plan_sum(self, total: int | None = None, *others: int | None) -> int | None:
        """Plan the sum of the gradients in these slots."""
        if not others:
            return total
        arithmetic = self.evaluation.arithmetic
        add: Callable[..., Array] = arithmetic.add
        if arithmetic.simplifies:
            add = simplify_result(arithmetic, add, "a sum of gradients")
        for other in others:
            if total is None or other is None:
                return None
            slot = next(self._slots)
            self.instructions.append((add, (total, other), None, slot))
            total = slot
        return total

    def _plan_scatter(self, value: Value, rows: list[tuple[int, int | None]]) -> int | None:
        """Plan the array that the gradients of single rows are added into."""
        slots = [slot for _, slot in rows if slot is not None]
        shape = numeric_shape(value.shape)
        if len(slots) < len(rows) or shape is None:
            return None
        slot = next(self._slots)
        places = [at for at, _ in rows]
        function = partial(scatter_rows, self.evaluation.arithmetic, shape, places)
        self.instructions.append((function, tuple(slots), None, slot))
        self.scatter_slots[slot] = value, places
        return slot

    def run(
        self,
        values: Mapping[int, Array],
        upstream: Mapping[int, Array],
        replaced: Mapping[int, Array] = NOTHING,
    ) -> Gradients:
        """Return the gradients for the values of an evaluation and one upstream gradient for each seed.

        replaced: gradients to use in the place of the computed ones, by value index; the plan has to be
            replaceable.
        """
        slots, instructions = dict(values), self.instructions
        if replaced:
            own = {self.cotangents[index].total: array for index, array in replaced.items()}
            slots.update((slot, array) for slot, array in own.items() if slot is not None)
            instructions = [instruction for instruction in instructions if instruction[3] not in own]
        for index, slot in self.upstream.items():
            slots[slot] = upstream[index]
        execute(self.evaluation.arithmetic, instructions, slots)
        totals, contributions = {}, {}
        for index, cotangent in self.cotangents.items():
            if cotangent.total is not None:
                totals[index] = slots[cotangent.total]
            if len(cotangent.sources) > 1:
                contributions[index] = {
                    source: slots[slot] for source, slot in cotangent.sources.items() if slot is not None
                }
        return Gradients(totals, contributions, slots)


def execute(arithmetic: Arithmetic, instructions: Iterable[Instruction], slots: dict[int, Array]) -> None:
    """Execute instructions in order, adding their results to `slots`."""
    for function, operands, shape, slot in instructions:
        if len(operands) == 2:  # most take one or two: unpacking by hand is faster
            result = function(slots[operands[0]], slots[operands[1]])
        elif len(operands) == 1:
            result = function(slots[operands[0]])
        else:
            result = function(*[slots[operand] for operand in operands])
        if shape is not None and result.shape != shape:
            result = unbroadcast(arithmetic, result, shape)
        slots[slot] = result


def sum_seeds(graph: Graph, upstream: Mapping[str, Array]) -> dict[int, Array]:
    """Return upstream gradients by the index of their value, summed over its names."""
    seeds: dict[int, Array] = {}
    for name, array in upstream.items():
        index = graph.names[name].index
        seeds[index] = seeds[index] + array if index in seeds else array
    return seeds


def _same(gradient: Array) -> Array:
    return gradient


def by_consumer(graph: Graph, parts: Mapping[Source, Array]) -> dict[str, Array]:
    """Return parts of a gradient by the names of the values that use it, in order of computation."""
    consumers = sorted([source for source in parts if not isinstance(source, str)])
    named = {str(graph.values[index].name): parts[index] for index in consumers}
    return named | {source: parts[source] for source in (ROWS, UPSTREAM) if source in parts}


def bind_rule(arithmetic: Arithmetic, applied: Application, place: int) -> Callable[..., Array]:
    """The gradient rule of one operand as a function of what it needs."""
    rule = applied.rules[place]
    assert rule is not None  # the operand is differentiable
    bound: dict[str, Any] = {name: applied.attributes[name] for name in rule.attributes}
    if rule.takes_shapes:
        bound["shapes"] = [numeric_shape(shape) for shape in applied.shapes]
    return partial(rule.function, arithmetic, **bound)


def scatter_rows(arithmetic: Arithmetic, shape: tuple[int, ...], places: list[int], *rows: Array) -> Array:
    """Return zeros of a shape, with each row added at its place along the last axis but one."""
    result, seen = arithmetic.zeros(shape), set()
    for at, row in zip(places, rows, strict=True):
        result[..., at, :] = arithmetic.add(result[..., at, :], row) if at in seen else row
        seen.add(at)
    return result


def numeric_shape(shape: Shape) -> tuple[int, ...] | None:
    """Return the shape if all sizes are numbers; None if one is symbolic."""
    for size in shape:
        if type(size) is not int:
            return None
    return shape  # type: ignore[return-value]  # every size is a number
