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
from tests.compute.optimizers.asking import steps_of
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


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "sequence"])
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
