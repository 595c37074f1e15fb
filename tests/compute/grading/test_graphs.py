"""The values that a mistake changes."""

import numpy as np
import pytest

from compute.grading.computations import Slot
from compute.grading.graphs import GradedQuestion, GraphComputation, Mistake, plan_graded
from compute.graph.spec import Tensor
from compute.question.plan import Question

X = np.array([[0.3, -1.2], [0.8, 0.5]])
INPUTS = {"x": X, "mask": np.array([[True, False], [True, True]]), "w": X.T}
SHAPES = (
    ("x", Tensor((2, 2), "real")), ("mask", Tensor((2, 2), "boolean")), ("w", Tensor((2, 2), "real")),
)  # fmt: skip
NAMES = ("mask", "output", "weight_factor", "adjusted_w", "dense_output")


def affected(code: str, replaced: frozenset[Slot] = frozenset(), formulation: str = "inverted") -> set[str]:
    """Return the values of dropout that a mistake changes."""
    slots = tuple([Slot("value", name) for name in NAMES])
    question = Question("dropout", (("rate", 0.25), ("formulation", formulation)), SHAPES)
    plan = plan_graded(GradedQuestion(question, slots, Mistake((code,))))
    computation = GraphComputation(plan, INPUTS, {})
    return {slot.name for slot in slots if computation.affects(slot, replaced)}


def test_a_step_that_is_left_out_changes_what_follows() -> None:
    assert affected("dropout.not_scaled") == {"output", "dense_output"}


def test_what_follows_from_a_students_value_is_not_changed() -> None:
    assert affected("dropout.not_scaled", frozenset([Slot("value", "output")])) == {"output"}


@pytest.mark.parametrize("code", ["dropout.weights_by_rate", "dropout.weights_divided_by_keep"])
def test_a_mistaken_constant_changes_itself_and_what_follows(code: str) -> None:
    assert affected(code, formulation="unscaled") == {"weight_factor", "adjusted_w"}
