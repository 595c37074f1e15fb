"""The reading that differentiates: reverse mode, from upstream gradients at any named values.

Each named value is treated as one step: its gradient is carried through the unnamed values inside the
step to the named ones it is made of. What arrives at a named value from each of its consumers is its
contribution by that path, and the sum over consumers is its gradient: the multivariate chain rule as
courses write it. A given value is a constant of the question: it has a gradient, and none passes it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast
from compute.budgets.planning import look_through, spend
from compute.dimensions import Shape
from compute.graph.primitive import KEPT, RESULT, Application, identity_gradient
from compute.graph.steps import step_values
from compute.graph.value import Value
from compute.readings.evaluation import Evaluation, simplify_result

PASSES = 4  # looks at each value of a graph
GRADIENT = 0.5  # units for the gradient of one value
UPSTREAM = "upstream"
ROWS = "time_steps"
Source: TypeAlias = "int | str"
Slots: TypeAlias = "dict[Source, int | None]"
"""Where gradients are kept, by what they come from; None where a value they need is unknown. A slot is a
negative number, so that gradients stand beside values, which have indices."""
Instruction: TypeAlias = "tuple[Callable[..., Array], tuple[int, ...], tuple[int, ...] | None, int]"
"""A function, the slots and indices of what it takes, the shape that its result is summed back to if it was
broadcast, and the slot of the result."""
VjpEdge: TypeAlias = "tuple[int, tuple[int, ...], Callable[..., Array] | None, tuple[int, ...] | None]"
"""How a gradient passes from a result to one of its operands: the operand's place; what the rule needs, as
`GradientRule` says it; the rule as a function of these, `unchanged` where it does nothing and None where it
needs a size that is unknown; and the shape that its result is summed back to."""


@dataclass(slots=True)
class Cotangent:
    """The gradient of one named value: its slot, and the slot of what each source contributes.

    A source is the index of a consumer, UPSTREAM, or PARTS: all that came by parts of the value, each of
    them at one index; parts: these indices with their slots.
    """

    total: int | None = None
    sources: Slots = field(default_factory=dict)
    parts: list[tuple[int, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gradients:
    """What a run found, by value index: the gradients, and their parts where there are several.

    slots: all that a run comes upon, by slot or index.
    """

    totals: dict[int, Array]
    contributions: dict[int, dict[Source, Array]]
    slots: dict[int, Array]


class Differentiation:
    """A plan of reverse-mode differentiation on top of one evaluation.

    seeds: indices of the values that get an upstream gradient; targets: of those whose gradient is
    wanted (all named ones if not said); instructions: what a run does, in order; cut: of named values
    that lead to a seed only through a given
    value; unknown: of those whose gradient depends on a value that is unknown; watched: of the fewest
    whose gradients, all finite, show that every gradient is; upstream: the slots of what comes from outside,
    by the index of the seed; carries: for each slot that a gradient rule fills, the value and the place of
    its operand that the rule is about; gathered: for each that is put together, the value and at which
    places.
    """

    def __init__(
        self, evaluation: Evaluation, seeds: Collection[int], targets: Iterable[int] | None = None
    ) -> None:
        look_through(PASSES * len(evaluation.graph.values))
        self.evaluation = evaluation
        self.seeds = frozenset(seeds)
        self._targets = None if targets is None else frozenset(targets)
        self._useful = self._leading_from_targets()
        active = self._leading_to_seeds(evaluation.known)
        spend(GRADIENT * len(active))
        self.cut: list[int] = []
        if any(not evaluation.graph.values[index].is_input for index in evaluation.known):
            named = {value.index for value in evaluation.graph.named_values()}
            self.cut = sorted((self._leading_to_seeds(frozenset()) - active) & named)
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
            index for index in self.cotangents if not self._is_shown(evaluation.graph.values[index])
        ]
        self.unknown = sorted(index for index, flow in self.cotangents.items() if flow.total is None)
        evaluation.request(self._needs)

    def _leading_from_targets(self) -> list[bool]:
        """For each value, whether it is, or is made of, a value whose gradient is wanted."""
        useful: list[bool] = []
        for value in self.evaluation.graph.values:
            wanted = value.name is not None if self._targets is None else value.index in self._targets
            if not wanted and value.applied is not None:
                for place in value.applied.passing:
                    wanted = wanted or useful[value.inputs[place].index]
            useful.append(wanted and value.kind == "real")
        return useful

    def _leading_to_seeds(self, cut: Collection[int]) -> set[int]:
        """Useful values from which a seed is reached without passing a cut one."""
        active = {index for index in self.seeds if self._useful[index]}
        for value in reversed(self.evaluation.graph.values):
            if value.index in active and value.index not in cut and value.applied is not None:
                for place in value.applied.passing:
                    index = value.inputs[place].index
                    if self._useful[index]:
                        active.add(index)
        return active

    def _plan(self, value: Value) -> None:
        """Plan the sum of what reaches a value, then how it goes on to the named values behind."""
        flow = self._flow(value)
        if value.index in self.seeds:
            flow.sources[UPSTREAM] = self.upstream[value.index] = next(self._slots)
        if flow.parts:
            flow.sources[ROWS] = self._put_together(value, flow.parts)
        flow.total = self._sum(*flow.sources.values())
        if value.index in self.evaluation.known:
            return
        inside: Slots = {value.index: flow.total}
        for inner in reversed(step_values(value)):
            if inner.applied is not None and inner.index in inside:
                carried = origin = inside[inner.index]
                for edge in self._edges.get(inner.applied) or self._edges_of(inner.applied):
                    operand = inner.inputs[edge[0]]
                    if self._useful[operand.index]:
                        if inner.applied.primitive.is_row_select and operand.name is not None:
                            self._flow(operand).parts.append((inner.attributes["at"], origin))
                            continue
                        if origin is not None:
                            carried = (
                                origin if edge[2] is identity_gradient else self._carry(inner, edge, origin)
                            )
                        if operand.name is None:
                            place, key = inside, operand.index
                        else:
                            place, key = self._flow(operand).sources, value.index
                        place[key] = carried if key not in place else self._sum(place[key], carried)

    def _edges_of(self, applied: Application) -> list[VjpEdge]:
        found = [self._edge(applied, place) for place in applied.passing]
        self._edges[applied] = found
        return found

    def _edge(self, applied: Application, place: int) -> VjpEdge:
        """What all values that share an application have in common in passing gradients to this operand."""
        rule = applied.rules[place]
        assert rule is not None  # gradients pass there
        shapes = [numeric_shape(shape) for shape in applied.shapes]
        if None in shapes and (applied.primitive.broadcasts or rule.takes_shapes):
            return place, rule.needs, None, None
        function = bind_rule(self.evaluation.arithmetic, applied, place)
        broadcast = applied.primitive.broadcasts and set(shapes) != {applied.shape}
        if rule.function is identity_gradient and not broadcast and not self.evaluation.arithmetic.simplifies:
            return place, (), identity_gradient, None
        return place, rule.needs, function, shapes[place] if broadcast else None

    def _carry(self, inner: Value, edge: VjpEdge, origin: int) -> int | None:
        """Plan one application of a gradient rule, from a value inside a step to one operand."""
        at, needs, function, target = edge
        takes = [origin]
        for place in needs:
            index = (inner if place in (RESULT, KEPT) else inner.inputs[place]).index
            if not self.evaluation.reachable[index]:
                return None
            self._needs.add(index)
            takes.append(self.evaluation.keep_for_gradient(index) if place == KEPT else index)
        if function is None:
            return None
        if self.evaluation.arithmetic.simplifies:
            operand = inner.inputs[at].name
            name = None if operand is None else f"the gradient of {operand}"
            function = simplify_result(self.evaluation.arithmetic, function, name)
        slot = next(self._slots)
        self.instructions.append((function, tuple(takes), target, slot))
        self.vjp_slots[slot] = inner, at
        return slot

    def _is_shown(self, value: Value) -> bool:
        """Whether an entry of a value's gradient that is not finite always shows in one behind it."""
        applied = value.applied
        if (
            applied is None
            or not applied.primitive.propagates_nonfinite_gradient
            or value.index in self.evaluation.known
        ):
            return False
        for place in applied.passing:
            operand = value.inputs[place]
            if self._useful[operand.index]:
                named = operand.name is not None
                if self.cotangents[operand.index].total is not None if named else self._is_shown(operand):
                    return True
        return False

    def _flow(self, value: Value) -> Cotangent:
        found = self.cotangents.get(value.index)
        if found is None:
            found = self.cotangents[value.index] = Cotangent()
        return found

    def _sum(self, total: int | None = None, *others: int | None) -> int | None:
        """Plan the sum of what is in these slots."""
        if not others:
            return total
        arithmetic = self.evaluation.arithmetic
        add: Callable[..., Array] = arithmetic.add
        if arithmetic.simplifies:
            add = simplify_result(arithmetic, add, "a sum of gradients")
        for part in others:
            if total is None or part is None:
                return None
            slot = next(self._slots)
            self.instructions.append((add, (total, part), None, slot))
            total = slot
        return total

    def _put_together(self, value: Value, parts: list[tuple[int, int | None]]) -> int | None:
        """Plan one array of the gradients of parts."""
        slots = [slot for _, slot in parts if slot is not None]
        shape = numeric_shape(value.shape)
        if len(slots) < len(parts) or shape is None:
            return None
        slot = next(self._slots)
        places = [at for at, _ in parts]
        function = partial(scatter_rows, self.evaluation.arithmetic, shape, places)
        self.instructions.append((function, tuple(slots), None, slot))
        self.scatter_slots[slot] = value, places
        return slot

    def run(self, values: Mapping[int, Array], upstream: Mapping[int, Array]) -> Gradients:
        """The gradients for the values of an evaluation and one upstream gradient for each seed."""
        slots = dict(values)
        for index, slot in self.upstream.items():
            slots[slot] = upstream[index]
        for function, operands, shape, slot in self.instructions:
            if len(operands) == 2:
                gradient = function(slots[operands[0]], slots[operands[1]])
            elif len(operands) == 1:
                gradient = function(slots[operands[0]])
            else:
                gradient = function(*[slots[one] for one in operands])
            if shape is not None and gradient.shape != shape:
                gradient = unbroadcast(self.evaluation.arithmetic, gradient, shape)
            slots[slot] = gradient
        totals, contributions = {}, {}
        for index, flow in self.cotangents.items():
            if flow.total is not None:
                totals[index] = slots[flow.total]
            if len(flow.sources) > 1:
                contributions[index] = {
                    source: slots[slot] for source, slot in flow.sources.items() if slot is not None
                }
        return Gradients(totals, contributions, slots)


def bind_rule(arithmetic: Arithmetic, applied: Application, place: int) -> Callable[..., Array]:
    """The gradient rule of one operand as a function of what it needs."""
    rule = applied.rules[place]
    assert rule is not None  # gradients pass there
    bound: dict[str, Any] = {name: applied.attributes[name] for name in rule.attributes}
    if rule.takes_shapes:
        bound["shapes"] = [numeric_shape(shape) for shape in applied.shapes]
    return partial(rule.function, arithmetic, **bound)


def scatter_rows(arithmetic: Arithmetic, shape: tuple[int, ...], places: list[int], *parts: Array) -> Array:
    """Zeros, with each part added at its place along the last axis but one."""
    result, seen = arithmetic.zeros(shape), set()
    for at, part in zip(places, parts, strict=True):
        result[..., at, :] = arithmetic.add(result[..., at, :], part) if at in seen else part
        seen.add(at)
    return result


def numeric_shape(shape: Shape) -> tuple[int, ...] | None:
    """A shape of numbers alone; None where a size is a letter."""
    for size in shape:
        if type(size) is not int:
            return None
    return shape  # type: ignore[return-value]  # every size is a number
