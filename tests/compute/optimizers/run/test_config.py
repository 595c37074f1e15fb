"""Constants of a run: their arithmetic, bounds and errors."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.errors import QuestionErrors
from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.config import Constants, OptimizerConfig, build_run
from compute.optimizers.run.objective import RecordedGradients
from tests.compute.optimizers.asking import optimizer_config

OBJECTIVE = RecordedGradients([{"x": np.array(1.0)}], FLOAT64)


@pytest.mark.parametrize(
    ("constant", "value"),
    [(0.1, 0.1), (3, 3), ("1/3", 1 / 3), ("2*sqrt(2)", 8**0.5), ("exp(-1)", np.exp(-1)), ("1e-3", 0.001)],
)
def test_constants_in_every_arithmetic(constant: Any, value: float) -> None:
    assert Constants(FLOAT64).read(("a",), constant) == value
    assert Constants(FLOAT32).read(("a",), constant) == np.float32(value)
    assert Constants(FLOAT32).read(("a",), constant).dtype == np.float32
    assert float(Constants(get_arithmetic(EXACT)).read(("a",), constant)) == pytest.approx(value, rel=1e-15)


def test_decimals_are_exact_fractions() -> None:
    assert Constants(get_arithmetic(EXACT)).read(("a",), 0.1) == sympy.Rational(1, 10)
    assert Constants(get_arithmetic(EXACT)).read(("a",), 1e-8) == sympy.Rational(1, 10**8)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "a", "1/0", "(", "", "1" * 500])
def test_invalid_constants(constant: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        Constants(FLOAT64).read(("optimizer", "momentum"), constant)
    [error] = caught.value.errors
    assert error.path == ("optimizer", "momentum")
    assert error.expected == "a finite number" and error.received.startswith(f"text of {len(constant)} ")
    assert constant not in error.message or len(constant) < 2


def test_bounds_apply_unless_a_symbol_is_free() -> None:
    exact = Constants(get_arithmetic(EXACT))
    assert exact.read(("a",), "b", 0, 1) == sympy.Symbol("b", real=True)
    for constant in ("-1/2", "1", "sqrt(2)"):
        with pytest.raises(QuestionErrors) as caught:
            exact.read(("a",), constant, 0, 1)
        assert caught.value.errors[0].expected == "at least 0 and below 1"


def test_symbols_of_all_constants() -> None:
    config = optimizer_config(
        {
            "name": "adam", "learning_rate": "eta/2", "beta_1": "b", "weight_decay": "l*m", "clip_norm": "c",
            "clip_value": "pi", "clip_epsilon": "e1", "schedule": {"name": "exponential", "factor": "g"},
        }
    )  # fmt: skip
    assert config.symbols() - {"pi", "e"} == {"eta", "b", "l", "m", "c", "g", "e1"}
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
    found = optimizer_config({"name": "adam", "weight_decay": 0.1, "clip_norm": 2}).conventions()
    assert (found["weight_decay"], found["decay"]) == (0.1, "coupled")
    assert (found["clip_norm"], found["clip_epsilon"]) == (2, 1e-6)


def test_a_decay_form_without_decay_is_not_silently_dropped() -> None:
    """A decay form without a decay is a mistake."""
    with pytest.raises(QuestionErrors, match="no weight_decay"):
        optimizer_config({"name": "adam", "decay": "decoupled"}).check()


def test_an_average_has_no_dampening_of_its_own() -> None:
    """`form: average` overrides dampening and the undamped start; conventions show it."""
    found = optimizer_config({"name": "momentum", "form": "average"}).conventions()
    assert not {"dampening", "undamped_start"} & set(found)
    with pytest.raises(QuestionErrors, match="form is average"):
        optimizer_config({"name": "momentum", "form": "average", "dampening": 0.1}).check()


def test_a_course_in_the_numbers_of_its_objective() -> None:
    run = build_run(
        optimizer_config({"name": "adam", "beta_1": "1/2", "amsgrad": True, "clip_value": 1}), OBJECTIVE
    )
    assert run.settings["beta_1"] == 0.5 and run.settings["amsgrad"] is True
    assert run.rate(1) == run.rate(100) == 0.001
    assert run.clipping and run.clipping.norm is None and run.changes_gradient
    assert run.decay is None and run.hessian is None
    plain = build_run(optimizer_config({"name": "adam"}), OBJECTIVE)
    assert not plain.clipping and not plain.changes_gradient
    decoupled = build_run(optimizer_config({"name": "adamw"}), OBJECTIVE)
    assert decoupled.decay == 0.01 and not decoupled.changes_gradient


def test_errors_in_schedules_have_their_paths() -> None:
    with pytest.raises(QuestionErrors) as caught:
        build_run(optimizer_config({"name": "adam", "schedule": {"name": "step", "factor": -1}}), OBJECTIVE)
    assert caught.value.errors[0].path == ("optimizer", "schedule", "factor")
    with pytest.raises(QuestionErrors) as caught:
        build_run(optimizer_config({"name": "adam", "schedule": [1, "NaN"]}), OBJECTIVE)
    assert caught.value.errors[0].path == ("optimizer", "schedule", 1)
