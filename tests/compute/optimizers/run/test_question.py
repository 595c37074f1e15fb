"""Questions about traces: predicted limits, and errors."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.optimizers.run.objective import Batches
from compute.optimizers.run.question import SurfaceRequest
from compute.question.limits import Limits
from tests.compute.optimizers.asking import QUADRATIC, prepare
from tests.compute.optimizers.objectives import EXAMPLES

ADAM = {"name": "adam"}
POINT = {"x": 1.5, "y": -1.0}


def predict(optimizer: Any = None, start: Any = None, program: Any = QUADRATIC, **more: Any) -> Limits:
    return prepare(optimizer or ADAM, start or POINT, program, **{"steps": 10, **more}).predicted


def test_work_is_in_proportion_to_steps() -> None:
    none = frozenset({"loss"})
    ten, twenty, thousand = (predict(steps=steps, shown=none).work for steps in (10, 20, 1000))
    assert thousand - ten == 99 * (twenty - ten)


def test_only_shown_steps_count_towards_the_answer() -> None:
    assert predict(steps=1000).answer > 50 * predict(steps=10).answer
    assert predict(steps=1000, every=100).answer < 3 * predict(steps=10).answer
    assert predict(steps=1000, every=100).work < predict(steps=1000).work / 5  # formulas are not written
    few = predict(shown=frozenset({"loss"}))
    assert few.answer < predict().answer / 3


def test_fewer_parts_make_a_smaller_answer() -> None:
    """The advice of a refusal is `fewer parts in select`, so each omitted part has to count."""
    wide: Any = {"start": {"v": np.ones(1000)}, "program": ("f = sum(v**2)",)}
    assert predict(**wide, shown=frozenset({"loss"})).answer < predict(**wide).answer / 10


def test_writing_formulas_is_work() -> None:
    """A formula takes a few hundred times the work of its step."""
    wide: Any = {"start": {"v": np.ones(16)}, "program": ("f = sum(v**2)",)}
    plain = predict(**wide, shown=frozenset({"loss"})).work
    assert predict(**wide, shown=frozenset({"formula"})).work > 5 * plain


def test_newton_counts_its_matrix_and_the_system_of_equations() -> None:
    wide: Any = {"start": {"v": np.ones(100)}, "program": ("f = sum(v**2)",)}
    newton, plain = predict({"name": "newton"}, **wide), predict(**wide)
    assert newton.work > 50 * plain.work and newton.work >= 10 * 100**3
    assert newton.entries >= 100**2 and newton.answer > 10 * 100**2


def test_a_surface_and_batches_count() -> None:
    assert predict(surface=SurfaceRequest(101)).answer >= predict().answer + 101**2
    assert predict(surface=SurfaceRequest(101)).work > predict().work + 101**2
    example = EXAMPLES["network"]
    sent: Any = {"start": example.start, "program": example.program, "data": example.data}
    rows = ((0, 1, 2),) * 50
    assert predict(**sent, batches=Batches(("x", "y"), rows)).entries >= predict(**sent).entries + 450


def test_entries_do_not_grow_with_steps() -> None:
    assert predict(steps=100_000).entries == predict(steps=10).entries


def error_of(optimizer: Any = None, start: Any = None, program: Any = QUADRATIC, **more: Any) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        prepare(optimizer or ADAM, POINT if start is None else start, program, **{"steps": 2, **more})
    return caught.value.errors[0]


def test_of_gradients_or_of_a_program() -> None:
    assert error_of(program=()).received == "neither"
    assert error_of(gradients=[POINT]).received == "both"


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
        ({"surface": SurfaceRequest(over=["x", "x"])}, ("surface", "over", 1)),
        ({"optimizer": {"name": "adam", "beta_1": 2}}, ("optimizer", "beta_1")),
    ],
    ids=str,
)
def test_errors_have_their_paths(asked: dict[str, Any], path: Any) -> None:
    found = error_of(**asked)
    assert found.path == path
    assert found.message and found.expected and found.received


def test_conventions_name_the_loss() -> None:
    assert prepare(ADAM, POINT, (*QUADRATIC, "g = f*2"), steps=1).conventions["loss"] == "g"
    assert prepare(ADAM, POINT, (*QUADRATIC, "g = f*2"), steps=1, loss="f").conventions["loss"] == "f"
    assert "loss" not in prepare(ADAM, POINT, gradients=[POINT]).conventions


def test_as_many_steps_as_gradients() -> None:
    assert prepare(ADAM, POINT, gradients=[POINT] * 7).trace.steps == 7
    assert prepare(ADAM, POINT, gradients=[POINT] * 7, steps=3).trace.steps == 3


def test_too_many_sizes_of_batches() -> None:
    rows = tuple(tuple(range(size)) for size in range(1, 60))
    found = error_of(start={"w": 1.0}, program=("f = sum(x * w)",), data={"x": np.ones(60)},
                  batches=Batches(("x",), rows))  # fmt: skip
    assert found.path == ("batches", "rows") and "50" in found.expected


def test_conventions_name_the_points_of_loss_and_gradient() -> None:
    found = prepare({"name": "nesterov_lookahead"}, POINT, QUADRATIC, steps=1).conventions
    assert "ahead" in found["gradient_at"] and "after" in found["loss_at"] and found["loss"] == "f"
    found = prepare(ADAM, POINT, QUADRATIC, steps=1).conventions
    assert "before" in found["gradient_at"]
    given = prepare(ADAM, {"x": 1.0}, gradients=[{"x": 1.0}]).conventions
    assert not {"gradient_at", "loss_at", "loss"} & set(given)
