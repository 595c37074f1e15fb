"""Schedules against their textbook formulas, also far beyond their last step."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.errors import QuestionErrors
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.config import Constants
from tests.compute.optimizers.asking import prepare, steps_of
from tests.oracles.schedules import CASES as RECORDED
from tests.oracles.schedules import RATE, STEPS, read_rates
from tests.oracles.textbook_optimizers import rate

CASES: list[Any] = [
    {"name": "constant"},
    {"name": "step", "size": 10, "factor": 0.1},
    {"name": "step", "size": 1, "factor": 0.7},
    {"name": "exponential", "factor": 0.99},
    {"name": "exponential", "factor": 1.5},
    {"name": "exponential", "factor": 0},
    {"name": "cosine", "steps": 100, "least": 0},
    {"name": "cosine", "steps": 9, "least": 0.05},
    {"name": "cosine", "steps": 1, "least": 0.05},
    {"name": "warm_up", "steps": 10},
    {"name": "warm_up", "steps": 1},
    {"name": "inverse_square_root", "steps": 10},
    {"name": "inverse_square_root", "steps": 1},
]
AT = [*range(1, 30), 99, 100, 101, 102, 1000]


@pytest.mark.parametrize("schedule", CASES, ids=str)
def test_rates_are_those_of_the_textbook(schedule: dict[str, Any]) -> None:
    found = Constants(FLOAT64).rates(np.float64(0.3), schedule)
    for step in AT:
        theirs = rate({"name": "momentum", "learning_rate": 0.3, "schedule": schedule}, step)
        assert float(found(step)) == pytest.approx(theirs, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in ("multi_step", "sequence")])
def test_defaults_agree_with_conventions(name: str) -> None:
    defaults = {one.name: one.default for one in SCHEDULES[name].settings.values()}
    bare, explicit = (
        Constants(FLOAT64).rates(np.float64(1), {"name": name} | more) for more in ({}, defaults)
    )
    assert [bare(step) for step in AT] == [explicit(step) for step in AT]


@pytest.mark.parametrize("schedule", CASES, ids=str)
def test_exact_and_float32_rates(schedule: dict[str, Any]) -> None:
    exact = Constants(get_arithmetic(EXACT)).rates(sympy.Rational(3, 10), schedule)
    single = Constants(FLOAT32).rates(np.float32(0.3), schedule)
    for step in (1, 2, 5, 12):
        theirs = rate({"name": "momentum", "learning_rate": 0.3, "schedule": schedule}, step)
        assert float(sympy.N(exact(step), 30)) == pytest.approx(theirs, rel=1e-14, abs=1e-16)
        assert float(single(step)) == pytest.approx(theirs, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", RECORDED)
def test_rates_are_those_that_pytorch_recorded(name: str) -> None:
    case = RECORDED[name]
    if case.losses:
        optimizer = {"name": "gradient_descent", "learning_rate": RATE}
        optimizer["schedule"] = case.ours | {"losses": [*case.losses]}
        steps = steps_of(optimizer, {"x": 1.0}, gradients=[{"x": 1.0}] * STEPS)[1:]
        found = [float(step.record.rate_of("")) for step in steps if step.record]
    else:
        rates = Constants(FLOAT64).rates(np.float64(RATE), case.ours)
        found = [float(rates(step)) for step in range(1, STEPS + 1)]
    assert found == pytest.approx(read_rates(name), rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("name", [name for name in RECORDED if not RECORDED[name].losses])
def test_exact_rates_are_those_that_pytorch_recorded(name: str) -> None:
    ours = {key: _exact(value) for key, value in RECORDED[name].ours.items()}
    rates = Constants(get_arithmetic(EXACT)).rates(sympy.Rational(3, 10), ours)
    for step in (1, 2, 9, 11, STEPS):
        assert float(sympy.N(rates(step), 30)) == pytest.approx(
            read_rates(name)[step - 1], rel=1e-13, abs=1e-16
        )


def _exact(value: Any) -> Any:
    """Write floats as text, so that 0.1 is a tenth."""
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    return str(value) if isinstance(value, float) else value


def test_a_loss_of_the_trace_reduces_the_rate() -> None:
    """Steps of gradient descent on x**2 with rate 1 swing between 1 and -1 for ever: no loss is better."""
    schedule = {"name": "reduce_on_plateau", "patience": 1, "factor": 0.25}
    optimizer = {"name": "gradient_descent", "learning_rate": 1, "schedule": schedule}
    steps = steps_of(optimizer, {"x": 1.0}, ("f = x**2",), steps=6)
    rates = [float(step.record.rate_of("")) for step in steps if step.record]
    assert rates == [1, 1, 1, 0.25, 0.25, 0.25]
    assert [float(step.parameters["x"]) for step in steps] == [1, -1, 1, -1, -0.5, -0.25, -0.125]


def test_a_better_loss_has_to_be_known() -> None:
    optimizer = {"name": "gradient_descent", "schedule": {"name": "reduce_on_plateau"}}
    with pytest.raises(QuestionErrors, match="required with gradients"):
        steps_of(optimizer, {"x": 1.0}, gradients=[{"x": 1.0}])
    trace = prepare(optimizer, {"x": "a"}, ("f = x**2",), numbers=EXACT, steps=3).trace
    [*_] = trace.shown_steps()
    assert trace.notes[0].message.startswith("the trace ends after step 1: symbols leave open")


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"name": "multi_step", "milestones": [3, 2]}, "is less than the one before it"),
        (
            {"name": "sequence", "schedules": [{"name": "step"}], "milestones": [3]},
            "does not fit the schedules",
        ),
        ({"name": "warm_up", "then": {"name": "reduce_on_plateau"}}, "cannot be part of another"),
        ({"name": "reduce_on_plateau", "losses": [1.0]}, "are fewer than steps"),
        ({"name": "one_cycle", "rise": "a"}, "has to be a number"),
    ],
)
def test_schedules_that_are_refused(schedule: dict[str, Any], message: str) -> None:
    with pytest.raises(QuestionErrors, match=message):
        steps_of({"name": "gradient_descent", "schedule": schedule}, {"x": 1}, ("f = x**2",), steps=2,
                 numbers=EXACT)  # fmt: skip


def test_of_listed_rates_the_last_one_stays() -> None:
    found = Constants(FLOAT64).rates(np.float64(9), [0.5, "1/4", "sqrt(2)"])
    assert [float(found(step)) for step in (1, 2, 3, 4, 99)] == [0.5, 0.25, *[2**0.5] * 3]


def test_a_rule_that_reads_its_rate_at_the_start_has_no_schedule() -> None:
    with pytest.raises(QuestionErrors, match="at its start alone"):
        steps_of({"name": "rprop", "schedule": {"name": "warm_up"}}, {"x": 1.0}, gradients=[{"x": 1.0}])
    steps_of({"name": "rprop", "schedule": {"name": "constant"}}, {"x": 1.0}, gradients=[{"x": 1.0}])


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_summary_of_one_line(name: str) -> None:
    summary = SCHEDULES[name].summary
    assert "\n" not in summary and "  " not in summary and "Source" not in summary
