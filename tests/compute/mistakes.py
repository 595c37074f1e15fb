"""Computing with the steps of a known mistake, for the tests of misconceptions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.computations import Slot
from compute.grading.graphs import GradedQuestion, GraphComputation, Mistake, plan_graded
from compute.graph.spec import Tensor
from compute.question.plan import Question


class Mistaken(NamedTuple):
    """Values and gradients by name."""

    values: dict[str, Array]
    gradients: dict[str, Array]


def compute(
    code: str | Sequence[str] | None,
    operation: str,
    inputs: Mapping[str, Any],
    names: Collection[str],
    *,
    gradients: Collection[str] = (),
    upstream: Mapping[str, Any] | None = None,
    program: Sequence[str] = (),
    places: Collection[int] | None = None,
    **attributes: Any,
) -> Mistaken:
    """Return values and gradients of an operation, or of a program, computed with misconceptions.

    code: one misconception, several at once, or None for the right answer.
    """
    codes = (code,) if isinstance(code, str) else code
    mistake = None if codes is None else Mistake(tuple(codes), None if places is None else frozenset(places))
    arrays, seeds = _arrays(inputs), _arrays(upstream or {})
    question = Question(
        operation="graph" if program else operation,
        attributes=tuple(attributes.items()),
        inputs=_shapes(arrays),
        upstream=_shapes(seeds),
        program=tuple(program),
        also=tuple(names),
    )
    slots = (*(Slot("value", name) for name in names), *(Slot("gradient", name) for name in gradients))
    plan = plan_graded(GradedQuestion(question, slots, mistake))
    if mistake is not None and not plan.graph.replaced:
        raise ValueError(f"{code} replaces no step of {operation}")
    results = GraphComputation(plan, arrays, seeds).results()
    return Mistaken(
        {slot.name: array for slot, array in results.items() if slot.of == "value"},
        {slot.name: array for slot, array in results.items() if slot.of == "gradient"},
    )


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    return {
        name: array if array.dtype == bool else array.astype(np.float64) for name, array in arrays.items()
    }


def _shapes(arrays: Mapping[str, Array]) -> tuple[tuple[str, Tensor], ...]:
    return tuple(
        (name, Tensor(array.shape, "boolean" if array.dtype == bool else "real"))
        for name, array in arrays.items()
    )
