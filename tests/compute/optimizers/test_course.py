"""Constants of a course: in what numbers they are read, within which bounds, and what is said of them."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.errors import QuestionErrors
from compute.optimizers import OPTIMIZERS
from compute.optimizers.course import Constants, OptimizerConfig, course_of
from compute.optimizers.objective import RecordedGradients
from tests.compute.optimizers.asking import chosen

OBJECTIVE = RecordedGradients([{"x": np.array(1.0)}], FLOAT64)


@pytest.mark.parametrize(
    ("said", "worth"),
    [(0.1, 0.1), (3, 3), ("1/3", 1 / 3), ("2*sqrt(2)", 8**0.5), ("exp(-1)", np.exp(-1)), ("1e-3", 0.001)],
)
def test_constants_in_every_arithmetic(said: Any, worth: float) -> None:
    assert Constants(FLOAT64).read(("a",), said) == worth
    assert Constants(FLOAT32).read(("a",), said) == np.float32(worth)
    assert Constants(FLOAT32).read(("a",), said).dtype == np.float32
    assert float(Constants(get_arithmetic(EXACT)).read(("a",), said)) == pytest.approx(worth, rel=1e-15)


def test_decimals_are_exact_fractions() -> None:
    assert Constants(get_arithmetic(EXACT)).read(("a",), 0.1) == sympy.Rational(1, 10)
    assert Constants(get_arithmetic(EXACT)).read(("a",), 1e-8) == sympy.Rational(1, 10**8)


@pytest.mark.parametrize("said", ["NaN", "Infinity", "-Infinity", "a", "1/0", "(", "", "1" * 500])
def test_what_is_no_constant(said: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        Constants(FLOAT64).read(("optimizer", "momentum"), said)
    [error] = caught.value.errors
    assert error.path == ("optimizer", "momentum")
    assert error.expected == "a finite number" and error.received.startswith(f"text of {len(said)} ")
    assert said not in error.message or len(said) < 2


def test_bounds_where_they_are_known() -> None:
    exact = Constants(get_arithmetic(EXACT))
    assert exact.read(("a",), "b", 0, 1) == sympy.Symbol("b", real=True)
    for said in ("-1/2", "1", "sqrt(2)"):
        with pytest.raises(QuestionErrors) as caught:
            exact.read(("a",), said, 0, 1)
        assert caught.value.errors[0].expected == "at least 0 and below 1"


def test_symbols_of_all_constants() -> None:
    said = chosen(
        {
            "name": "adam", "learning_rate": "eta/2", "beta_1": "b", "weight_decay": "l*m", "clip_norm": "c",
            "clip_value": "pi", "clip_epsilon": "e1", "schedule": {"name": "exponential", "factor": "g"},
        }
    )  # fmt: skip
    assert said.symbols() - {"pi", "e"} == {"eta", "b", "l", "m", "c", "g", "e1"}
    assert OptimizerConfig("momentum", settings={"form": "average"}, schedule=[0.1, "q"]).symbols() == {"q"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_conventions_name_everything(name: str) -> None:
    found = OptimizerConfig(name).conventions()
    assert found["optimizer"] == name and found["learning_rate"] == OPTIMIZERS[name].learning_rate
    assert set(OPTIMIZERS[name].settings) <= set(found)
    assert {"schedule"} <= set(found)
    assert ("weight_decay" in found) == (OPTIMIZERS[name].weight_decay is not None)
    assert "clip_norm" not in found


def test_conventions_of_clipping_and_decay() -> None:
    found = chosen({"name": "adam", "weight_decay": 0.1, "clip_norm": 2}).conventions()
    assert (found["weight_decay"], found["decay"]) == (0.1, "coupled")
    assert (found["clip_norm"], found["clip_epsilon"]) == (2, 1e-6)


def test_a_decay_form_without_decay_is_not_silently_dropped() -> None:
    """Who asks for a decay form and says no decay forgot one of both."""
    with pytest.raises(QuestionErrors, match="no weight_decay"):
        chosen({"name": "adam", "decay": "decoupled"}).check()


def test_an_average_has_no_dampening_of_its_own() -> None:
    """`form: average` overrules dampening and the undamped start; conventions must not say otherwise."""
    found = chosen({"name": "momentum", "form": "average"}).conventions()
    assert not {"dampening", "undamped_start"} & set(found)
    with pytest.raises(QuestionErrors, match="form is average"):
        chosen({"name": "momentum", "form": "average", "dampening": 0.1}).check()


def test_a_course_in_the_numbers_of_its_objective() -> None:
    course = course_of(chosen({"name": "adam", "beta_1": "1/2", "amsgrad": True, "clip_value": 1}), OBJECTIVE)
    assert course.settings["beta_1"] == 0.5 and course.settings["amsgrad"] is True
    assert course.rate(1) == course.rate(100) == 0.001
    assert course.clipping and course.clipping.norm is None and course.uses_another_gradient
    assert course.decay is None and course.hessian is None
    plain = course_of(chosen({"name": "adam"}), OBJECTIVE)
    assert not plain.clipping and not plain.uses_another_gradient
    decoupled = course_of(chosen({"name": "adamw"}), OBJECTIVE)
    assert decoupled.decay == 0.01 and not decoupled.uses_another_gradient


def test_schedules_stand_where_they_stand() -> None:
    with pytest.raises(QuestionErrors) as caught:
        course_of(chosen({"name": "adam", "schedule": {"name": "step", "factor": -1}}), OBJECTIVE)
    assert caught.value.errors[0].path == ("optimizer", "schedule", "factor")
    with pytest.raises(QuestionErrors) as caught:
        course_of(chosen({"name": "adam", "schedule": [1, "NaN"]}), OBJECTIVE)
    assert caught.value.errors[0].path == ("optimizer", "schedule", 1)
