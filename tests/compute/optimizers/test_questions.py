"""Questions about traces: what is predicted of them, and what is wrong with them."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.optimizers.objective import Batches
from compute.optimizers.questions import SurfaceRequest
from compute.question.limits import Limits
from tests.compute.optimizers.asking import QUADRATIC, prepared
from tests.compute.optimizers.objectives import EXAMPLES

ADAM = {"name": "adam"}
POINT = {"x": 1.5, "y": -1.0}


def predicted(optimizer: Any = None, start: Any = None, program: Any = QUADRATIC, **more: Any) -> Limits:
    return prepared(optimizer or ADAM, start or POINT, program, **{"steps": 10, **more}).predicted


def test_work_is_in_proportion_to_steps() -> None:
    none = frozenset({"loss"})
    ten, twenty, thousand = (predicted(steps=steps, shown=none).work for steps in (10, 20, 1000))
    assert thousand - ten == 99 * (twenty - ten)


def test_what_is_shown_counts_and_what_is_not_does_not() -> None:
    assert predicted(steps=1000).answer > 50 * predicted(steps=10).answer
    assert predicted(steps=1000, every=100).answer < 3 * predicted(steps=10).answer
    assert predicted(steps=1000, every=100).work < predicted(steps=1000).work / 5  # formulas are not written
    few = predicted(shown=frozenset({"loss"}))
    assert few.answer < predicted().answer / 3


def test_fewer_parts_make_a_smaller_answer() -> None:
    """The advice of a refusal is `fewer parts in select`: each part that is left out has to count."""
    wide: Any = {"start": {"v": np.ones(1000)}, "program": ("f = sum(v**2)",)}
    assert predicted(**wide, shown=frozenset({"loss"})).answer < predicted(**wide).answer / 10


def test_writing_formulas_is_work() -> None:
    """Each takes some hundred times what the step itself takes."""
    wide: Any = {"start": {"v": np.ones(16)}, "program": ("f = sum(v**2)",)}
    plain = predicted(**wide, shown=frozenset({"loss"})).work
    assert predicted(**wide, shown=frozenset({"formula"})).work > 5 * plain


def test_newton_counts_its_matrix_and_the_system_of_equations() -> None:
    wide: Any = {"start": {"v": np.ones(100)}, "program": ("f = sum(v**2)",)}
    newton, plain = predicted({"name": "newton"}, **wide), predicted(**wide)
    assert newton.work > 50 * plain.work and newton.work >= 10 * 100**3
    assert newton.entries >= 100**2 and newton.answer > 10 * 100**2


def test_a_surface_and_batches_count() -> None:
    assert predicted(drawn=SurfaceRequest(101)).answer >= predicted().answer + 101**2
    assert predicted(drawn=SurfaceRequest(101)).work > predicted().work + 101**2
    example = EXAMPLES["network"]
    sent: Any = {"start": example.start, "program": example.program, "data": example.data}
    rows = ((0, 1, 2),) * 50
    assert predicted(**sent, batches=Batches(("x", "y"), rows)).entries >= predicted(**sent).entries + 450


def test_entries_cover_what_a_schedule_or_a_trace_keeps() -> None:
    assert predicted(steps=100_000).entries == predicted(steps=10).entries


def fault(optimizer: Any = None, start: Any = None, program: Any = QUADRATIC, **more: Any) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        prepared(optimizer or ADAM, POINT if start is None else start, program, **{"steps": 2, **more})
    return caught.value.errors[0]


def test_of_gradients_or_of_a_program() -> None:
    assert fault(program=()).received == "neither"
    assert fault(gradients=[POINT]).received == "both"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"start": {}}, ("start",)),
        ({"steps": None}, ("steps",)),
        ({"start": {"x": 1.0}}, ("start", "y")),
        ({"start": {"x": 1.0, "y": 1.0, "z": 1.0}}, ("start", "z")),
        ({"data": {"y": 1.0}}, ("inputs", "y")),
        ({"data": {"z": 1.0}}, ("inputs", "z")),
        ({"loss": "g"}, ("loss",)),
        ({"start": {"x": [1.0, 2.0], "y": 1.0}}, ("loss",)),
        ({"program": ("f = x >",)}, ("program", 0)),
        ({"batches": Batches(("x",), ((0,),))}, ("batches", "inputs", 0)),
        ({"drawn": SurfaceRequest(over=["x", "x"])}, ("surface", "over", 1)),
        ({"optimizer": {"name": "adam", "beta_1": 2}}, ("optimizer", "beta_1")),
    ],
    ids=str,
)
def test_where_a_fault_is(asked: dict[str, Any], path: Any) -> None:
    found = fault(**asked)
    assert found.path == path
    assert found.message and found.expected and found.received


def test_conventions_say_which_line_is_the_loss() -> None:
    assert prepared(ADAM, POINT, (*QUADRATIC, "g = f*2"), steps=1).conventions["loss"] == "g"
    assert prepared(ADAM, POINT, (*QUADRATIC, "g = f*2"), steps=1, loss="f").conventions["loss"] == "f"
    assert "loss" not in prepared(ADAM, POINT, gradients=[POINT]).conventions


def test_as_many_steps_as_gradients() -> None:
    assert prepared(ADAM, POINT, gradients=[POINT] * 7).trace.steps == 7
    assert prepared(ADAM, POINT, gradients=[POINT] * 7, steps=3).trace.steps == 3


def test_too_many_sizes_of_batches() -> None:
    rows = tuple(tuple(range(size)) for size in range(1, 60))
    found = fault(start={"w": 1.0}, program=("f = sum(x * w)",), data={"x": np.ones(60)},
                  batches=Batches(("x",), rows))  # fmt: skip
    assert found.path == ("batches", "rows") and "50" in found.expected


def test_conventions_say_where_loss_and_gradient_are_taken() -> None:
    found = prepared({"name": "nesterov_lookahead"}, POINT, QUADRATIC, steps=1).conventions
    assert "ahead" in found["gradient_at"] and "after" in found["loss_at"] and found["loss"] == "f"
    found = prepared(ADAM, POINT, QUADRATIC, steps=1).conventions
    assert "before" in found["gradient_at"]
    handed = prepared(ADAM, {"x": 1.0}, gradients=[{"x": 1.0}]).conventions
    assert not {"gradient_at", "loss_at", "loss"} & set(handed)
