"""Running averages of parameters and groups with settings of their own, against plain loops."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.averages import AVERAGE
from compute.optimizers.run.config import GroupConfig
from compute.optimizers.run.formulas import step_formulas
from tests.compute.asking import arrays
from tests.compute.optimizers.asking import prepare, steps_of
from tests.oracles import textbook_optimizers
from tests.test_oracles_optimizers import agree

RNG = np.random.default_rng(3)
START: dict[str, Any] = {"w": [0.3, -0.2, 0.9], "b": -0.5}
GRADIENTS: list[dict[str, Any]] = [
    {"w": RNG.standard_normal(3).tolist(), "b": float(RNG.standard_normal())} for _ in range(6)
]


@pytest.mark.parametrize("numbers", ["float64", "exact"])
@pytest.mark.parametrize("is_corrected", [False, True])
def test_an_average_of_parameters(is_corrected: bool, numbers: str) -> None:
    optimizer: dict[str, Any] = {"name": "gradient_descent", "learning_rate": "1/4", "ema_decay": "3/4"}
    optimizer["ema_bias_correction"] = is_corrected
    gradients = [{"x": value} for value in (1, -2, 0.5)]
    steps = steps_of(optimizer, {"x": 1}, gradients=gradients, numbers=numbers)
    x, average = 1.0, 0.0 if is_corrected else 1.0
    for t, g in enumerate((1, -2, 0.5), start=1):
        x -= g / 4
        average = 0.75 * average + 0.25 * x
        record = steps[t].record
        assert record is not None and record.average is not None
        assert float(steps[t].state["x"][AVERAGE]) == pytest.approx(average, rel=1e-15)
        shown = average / (1 - 0.75**t) if is_corrected else average
        assert float(record.average["x"]) == pytest.approx(shown, rel=1e-15)


def test_formulas_of_an_average() -> None:
    optimizer = {
        "name": "gradient_descent",
        "learning_rate": 1,
        "ema_decay": 0.5,
        "ema_bias_correction": True,
    }
    prepared = prepare(optimizer, {"x": 2.0}, gradients=[{"x": 1.0}], numbers="float64")
    [_, step] = prepared.trace.shown_steps()
    lines = step_formulas(prepared.trace.run, step)["x"]
    assert lines[AVERAGE].startswith(r"\bar{x}_{1} = ") and lines[AVERAGE].endswith("= 0.5")
    assert lines["average"].startswith(r"\hat{x}_{1} = ") and lines["average"].endswith("= 1")


OWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "gradient_descent"}, {"learning_rate": 0.3}),
    ({"name": "adam", "weight_decay": 0.1}, {"weight_decay": 0, "beta_1": 0.5}),
    ({"name": "adam"}, {"amsgrad": True, "maximize": True}),
    ({"name": "adamw", "maximize": True}, {"maximize": False, "weight_decay": 0.4}),
    ({"name": "momentum", "weight_decay": 0.2}, {"decay": "post", "momentum": 0.3}),
    ({"name": "rmsprop"}, {"centered": True, "momentum": 0.7, "learning_rate": 0.2}),
    ({"name": "rprop"}, {"eta_plus": 1.7}),
    ({"name": "adagrad", "schedule": {"name": "exponential", "factor": 0.5}}, {"learning_rate": 0.7}),
]


def _recorded(gradients: list[list[float]], _: list[float], step: int) -> list[float]:
    return gradients[step - 1]


@pytest.mark.parametrize(("common", "own"), OWN, ids=str)
def test_a_group_moves_as_with_its_settings_alone(common: dict[str, Any], own: dict[str, Any]) -> None:
    common = {"learning_rate": 0.05, **common}
    settings = {name: value for name, value in own.items() if name in OPTIMIZERS[common["name"]].settings}
    shared = {name: value for name, value in own.items() if name not in settings}
    group = GroupConfig(("b",), settings=settings, **shared)
    steps = steps_of(common | {"groups": (group,)}, START, gradients=GRADIENTS)[1:]
    for names, optimizer in (("w", common), ("b", common | own)):
        sent = [np.ravel(one[names]).tolist() for one in GRADIENTS]
        theirs = textbook_optimizers.trace(
            optimizer, partial(_recorded, sent), np.ravel(START[names]).tolist(), len(sent)
        )
        agree([np.ravel(one.parameters[names]) for one in steps], [one.parameters for one in theirs])
        agree([float(one.record.rate_of(names)) for one in steps if one.record], [one.rate for one in theirs])


def test_a_rate_of_a_group_can_be_put_in_place() -> None:
    group = GroupConfig(("b",), learning_rate=0.5)
    optimizer = {"name": "gradient_descent", "learning_rate": 0.1, "groups": (group,)}
    gradients: Any = [{"w": [1.0, 1.0, 1.0], "b": 1.0}]
    substitute = arrays({"trace[1].learning_rate.b": 2.0})
    [_, step] = prepare(optimizer, START, gradients=gradients, substitute=substitute).trace.shown_steps()
    assert float(step.parameters["b"]) == -2.5 and step.parameters["w"].tolist() == pytest.approx(
        [0.2, -0.3, 0.8]
    )
