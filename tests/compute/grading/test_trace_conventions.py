"""Other settings of an optimizer, and traces under them."""

from typing import Any

import numpy as np
import pytest

from compute.grading.trace_conventions import other_settings, under_settings, with_settings
from compute.grading.traces import trace_computation
from compute.optimizers import OPTIMIZERS
from tests.compute.optimizers.asking import QUADRATIC, optimizer_config, prepare

POINT = {"x": 1.5, "y": -1.0}


def others(optimizer: dict[str, Any]) -> list[dict[str, Any]]:
    return other_settings(optimizer_config(optimizer))


def test_the_other_settings_of_momentum() -> None:
    forms = [{"name": "nesterov"}, {"name": "nesterov_lookahead"}]
    assert others({"name": "momentum"}) == [{"form": "average"}, {"undamped_start": False}, *forms]
    assert others({"name": "momentum", "form": "average"}) == [{"form": "sum"}, *forms]
    assert others({"name": "gradient_descent"}) == []
    assert others({"name": "gradient_descent", "weight_decay": 0.1}) == [
        {"decay": "decoupled"},
        {"decay": "post"},
    ]


def test_the_other_settings_of_adam() -> None:
    assert others({"name": "adam"}) == [
        {"amsgrad": True},
        {"epsilon_form": "uncorrected"},
        {"bias_correction": False},
        {"count_from": 0},
    ]
    assert others({"name": "adamw", "bias_correction": False}) == [
        {"amsgrad": True},
        {"bias_correction": True},
        {"decay": "coupled"},
        {"decay": "post"},
    ]


def test_settings_that_lose_their_use_are_left_out() -> None:
    config = optimizer_config(
        {"name": "momentum", "dampening": 0.1, "undamped_start": False, "momentum": 0.5}
    )
    average = with_settings(config, {"form": "average"})
    assert average.settings == {"form": "average", "momentum": 0.5}
    ahead = with_settings(config, {"name": "nesterov_lookahead"})
    assert ahead.name == "nesterov_lookahead" and ahead.settings == {"momentum": 0.5}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_trace_under_other_settings_is_the_trace_of_a_question_with_them(name: str) -> None:
    optimizer = {"name": name, "weight_decay": 0.1, "learning_rate": 0.05}
    names = ["trace[3].parameters.x", "trace[2].loss", "trace[2].used_gradient.y"]
    computation = trace_computation(prepare(optimizer, POINT, QUADRATIC, steps=3), names)
    for change in others(optimizer):
        found = under_settings(computation, optimizer_config(optimizer), change).results()
        asked = trace_computation(prepare(optimizer | change, POINT, QUADRATIC, steps=3), names).results()
        assert [*found] == [*asked]
        for one, other in zip(found.values(), asked.values(), strict=True):
            np.testing.assert_array_equal(one, other)
