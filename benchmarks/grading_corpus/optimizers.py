"""Optimizers step by step: gradient, state, parameters and loss of a quadratic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.grading_corpus.sheets import Array, Convention, Formula, Key, Mistake, Sheet, Step, value

Lookup = dict[str, Array]
FormulaAt = Callable[[int], Formula]
Updates = Callable[[int, Lookup], Array]


def parameters(t: int) -> str:
    return f"trace[{t}].parameters.x"


def slope(t: int) -> str:
    return f"trace[{t}].gradient.x"


def state(t: int, name: str) -> str:
    return f"trace[{t}].state.x.{name}"


@dataclass(frozen=True)
class Rule:
    """An update rule: its buffers in order, each by time step, and the step that is taken.

    buffers: from time step and values to a buffer.
    update: from time step and values to the change of the parameters.
    mistakes, conventions: other buffers (by name) or another update (`update`).
    """

    settings: Mapping[str, Any]
    buffers: Mapping[str, Updates]
    update: Updates
    mistakes: Mapping[str, Mapping[str, Updates]] = field(default_factory=dict)
    conventions: tuple[tuple[Mapping[str, Any], Mapping[str, Updates]], ...] = ()


def before(v: Lookup, t: int, name: str) -> Array:
    return v[state(t - 1, name)] if t > 1 else np.zeros(2)


def rules(rate: float, beta: float) -> Iterator[Rule]:
    yield gradient_descent(rate)
    yield momentum(rate, beta)
    yield nesterov(rate, beta)
    yield rmsprop(rate / 4, 0.8)
    yield adagrad(rate)
    yield adam(rate, 0.8, 0.9, None)
    yield adam(rate, 0.8, 0.9, 0.3)


def gradient_descent(rate: float) -> Rule:
    return Rule(
        {"name": "gradient_descent", "learning_rate": rate},
        {},
        lambda t, v: -rate * v[slope(t)],
        {"optimizer.sign": {"update": lambda t, v: rate * v[slope(t)]}},
    )


def momentum(rate: float, beta: float) -> Rule:
    name = "velocity"

    def average(t: Any, v: Any) -> Any:
        return beta * before(v, t, name) + (1 - beta) * v[slope(t)]

    return Rule(
        {"name": "momentum", "learning_rate": rate, "momentum": beta},
        {name: lambda t, v: beta * before(v, t, name) + v[slope(t)]},
        lambda t, v: -rate * v[state(t, name)],
        {
            "optimizer.sign": {"update": lambda t, v: rate * v[state(t, name)]},
            "momentum.average_for_sum": {name: average},
            "momentum.rate_inside": {
                name: lambda t, v: beta * before(v, t, name) - rate * v[slope(t)],
                "update": lambda t, v: v[state(t, name)],
            },
            "momentum.velocity_subtracted": {name: lambda t, v: -beta * before(v, t, name) + v[slope(t)]},
            "momentum.sign_of_state": {name: lambda t, v: beta * before(v, t, name) - v[slope(t)]},
            "momentum.nesterov": {"update": lambda t, v: -rate * (v[slope(t)] + beta * v[state(t, name)])},
            "momentum.forgotten": {name: lambda t, v: v[slope(t)]},
            "optimizer.state_after_update": {"update": lambda t, v: -rate * before(v, t, name)},
        },
        (({"form": "average"}, {name: average}),),
    )


def nesterov(rate: float, beta: float) -> Rule:
    name = "velocity"
    return Rule(
        {"name": "nesterov", "learning_rate": rate, "momentum": beta},
        {name: lambda t, v: beta * before(v, t, name) + v[slope(t)]},
        lambda t, v: -rate * (v[slope(t)] + beta * v[state(t, name)]),
        {
            "optimizer.sign": {"update": lambda t, v: rate * (v[slope(t)] + beta * v[state(t, name)])},
            "momentum.forgotten": {name: lambda t, v: v[slope(t)]},
        },
    )


def rmsprop(rate: float, rho: float) -> Rule:
    name = "mean_of_squares"
    return Rule(
        {"name": "rmsprop", "learning_rate": rate, "rho": rho},
        {name: lambda t, v: rho * before(v, t, name) + (1 - rho) * v[slope(t)] ** 2},
        lambda t, v: -rate * v[slope(t)] / (np.sqrt(v[state(t, name)]) + 1e-8),
        {
            "optimizer.sign": {
                "update": lambda t, v: rate * v[slope(t)] / (np.sqrt(v[state(t, name)]) + 1e-8)
            },
            "rmsprop.no_root": {"update": lambda t, v: -rate * v[slope(t)] / (v[state(t, name)] + 1e-8)},
            "rmsprop.weights_exchanged": {
                name: lambda t, v: (1 - rho) * before(v, t, name) + rho * v[slope(t)] ** 2
            },
        },
    )


def adagrad(rate: float) -> Rule:
    name = "sum_of_squares"

    def summed(t: int, v: Lookup) -> Array:
        return before(v, t, name) + v[slope(t)] ** 2

    return Rule(
        {"name": "adagrad", "learning_rate": rate, "epsilon": 1e-8},
        {name: summed},
        lambda t, v: -rate * v[slope(t)] / (np.sqrt(v[state(t, name)]) + 1e-8),
        {
            "optimizer.sign": {
                "update": lambda t, v: rate * v[slope(t)] / (np.sqrt(v[state(t, name)]) + 1e-8)
            },
            "adagrad.no_root": {"update": lambda t, v: -rate * v[slope(t)] / (v[state(t, name)] + 1e-8)},
            "adagrad.last_square_only": {name: lambda t, v: v[slope(t)] ** 2},
        },
    )


def adam(rate: float, b1: float, b2: float, decay: float | None) -> Rule:
    """Adam, or with a weight decay AdamW; epsilon is large enough that its place matters."""
    m, s, epsilon = "first_moment", "second_moment", 0.2

    def shrink(t: int, v: Lookup) -> Array:
        return -rate * decay * v[parameters(t - 1)] if decay else 0.0

    def step(t: int, v: Lookup, first: float, second: float) -> Array:
        """Return the step with the corrections of both moments."""
        return -rate * (v[state(t, m)] / first) / (np.sqrt(v[state(t, s)] / second) + epsilon) + shrink(t, v)

    def inside(t: int, v: Lookup) -> Array:
        mean, square = v[state(t, m)] / (1 - b1**t), v[state(t, s)] / (1 - b2**t)
        return -rate * mean / np.sqrt(square + epsilon) + shrink(t, v)

    def no_root(t: int, v: Lookup) -> Array:
        mean, square = v[state(t, m)] / (1 - b1**t), v[state(t, s)] / (1 - b2**t)
        return -rate * mean / (square + epsilon) + shrink(t, v)

    def not_corrected(t: int, v: Lookup) -> Array:
        root = (np.sqrt(v[state(t, s)]) + epsilon) / np.sqrt(1 - b2**t)
        return -rate * v[state(t, m)] / (1 - b1**t) / root + shrink(t, v)

    def uncorrected(t: Any, v: Any) -> Any:
        return step(t, v, 1.0, 1.0)

    mistakes: dict[str, Mapping[str, Updates]] = {
        "optimizer.sign": {"update": lambda t, v: -step(t, v, 1 - b1**t, 1 - b2**t) + 2 * shrink(t, v)},
        "adam.no_bias_correction": {"update": uncorrected},
        "adam.epsilon_not_corrected": {"update": not_corrected},
        "adam.epsilon_inside_root": {"update": inside},
        "adam.no_root": {"update": no_root},
        "adam.correction_without_power": {"update": lambda t, v: step(t, v, 1 - b1, 1 - b2)},
        "adam.correction_counts_one_more": {
            "update": lambda t, v: step(t, v, 1 - b1 ** (t + 1), 1 - b2 ** (t + 1))
        },
        "adam.correction_applied_twice": {
            "update": lambda t, v: step(t, v, 1 - (1 - b1**t), 1 - (1 - b2**t))
        },
        "adam.gradient_not_squared": {s: lambda t, v: b2 * before(v, t, s) + (1 - b2) * v[slope(t)]},
        "adam.betas_swapped": {
            m: lambda t, v: b2 * before(v, t, m) + (1 - b2) * v[slope(t)],
            s: lambda t, v: b1 * before(v, t, s) + (1 - b1) * v[slope(t)] ** 2,
            "update": lambda t, v: step(t, v, 1 - b2**t, 1 - b1**t),
        },
        "adam.moments_not_averaged": {
            m: lambda t, v: b1 * before(v, t, m) + v[slope(t)],
            s: lambda t, v: b2 * before(v, t, s) + v[slope(t)] ** 2,
        },
    }
    settings = {"name": "adam", "learning_rate": rate, "beta_1": b1, "beta_2": b2, "epsilon": epsilon}
    if decay:
        mistakes = {
            "optimizer.decay_left_out": {
                "update": lambda t, v: step(t, v, 1 - b1**t, 1 - b2**t) - shrink(t, v)
            },
            "optimizer.decay_without_rate": {
                "update": lambda t, v: step(t, v, 1 - b1**t, 1 - b2**t) + shrink(t, v) * (1 / rate - 1)
            },
            "adam.no_bias_correction": {"update": uncorrected},
        }
        settings |= {"name": "adamw", "weight_decay": decay}
    return Rule(
        settings,
        {
            m: lambda t, v: b1 * before(v, t, m) + (1 - b1) * v[slope(t)],
            s: lambda t, v: b2 * before(v, t, s) + (1 - b2) * v[slope(t)] ** 2,
        },
        lambda t, v: step(t, v, 1 - b1**t, 1 - b2**t),
        mistakes,
        (
            ({"bias_correction": False}, {"update": uncorrected}),
            ({"epsilon_form": "uncorrected"}, {"update": not_corrected}),
        ),
    )


def as_formula(compute: Updates, t: int) -> Formula:
    return lambda v, g: compute(t, v)


def moved(update: Updates, t: int) -> Formula:
    return lambda v, g: v[parameters(t - 1)] + update(t, v)


def over_time(rule: Rule, replaced: Mapping[str, Updates], steps: int) -> Mistake:
    """Replace buffers and updates at every time step."""
    formulas: dict[Key, Formula] = {}
    for t in range(1, steps + 1):
        for name, compute in replaced.items():
            if name == "update":
                formulas[value(parameters(t))] = moved(compute, t)
            else:
                formulas[value(state(t, name))] = as_formula(compute, t)
    assert set(replaced) <= {*rule.buffers, "update"}
    return Mistake(formulas)


def trace(rng: np.random.Generator, rule: Rule, steps: int) -> Sheet:
    """Minimize c·x² + b·x, in two parameters."""
    c, b = rng.uniform(0.5, 1.5, 2).round(2), rng.uniform(-1, 1, 2).round(2)
    start = (rng.uniform(0.8, 2.0, 2) * rng.choice([-1, 1], 2)).round(2)
    known = {parameters(0): start}

    def slope_at(t: int) -> Formula:
        return lambda v, g: 2 * c * v[parameters(t - 1)] + b

    def loss_at(t: int) -> Formula:
        return lambda v, g: np.sum(c * v[parameters(t)] ** 2) + np.sum(b * v[parameters(t)])

    work = [Step(value("trace[0].loss"), loss_at(0))]
    for t in range(1, steps + 1):
        work.append(Step(value(slope(t)), slope_at(t)))
        work += [Step(value(state(t, name)), as_formula(make, t)) for name, make in rule.buffers.items()]
        work.append(Step(value(parameters(t)), moved(rule.update, t)))
        work.append(Step(value(f"trace[{t}].loss"), loss_at(t)))
    not_renewed = {value(slope(t)): slope_at(1) for t in range(2, steps + 1)}
    mistakes = {code: over_time(rule, replaced, steps) for code, replaced in rule.mistakes.items()}
    return Sheet(
        "optimizer/trace",
        {
            "operation": "optimizer/trace",
            "program": ["l = sum(c * x**2) + sum(b * x)"],
            "inputs": {"c": c.tolist(), "b": b.tolist()},
            "start": {"x": start.tolist()},
            "optimizer": dict(rule.settings),
            "steps": steps,
        },
        known,
        {},
        tuple(work),
        mistakes=mistakes | {"optimizer.gradient_not_renewed": Mistake(not_renewed)},
        conventions=tuple(
            Convention(attributes, over_time(rule, replaced, steps))
            for attributes, replaced in rule.conventions
        ),
    )


def sheets(rng: np.random.Generator) -> Iterator[Sheet]:
    for place, rule in enumerate(rules(0.2, 0.7)):
        yield trace(rng, rule, 2 + place % 2)
