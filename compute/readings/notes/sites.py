"""The executed steps of a run, forward and backward."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast
from compute.graph.graph import Value
from compute.graph.steps import step_values
from compute.readings.evaluation import Evaluation
from compute.readings.notes.tracing import ExecutedStep
from compute.readings.reverse_mode import Differentiation, bind_rule, scatter_rows


def make_forward_step(value: Value) -> ExecutedStep:
    """Return the step that computes a value."""
    return ExecutedStep(
        value.index, tuple(one.index for one in value.inputs), value, partial(_compute, value)
    )


def backward_steps(differentiation: Differentiation) -> Iterator[ExecutedStep]:
    """Yield the steps of a reverse pass, in order."""
    for _, operands, target, slot in differentiation.instructions:
        if slot in differentiation.vjp_slots:
            value, place = differentiation.vjp_slots[slot]
            yield ExecutedStep(slot, operands, value, partial(_pull_back, value, place, target))
        elif slot in differentiation.scatter_slots:
            scattered, places = differentiation.scatter_slots[slot]
            yield ExecutedStep(slot, operands, None, partial(_scatter, scattered, places))
        else:
            yield ExecutedStep(slot, operands, None, _add)


def _compute(value: Value, xp: Arithmetic, operands: Sequence[Any]) -> Array:
    assert value.primitive is not None  # it is computed
    return value.primitive.forward(xp, *operands, **value.attributes)


def _pull_back(
    value: Value, place: int, target: tuple[int, ...] | None, xp: Arithmetic, operands: Sequence[Any]
) -> Array:
    assert value.applied is not None  # inputs have no gradient rule
    gradient: Array = bind_rule(xp, value.applied, place)(*operands)
    if target is not None and gradient.shape != target:
        return unbroadcast(xp, gradient, target)
    return gradient


def _scatter(value: Value, places: list[int], xp: Arithmetic, operands: Sequence[Any]) -> Array:
    shape: Any = value.shape  # numeric in a run
    return scatter_rows(xp, shape, places, *operands)


def _add(xp: Arithmetic, operands: Sequence[Any]) -> Array:
    return xp.add(operands[0], operands[1])


def find_nonfinite_values(evaluation: Evaluation, values: Mapping[int, Array]) -> list[int]:
    """Return the indices of the real values of a run that are not finite, in order.

    A value is taken to be finite without a test if a non-finite entry would show in a finite result.
    """
    finite: set[int] = set()
    spoiled: list[int] = []
    is_finite: Callable[[Array], bool] = evaluation.arithmetic.is_finite
    for value in reversed(evaluation.graph.values):
        if value.index not in values or value.kind != "real":
            continue
        if value.index not in finite and not is_finite(values[value.index]):
            spoiled.append(value.index)
        elif value.primitive and value.primitive.propagates_nonfinite and value.index not in evaluation.known:
            finite.update(operand.index for operand in value.inputs)
    spoiled.reverse()
    return spoiled


def find_owners(evaluation: Evaluation) -> dict[int, Value]:
    """Return, for each value's index, the first named value whose step contains it."""
    owners: dict[int, Value] = {}
    for named in evaluation.graph.named_values():
        for value in step_values(named):
            owners.setdefault(value.index, named)
    return owners
