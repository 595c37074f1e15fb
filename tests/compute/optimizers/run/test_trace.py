"""Running an optimizer: the contents of each step."""

import itertools
from typing import Any

import numpy as np
import pytest

from compute.optimizers import OPTIMIZERS
from tests.compute.optimizers.asking import QUADRATIC, START, prepare, steps_of
from tests.compute.optimizers.rules.test_rules import record_of
from tests.test_oracles_optimizers import agree, flat, quadratic

POINT = {"x": 1.5, "y": -1.0}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_each_step_is_made_from_the_one_before(name: str, numbers: str) -> None:
    start: Any = POINT if numbers == "float64" else START
    steps = steps_of({"name": name}, start, QUADRATIC, steps=2, numbers=numbers)
    assert steps[0].record is None
    for before, after in itertools.pairwise(steps):
        assert record_of(after).before is before.parameters
        assert record_of(after).state_before is before.state
        if before.gradient is not None and not OPTIMIZERS[name].looks_ahead:
            assert flat(before.gradient) == flat(record_of(after).gradient)
        assert record_of(after).used_gradient is record_of(after).gradient
        assert record_of(after).rows is None and record_of(after).batch_loss is None


def test_earlier_steps_are_not_changed() -> None:
    start = {"v": [1.0, -2.0, 3.0]}
    for name in OPTIMIZERS:
        trace = prepare({"name": name}, start, ("f = sum(v**2)",), steps=4).trace
        kept, copies = [], []
        for step in trace.shown_steps():
            kept.append(step)
            copies.append((step.parameters["v"].copy(), flat(step.record.gradient) if step.record else None))
        for step, (parameters, gradient) in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(step.parameters["v"], parameters)
            assert (flat(step.record.gradient) if step.record else None) == gradient


def test_the_start_is_not_changed() -> None:
    start = np.array([1.0, 2.0])
    steps_of({"name": "momentum"}, {"v": start}, ("f = sum(v**2)",), steps=3)
    assert start.tolist() == [1, 2]


def test_looking_ahead_moves_the_gradient_and_not_the_loss() -> None:
    optimizer = {"name": "nesterov_lookahead", "learning_rate": 0.05, "momentum": 0.8}
    steps = steps_of(optimizer, POINT, QUADRATIC, steps=4)
    for before, after in itertools.pairwise(steps):
        velocity = [float(of.get("velocity", 0)) for of in before.state.values()]
        ahead = [x + 0.8 * v for x, v in zip(flat(before.parameters), velocity, strict=True)]
        agree(flat(record_of(after).gradient), quadratic(ahead)[1])
        agree(float(after.loss or 0), quadratic(flat(after.parameters))[0])


def test_the_used_gradient_is_clipped_first_and_decayed_then() -> None:
    optimizer = {"name": "gradient_descent", "clip_value": 0.4, "weight_decay": 0.5, "learning_rate": 0.1}
    first = record_of(steps_of(optimizer, POINT, QUADRATIC, steps=1)[1])
    agree(flat(first.gradient), [0.5, -8.5])
    agree(flat(first.used_gradient), [0.4 + 0.75, -0.4 - 0.5])
    agree(flat(first.update), [-0.115, 0.09])


@pytest.mark.parametrize("decay", ["coupled", "decoupled", "post"])
def test_newton_with_decay_is_the_same_in_floats_and_exactly(decay: str) -> None:
    optimizer = {"name": "newton", "weight_decay": "1/10", "decay": decay, "learning_rate": "1/2"}
    near = steps_of(optimizer, POINT, QUADRATIC, steps=2)
    exact = steps_of(optimizer, START, QUADRATIC, steps=2, numbers="exact")
    agree([float(one[()]) for one in exact[2].parameters.values()], flat(near[2].parameters))
