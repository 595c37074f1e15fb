"""The reading that differentiates: reverse mode, from upstream gradients at any named values.

Each named value is treated as one step: its gradient is carried through the unnamed values inside the
step to the named ones it is made of. What arrives at a named value from each of its consumers is its
contribution by that path, and the sum over consumers is its gradient: the multivariate chain rule as
courses write it. A given value is a constant of the question: it has a gradient, and none passes it.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape
from compute.evaluation import Evaluation, settled
from compute.graph import Value, step
from compute.primitive import RESULT, GradientRule

UPSTREAM = "upstream"
Source: TypeAlias = "int | str"
Slots: TypeAlias = "dict[Source, int | None]"
"""Where gradients are kept, by what they come from; None where a value they need is unknown."""


@dataclass(slots=True)
class Flow:
    """The gradient of one named value: its slot, and the slot of what each source contributes.

    A source is the index of a consumer, or UPSTREAM.
    """

    total: int | None = None
    sources: Slots = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gradients:
    """What a run found, by value index: the gradients, and their parts where there are several."""

    totals: dict[int, Array]
    contributions: dict[int, dict[Source, Array]]


class Differentiation:
    """A plan of reverse-mode differentiation on top of one evaluation.

    seeds: indices of the values that get an upstream gradient; targets: of those whose gradient is
    wanted (all named ones if not said); cut: of named values that lead to a seed only through a given
    value; unknown: of those whose gradient depends on a value that is unknown; watched: of the fewest
    whose gradients, all finite, show that every gradient is.
    """

    def __init__(
        self, evaluation: Evaluation, seeds: Collection[int], targets: Iterable[int] | None = None
    ) -> None:
        self.evaluation = evaluation
        self.seeds = frozenset(seeds)
        self._targets = None if targets is None else frozenset(targets)
        self._behind = [_differentiable(value) for value in evaluation.graph.values]
        self._useful = self._leading_from_targets()
        active = self._leading_to_seeds(evaluation.known)
        named = {value.index for value in evaluation.graph.named_values()}
        self.cut = sorted((self._leading_to_seeds(frozenset()) - active) & named)
        self.flows: dict[int, Flow] = {}
        self._count = 0
        self._instructions: list[Callable[[list[Array], Mapping[int, Array]], None]] = []
        self._needs: set[int] = set()
        for value in reversed(evaluation.graph.values):
            if value.name is not None and value.index in active:
                self._plan(value)
        self.watched = [index for index in self.flows if not self._is_shown(evaluation.graph.values[index])]
        self.unknown = sorted(index for index, flow in self.flows.items() if flow.total is None)
        evaluation.want(self._needs)

    def _leading_from_targets(self) -> list[bool]:
        """For each value, whether it is, or is made of, a value whose gradient is wanted."""
        useful: list[bool] = []
        for value in self.evaluation.graph.values:
            wanted = value.name is not None if self._targets is None else value.index in self._targets
            behind = any(useful[operand.index] for operand, _ in self._behind[value.index])
            useful.append(value.kind == "real" and (wanted or behind))
        return useful

    def _leading_to_seeds(self, cut: Collection[int]) -> set[int]:
        """Useful values from which a seed is reached without passing a cut one."""
        active = {index for index in self.seeds if self._useful[index]}
        for value in reversed(self.evaluation.graph.values):
            if value.index in active and value.index not in cut:
                operands = (operand.index for operand, _ in self._behind[value.index])
                active.update(index for index in operands if self._useful[index])
        return active

    def _plan(self, value: Value) -> None:
        """Plan the sum of what reaches a value, then how it goes on to the named values behind."""
        flow = self.flows.setdefault(value.index, Flow())
        if value.index in self.seeds:
            flow.sources[UPSTREAM] = self._slot()
        flow.total = self._sum(list(flow.sources.values()))
        if value.index in self.evaluation.known:
            return
        inside: Slots = {value.index: flow.total}
        for inner in reversed(step(value)):
            if inner.index in inside:
                for operand, rule in self._behind[inner.index]:
                    if self._useful[operand.index]:
                        self._carry(value, inner, operand, rule, inside)

    def _carry(
        self, consumer: Value, inner: Value, operand: Value, rule: GradientRule, inside: Slots
    ) -> None:
        """Plan one application of a gradient rule, from a value inside a step to one operand."""
        place, key = inside, operand.index
        if operand.name is not None:
            place, key = self.flows.setdefault(operand.index, Flow()).sources, consumer.index
        origin = inside[inner.index]
        assert inner.primitive is not None  # an input has no operands
        needs = [(inner if place == RESULT else inner.inputs[place]).index for place in rule.needs]
        shapes: list[tuple[int, ...] | None] = []
        if rule.takes_shapes or inner.primitive.broadcasts:
            shapes = [_numeric(one.shape) for one in (operand, *inner.inputs)]
        shapes_known = None not in shapes
        reachable = all(self.evaluation.reachable[index] for index in needs)
        if origin is None or not reachable or not shapes_known or place.get(key, 0) is None:
            place[key] = None
            return
        self._needs.update(needs)
        bound = {name: inner.attributes[name] for name in rule.attributes}
        if rule.takes_shapes:
            bound["shapes"] = shapes[1:]
        arithmetic = self.evaluation.arithmetic
        function: Callable[..., Array] = partial(rule.function, arithmetic, **bound)
        if arithmetic.settles:
            name = None if operand.name is None else f"the gradient of {operand.name}"
            function = settled(arithmetic, function, name)
        target = shapes[0] if inner.primitive.broadcasts else None
        carried = self._slot()

        def carry(slots: list[Array], values: Mapping[int, Array]) -> None:
            gradient = function(slots[origin], *[values[index] for index in needs])
            if target is not None and gradient.shape != target:
                gradient = unbroadcast(arithmetic, gradient, target)
            slots[carried] = gradient

        self._instructions.append(carry)
        earlier = place.get(key)
        place[key] = carried if earlier is None else self._sum([earlier, carried])

    def _is_shown(self, value: Value) -> bool:
        """Whether an entry of a value's gradient that is not finite always shows in one behind it."""
        if value.index in self.evaluation.known or not (value.primitive and value.primitive.spreads_back):
            return False
        return any(
            self._useful[operand.index]
            and (
                self._is_shown(operand)
                if operand.name is None
                else self.flows[operand.index].total is not None
            )
            for operand, _ in self._behind[value.index]
        )

    def _slot(self) -> int:
        self._count += 1
        return self._count - 1

    def _sum(self, parts: list[int | None]) -> int | None:
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        if len(known) == 1:
            return known[0]
        total, arithmetic = self._slot(), self.evaluation.arithmetic

        def accumulate(slots: list[Array], values: Mapping[int, Array]) -> None:
            gradient = slots[known[0]]
            for part in known[1:]:
                gradient = arithmetic.add(gradient, slots[part])
            slots[total] = (
                arithmetic.settle(gradient, "a sum of gradients") if arithmetic.settles else gradient
            )

        self._instructions.append(accumulate)
        return total

    def run(self, values: Mapping[int, Array], upstream: Mapping[int, Array]) -> Gradients:
        """The gradients for the values of an evaluation and one upstream gradient for each seed."""
        slots: list[Array] = [None] * self._count  # type: ignore[list-item]  # each filled before use
        for index, flow in self.flows.items():
            if (seed := flow.sources.get(UPSTREAM)) is not None:
                slots[seed] = upstream[index]
        for instruction in self._instructions:
            instruction(slots, values)
        totals, contributions = {}, {}
        for index, flow in self.flows.items():
            if flow.total is not None:
                totals[index] = slots[flow.total]
            parts = {source: slot for source, slot in flow.sources.items() if slot is not None}
            if len(flow.sources) > 1:
                contributions[index] = {source: slots[slot] for source, slot in parts.items()}
        return Gradients(totals, contributions)


def jacobian(plan: Differentiation, values: Mapping[int, Array], of: Value, wrt: Value) -> Array:
    """The Jacobian of one value with respect to another, of shape `of.shape + wrt.shape`.

    One reverse pass for each entry of `of`, which must be the plan's only seed and `wrt` its target;
    both must have numeric shapes.
    """
    arithmetic = plan.evaluation.arithmetic
    rows, columns = _numeric(of.shape), _numeric(wrt.shape)
    assert rows is not None and columns is not None
    entries = math.prod(rows)
    result = arithmetic.zeros((entries, *columns))
    if wrt.index in plan.flows:
        for entry in range(entries):
            seed = arithmetic.one_hot(rows, entry)
            result[entry] = plan.run(values, {of.index: seed}).totals[wrt.index]
    return result.reshape((*rows, *columns))


def unbroadcast(arithmetic: Arithmetic, gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of what was broadcast: summed over the axes along which it was repeated."""
    while gradient.ndim > len(shape):
        gradient = arithmetic.sum(gradient, 0).squeeze(0)
    for axis, size in enumerate(shape):
        if size == 1 != gradient.shape[axis]:
            gradient = arithmetic.sum(gradient, axis)
    return gradient


def _differentiable(value: Value) -> list[tuple[Value, GradientRule]]:
    """The operands that gradients pass to, with their rules."""
    if value.primitive is None:
        return []
    return [
        (operand, rule)
        for operand, rule in zip(value.inputs, value.primitive.rules, strict=True)
        if rule is not None
    ]


def _numeric(shape: Shape) -> tuple[int, ...] | None:
    for size in shape:
        if not isinstance(size, int):
            return None
    return shape  # type: ignore[return-value]  # every size is a number
