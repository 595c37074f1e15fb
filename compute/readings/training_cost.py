"""The cost of training: the backward pass, and the values that are kept for it.

The backward pass computes the gradients of the parameters, and of the values on the way to them from the
output; without parameters, of all inputs. A product passes its gradient to each of its factors by a product
of as many multiply-adds. Sums of the gradients of several consumers are not counted.
"""

from collections.abc import Iterable
from typing import NamedTuple

from compute.dimensions import product, total
from compute.graph.graph import Graph, Value
from compute.graph.primitive import RESULT, Cost


class Backward(NamedTuple):
    """The backward pass.

    cost: its cost.
    kept: indices of the values whose entries gradient rules need; of values that rearrange others, those of
        the others.
    """

    cost: Cost
    kept: frozenset[int]


def count_backward(graph: Graph, output: Value) -> Backward:
    """Return the cost of the backward pass from one value, and the values that it needs."""
    inputs = [value for value in graph.values if value.applied is None and value.kind == "real"]
    trained = {value.index for value in inputs if value.is_parameter} or {value.index for value in inputs}
    depends: set[int] = set(trained)
    for value in graph.values:
        if value.applied is not None and any(operand.index in depends for operand in _differentiable(value)):
            depends.add(value.index)
    reached = {output.index} & depends
    costs: list[Cost] = []
    kept: set[int] = set()
    for value in reversed(graph.values):
        if value.index not in reached or value.applied is None:
            continue
        times = graph.multiplicity(value.index)
        for place in value.applied.differentiable:
            if value.inputs[place].index not in depends:
                continue
            reached.add(value.inputs[place].index)
            cost = value.applied.gradient_cost(place)
            costs.append(Cost(cost.multiply_adds * times, cost.elementwise * times))
            kept |= {origin(needed).index for needed in _needed(value, place)}
    multiply_adds, elementwise = zip(*costs, strict=True) if costs else ((), ())
    return Backward(Cost(total(multiply_adds), total(elementwise)), frozenset(kept))


def origin(value: Value) -> Value:
    """Return the value whose entries a value only rearranges: itself, unless it is a reshape or the like."""
    while value.applied is not None and len(value.inputs) == 1 and not any(value.applied.cost):
        if product(value.shape) != product(value.inputs[0].shape):
            break
        value = value.inputs[0]
    return value


def _differentiable(value: Value) -> Iterable[Value]:
    assert value.applied is not None
    return (value.inputs[place] for place in value.applied.differentiable)


def _needed(value: Value, place: int) -> Iterable[Value]:
    """Return the values that the gradient rule of an operand needs."""
    assert value.applied is not None
    rule = value.applied.rules[place]
    assert rule is not None
    return (value if need == RESULT else value.inputs[need] for need in rule.needs if need >= RESULT)
