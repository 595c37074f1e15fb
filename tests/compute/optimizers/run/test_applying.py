"""Rules in exact numbers: they agree with floats, also after substitution of symbols."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.trace import TraceStep
from tests.compute.optimizers.asking import QUADRATIC, START, prepare, steps_of
from tests.test_oracles_optimizers import agree, flat

SETTINGS: list[dict[str, Any]] = [
    *({"name": name, "learning_rate": 0.1} for name in OPTIMIZERS),
    {"name": "gradient_descent", "clip_value": 0.75, "clip_norm": "4/5", "learning_rate": "1/7"},
    {"name": "gradient_descent", "weight_decay": "1/3", "decay": "post", "learning_rate": 0.1},
    {"name": "gradient_descent", "schedule": {"name": "cosine", "steps": 5}, "learning_rate": 0.1},
    {"name": "gradient_descent", "schedule": {"name": "inverse_square_root", "steps": 2}},
    {"name": "gradient_descent", "schedule": {"name": "exponential", "factor": "1/3"}},
    {"name": "gradient_descent", "schedule": {"name": "warm_up", "steps": 7}},
    {"name": "gradient_descent", "schedule": {"name": "step", "size": 1, "factor": "1/3"}},
    {"name": "gradient_descent", "schedule": ["1/3", "1/7"]},
    {"name": "momentum", "form": "average", "weight_decay": "1/9", "decay": "decoupled"},
    {"name": "momentum", "dampening": "1/4", "undamped_start": False},
    {"name": "adagrad", "rate_decay": "1/2", "initial_accumulator": 1},
    {"name": "adam", "epsilon_form": "uncorrected", "amsgrad": True},
    {"name": "adam", "bias_correction": False, "clip_norm": 1},
    {"name": "rmsprop", "centered": True, "momentum": "1/2"},
    {"name": "newton", "damping": "1/2", "learning_rate": "1/2"},
    {"name": "newton", "weight_decay": "1/10", "learning_rate": "1/2"},
    {"name": "newton", "weight_decay": "1/10", "decay": "decoupled"},
    {"name": "radam", "beta_2": 0.5},
    {"name": "lion", "weight_decay": "1/3"},
]


def floats(by_name: dict[str, Any]) -> list[float]:
    return [float(sympy.N(entry, 30)) for array in by_name.values() for entry in np.ravel(array)]


def assert_same(exact_steps: list[TraceStep], near_steps: list[TraceStep]) -> None:
    assert len(exact_steps) == len(near_steps)
    for exact_step, near_step in zip(exact_steps, near_steps, strict=True):
        agree(floats(exact_step.parameters), flat(near_step.parameters))
        agree(floats({"": exact_step.loss}), flat({"": near_step.loss}))
        if exact_step.record is None or near_step.record is None:
            continue
        agree(floats(exact_step.record.gradient), flat(near_step.record.gradient))
        agree(floats(exact_step.record.used_gradient), flat(near_step.record.used_gradient))
        agree(floats(exact_step.record.update), flat(near_step.record.update))
        agree(floats({"": exact_step.record.learning_rate}), flat({"": near_step.record.learning_rate}))
        for name, exact_buffers in exact_step.state.items():
            assert list(exact_buffers) == list(near_step.state[name])
            agree(floats(dict(exact_buffers)), flat(dict(near_step.state[name])))


def in_floats(optimizer: dict[str, Any]) -> dict[str, Any]:
    def convert(setting: Any) -> Any:
        try:
            return float(sympy.Rational(setting)) if isinstance(setting, str) else setting
        except (TypeError, ValueError):
            return setting

    return {name: convert(setting) for name, setting in optimizer.items()}


@pytest.mark.parametrize("optimizer", SETTINGS, ids=str)
def test_exact_traces_agree_with_floats(optimizer: dict[str, Any]) -> None:
    steps = 1 if optimizer["name"] == "nadam" or "bias_correction" in optimizer else 2  # roots of roots
    exact = steps_of(optimizer, START, QUADRATIC, steps=steps, numbers="exact")
    near = steps_of(optimizer, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=steps)
    assert_same(exact, near)


@pytest.mark.parametrize("name", ["gradient_descent", "momentum", "nesterov", "nesterov_lookahead", "newton"])
def test_rational_rules_stay_rational_for_many_steps(name: str) -> None:
    exact = steps_of({"name": name, "learning_rate": "1/8"}, START, QUADRATIC, steps=8, numbers="exact")
    near = steps_of({"name": name, "learning_rate": 1 / 8}, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=8)
    assert_same(exact, near)
    assert all(
        entry.is_Rational for one in exact for array in one.parameters.values() for entry in array.flat
    )


SYMBOLIC: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"name": "gradient_descent", "learning_rate": "eta"}, {"eta": 0.3}),
    ({"name": "gradient_descent", "learning_rate": "eta", "weight_decay": "l"}, {"eta": 0.3, "l": 0.1}),
    ({"name": "momentum", "learning_rate": "eta", "momentum": "beta"}, {"eta": 0.3, "beta": 0.7}),
    (
        {"name": "momentum", "learning_rate": "eta", "momentum": "beta", "dampening": "tau"},
        {"eta": 0.3, "beta": 0.7, "tau": 0.25},
    ),
    (
        {"name": "momentum", "learning_rate": "eta", "momentum": "beta", "form": "average"},
        {"eta": 0.3, "beta": 0.7},
    ),
    ({"name": "nesterov", "learning_rate": "eta", "momentum": "beta"}, {"eta": 0.3, "beta": 0.7}),
    ({"name": "nesterov_lookahead", "learning_rate": "eta", "momentum": "beta"}, {"eta": 0.3, "beta": 0.7}),
    ({"name": "newton", "learning_rate": "eta", "damping": "lam"}, {"eta": 0.3, "lam": 0.7}),
    (
        {
            "name": "gradient_descent",
            "learning_rate": "eta",
            "schedule": {"name": "exponential", "factor": "c"},
        },
        {"eta": 0.3, "c": 0.5},
    ),
    (
        {"name": "gradient_descent", "schedule": ["a", "b", "a*b"]},
        {"a": 0.3, "b": 0.5, "a*b": 0.15},
    ),
    ({"name": "adam", "learning_rate": "eta", "beta_1": "b"}, {"eta": 0.3, "b": 0.6}),
    ({"name": "gradient_descent", "clip_value": "c", "learning_rate": 0.5}, {"c": 0.2}),
    ({"name": "lion", "learning_rate": "eta", "beta_1": "b"}, {"eta": 0.3, "b": 0.6}),
]


def with_numbers(setting: Any, values: dict[str, float]) -> Any:
    if isinstance(setting, dict):
        return {name: with_numbers(part, values) for name, part in setting.items()}
    if isinstance(setting, list):
        return [with_numbers(part, values) for part in setting]
    return values.get(setting, setting)


@pytest.mark.parametrize(("optimizer", "values"), SYMBOLIC, ids=str)
def test_numbers_in_the_place_of_symbols_give_the_trace_of_floats(
    optimizer: dict[str, Any], values: dict[str, float]
) -> None:
    exact = steps_of(optimizer, START, QUADRATIC, steps=3, numbers="exact")
    name = {"name": optimizer["name"]}
    settings = {key: with_numbers(value, values) for key, value in optimizer.items() if key != "name"}
    near = steps_of(name | settings, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=3)
    substitution = {sympy.Symbol(key, real=True): sympy.Rational(str(value)) for key, value in values.items()
                    if key.isalpha()}  # fmt: skip
    for one, other in zip(exact, near, strict=True):
        loss: Any = one.loss
        parameters: Any = one.parameters
        agree(
            floats({at: array[()].subs(substitution) for at, array in parameters.items()}),
            flat(other.parameters),
        )
        agree(floats({"": loss[()].subs(substitution)}), flat({"": other.loss}))


def test_the_first_step_from_one_on_a_fourth_of_a_square() -> None:
    steps = steps_of({"name": "gradient_descent", "learning_rate": "eta"}, {"x": 1}, ["f = x**2 / 4"],
                     steps=2, numbers="exact")  # fmt: skip
    eta = sympy.Symbol("eta", real=True)
    assert sympy.expand(steps[1].parameters["x"][()] - (1 - eta / 2)) == 0
    assert sympy.expand(steps[2].parameters["x"][()] - (1 - eta / 2) ** 2) == 0


def test_a_start_in_symbols() -> None:
    steps = steps_of({"name": "gradient_descent", "learning_rate": "1/2"}, {"x": "a"}, ["f = x**2 / 4"],
                     steps=3, numbers="exact")  # fmt: skip
    a = sympy.Symbol("a", real=True)
    assert sympy.expand(steps[3].parameters["x"][()] - a * sympy.Rational(27, 64)) == 0


def test_newton_reaches_the_least_of_a_quadratic_in_one_exact_step() -> None:
    steps = steps_of({"name": "newton"}, START, ("f = (x**2 + 10*y**2)/2 + x*y - x - y",), steps=1,
                     numbers="exact")  # fmt: skip
    assert [one[()] for one in steps[1].parameters.values()] == [1, 0]
    assert steps[1].gradient is None or all(one[()] == 0 for one in steps[1].gradient.values())


def test_exact_vectors_move_entry_by_entry() -> None:
    program, data = ("f = sum(v**2 * c) / 2",), {"c": [1, 2, 3]}
    start = {"v": ["1/2", -1, 2]}
    for optimizer in ({"name": "adam"}, {"name": "rprop"}, {"name": "newton"}, {"name": "adagrad"}):
        exact = steps_of(optimizer, start, program, data=data, steps=2, numbers="exact")
        near = steps_of(optimizer, {"v": [0.5, -1.0, 2.0]}, program, data=data, steps=2)
        assert_same(exact, near)


def test_exact_numbers_that_grow_end_a_trace_with_a_note() -> None:
    # The square of x at each step has twice as many digits as at the one before.
    trace = prepare({"name": "gradient_descent", "learning_rate": "1/10"}, {"x": "1/3"}, ["f = x**3"],
                     steps=50, numbers="exact").trace  # fmt: skip
    shown = list(trace.shown_steps())
    assert trace.summary is not None and trace.summary.stopped_by == "size"
    assert 5 < trace.summary.steps < 20
    assert [one.number for one in shown] == list(range(trace.summary.steps + 1))
    [note] = trace.notes
    assert note.code == "stopped" and f"after step {trace.summary.steps}" in note.message
    assert trace.summary.last_loss is not None and trace.summary.monotone is True
