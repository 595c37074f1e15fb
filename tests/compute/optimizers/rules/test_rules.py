"""Every update rule against recorded PyTorch traces, textbook loops and ONNX operators."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compute.optimizers import OPTIMIZERS
from compute.optimizers.run.trace import StepRecord, TraceStep
from tests.compute.optimizers.asking import QUADRATIC, prepare, steps_of, with_rate
from tests.oracles import textbook_operators, textbook_optimizers
from tests.oracles.optimizers import CASES, OBJECTIVES, Case, buffers, read_recorded
from tests.test_oracles_optimizers import BOWL, agree, bowl, flat, quadratic

RNG = np.random.default_rng(11)
VARIANTS: list[dict[str, Any]] = [
    *({"name": name} for name in OPTIMIZERS if name != "newton"),
    {"name": "gradient_descent", "clip_value": 0.6, "clip_norm": 0.7, "clip_epsilon": 0.01},
    {"name": "gradient_descent", "weight_decay": 0.1, "decay": "post", "learning_rate": 0.2},
    {"name": "gradient_descent", "weight_decay": 0.1, "decay": "decoupled", "learning_rate": 0.2},
    {"name": "gradient_descent", "clip_norm": 1e9, "weight_decay": 0.3},
    {"name": "momentum", "form": "average", "momentum": 0.7},
    {"name": "momentum", "form": "average", "momentum": 0.7},
    {"name": "momentum", "dampening": 0.4, "undamped_start": False, "momentum": 0.5},
    {"name": "momentum", "dampening": 0.4, "weight_decay": 0.2, "decay": "post"},
    {"name": "nesterov", "dampening": 0.3, "undamped_start": False},
    {"name": "nesterov", "dampening": 0.3, "clip_value": 1},
    {"name": "nesterov_lookahead", "momentum": 0.8, "learning_rate": 0.05, "weight_decay": 0.1},
    {"name": "adagrad", "rate_decay": 0.3, "initial_accumulator": 0.2, "epsilon": 0.01},
    {"name": "rmsprop", "centered": True, "momentum": 0.4, "rho": 0.6},
    {"name": "rmsprop", "momentum": 0.4, "weight_decay": 0.1, "decay": "decoupled"},
    {"name": "adadelta", "rho": 0.5, "epsilon": 0.01, "weight_decay": 0.2, "decay": "post"},
    {"name": "adam", "epsilon_form": "uncorrected", "epsilon": 0.1},
    {"name": "adam", "bias_correction": False, "epsilon": 0.1},
    {"name": "adam", "bias_correction": False, "epsilon": 0.1},
    {"name": "adam", "count_from": 0, "epsilon": 0.1},
    {"name": "adam", "count_from": 0, "epsilon": 0.1, "epsilon_form": "uncorrected"},
    {"name": "adam", "count_from": 3, "amsgrad": True, "beta_2": 0.6},
    {"name": "adamw", "decay": "coupled", "weight_decay": 0.3},
    {"name": "adamw", "weight_decay": 0, "clip_norm": 0.5},
    {"name": "amsgrad", "beta_2": 0.5, "epsilon_form": "uncorrected", "epsilon": 0.2},
    {"name": "adamax", "beta_2": 0.5, "weight_decay": 0.1},
    {"name": "nadam", "momentum_decay": 0.3, "weight_decay": 0.1, "decay": "decoupled"},
    {"name": "radam", "beta_2": 0.8, "learning_rate": 0.1},
    {"name": "rprop", "learning_rate": 0.3, "eta_minus": 0.4, "eta_plus": 1.7, "step_max": 0.6},
    {"name": "rprop", "learning_rate": 0.3, "step_min": 0.1, "eta_minus": 0.2, "weight_decay": 0.1},
    {"name": "lion", "learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8, "weight_decay": 0.1},
    {"name": "lion", "learning_rate": 0.1, "weight_decay": 0.1, "decay": "coupled"},
    *(
        {"name": "momentum", "schedule": schedule}
        | ({} if isinstance(schedule, list) else {"learning_rate": 0.3})
        for schedule in (
            {"name": "constant"},
            {"name": "step", "size": 3, "factor": 0.4},
            {"name": "exponential", "factor": 0.8},
            {"name": "cosine", "steps": 7, "least": 0.1},
            {"name": "warm_up", "steps": 4},
            {"name": "inverse_square_root", "steps": 4},
            [0.3, 0.1, 0, 0.2, *[0.05] * 8],
        )
    ),
]
GRADIENTS = [*(RNG.standard_normal(4) * 2), *[0] * 4, *(RNG.standard_normal(40) * 2)]
SETS = [{"w": np.reshape(GRADIENTS[4 * at : 4 * at + 4], (2, 2)), "b": 0.3 - at / 9} for at in range(12)]
START = {"w": [[0.5, -1.0], [2.0, 0.0]], "b": -0.75}


def record_of(step: TraceStep) -> StepRecord:
    assert step.record is not None
    return step.record


def compare(ours: list[TraceStep], theirs: list[Any], kept: tuple[str, ...]) -> None:
    """Compare our steps, without the start, with records of the textbook loops."""
    agree([one.record and float(one.record.rate_of("")) for one in ours], [one.rate for one in theirs])
    agree([flat(one.parameters) for one in ours], [one.parameters for one in theirs])
    agree([flat(record_of(one).gradient) for one in ours], [one.gradient for one in theirs])
    for buffer in kept:
        found = [flat({name: of[buffer] for name, of in one.state.items()}) for one in ours]
        agree(found, [[entry[buffer] for entry in one.state] for one in theirs])


@pytest.mark.parametrize("name", CASES)
def test_recorded_pytorch_traces(name: str) -> None:
    case = CASES[name]
    objective = OBJECTIVES[case.objective]
    start, *steps = steps_of(
        case.optimizer, case.start, objective.program, data=objective.data, steps=case.steps
    )
    there = list(read_recorded(name).values())
    assert [one.number for one in steps] == list(range(1, case.steps + 1))
    assert flat(start.parameters) == flat(case.start)
    agree([float(record_of(one).rate_of("")) for one in steps], [one["rate"] for one in there])
    agree([flat(one.parameters) for one in steps], [flat(one["parameters"]) for one in there])
    agree([flat(record_of(one).gradient) for one in steps], [flat(one["gradient"]) for one in there])
    agree([float(one.loss or 0) for one in steps], [one["loss"] for one in there])
    for buffer in buffers(case.optimizer):
        found = [flat({name: of[buffer] for name, of in one.state.items()}) for one in steps]
        agree(found, [flat({n: of[buffer] for n, of in one["state"].items()}) for one in there])
    ours = {"variance"} if case.optimizer.get("centered") else set()  # PyTorch subtracts the means instead
    for one in steps:
        assert all(set(of) == {*buffers(case.optimizer), *ours} for of in one.state.values())


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_textbook_loops_on_given_gradients(optimizer: dict[str, Any]) -> None:
    gradients = [flat(one) for one in SETS]
    theirs = textbook_optimizers.trace(optimizer, lambda p, t: gradients[t - 1], flat(START), len(SETS))
    ours = steps_of(optimizer, START, gradients=SETS)[1:]
    compare(ours, theirs, tuple(theirs[0].state[0]))
    for one in ours:
        before, after, update = (
            flat(each) for each in (record_of(one).before, one.parameters, record_of(one).update)
        )
        np.testing.assert_allclose(np.add(before, update), after, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_textbook_loops_on_an_objective(optimizer: dict[str, Any]) -> None:
    optimizer = with_rate(optimizer)
    theirs = textbook_optimizers.trace(optimizer, lambda p, t: quadratic(p)[1], [1.5, -1.0], 12)
    ours = steps_of(optimizer, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=12)
    compare(ours[1:], theirs, tuple(theirs[0].state[0]))
    agree([float(one.loss or 0) for one in ours[1:]], [quadratic(one.parameters)[0] for one in theirs])


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_float32_is_close(optimizer: dict[str, Any]) -> None:
    double = steps_of({"epsilon": 1e-3, **optimizer} if "epsilon" in OPTIMIZERS[optimizer["name"]].settings
                      else optimizer, START, gradients=SETS)[-1]  # fmt: skip
    single = steps_of({"epsilon": 1e-3, **optimizer} if "epsilon" in OPTIMIZERS[optimizer["name"]].settings
                      else optimizer, START, gradients=SETS, numbers="float32")[-1]  # fmt: skip
    for name in START:
        assert single.parameters[name].dtype == np.float32
        assert all(of.dtype == np.float32 for of in single.state[name].values())
        np.testing.assert_allclose(single.parameters[name], double.parameters[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("mode", ["standard", "nesterov"])
def test_momentum_by_the_attributes_of_onnx(mode: str) -> None:
    optimizer = {"name": "nesterov" if mode == "nesterov" else "momentum", "learning_rate": 0.02}
    optimizer |= {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05}
    of = onnx(textbook_operators.momentum, 1, alpha=0.8, beta=0.7, mode=mode, norm_coefficient=0.05)
    against_onnx(optimizer, of, ("velocity",), 0.02)


def test_adagrad_by_the_attributes_of_onnx() -> None:
    optimizer = {"name": "adagrad", "rate_decay": 0.2, "epsilon": 1e-6, "weight_decay": 0.05}
    of = onnx(textbook_operators.adagrad, 1, decay_factor=0.2, norm_coefficient=0.05)
    against_onnx(optimizer | {"learning_rate": 0.1}, of, ("sum_of_squares",), 0.1)


@pytest.mark.parametrize(
    ("decay", "attribute"), [("coupled", "norm_coefficient"), ("post", "norm_coefficient_post")]
)
def test_adam_by_the_attributes_of_onnx(decay: str, attribute: str) -> None:
    optimizer = {"name": "adam", "epsilon": 1e-6, "epsilon_form": "uncorrected", "count_from": 0}
    optimizer |= {"learning_rate": 0.1, "weight_decay": 0.05, "decay": decay}
    of = onnx(textbook_operators.adam, 2, **{attribute: 0.05})
    against_onnx(optimizer, of, ("first_moment", "second_moment"), 0.1)


def onnx(operator: Callable[..., Any], kept: int, **attributes: Any) -> Callable[..., Any]:
    """Return a function that applies an operator to a list of numbers, step after step."""

    def run(rate: float, steps: int) -> list[tuple[list[float], list[list[float]]]]:
        v, state, found = flat(BOWL.start), [[0.0] * kept for _ in range(3)], []
        for T in range(steps):
            g = bowl(v)[1]
            for i in range(3):
                v[i], *state[i] = operator(rate, T, v[i], g[i], *state[i], **attributes)
            found.append((list(v), [list(one) for one in state]))
        return found

    return run


def against_onnx(
    optimizer: dict[str, Any], operator: Callable[..., Any], kept: tuple[str, ...], rate: float
) -> None:
    objective = OBJECTIVES["bowl"]
    ours = steps_of(optimizer, BOWL.start, objective.program, data=objective.data, steps=15)[1:]
    for one, (v, state) in zip(ours, operator(rate, 15), strict=True):
        agree(one.parameters["v"], v)
        for at, buffer in enumerate(kept):
            agree(one.state["v"][buffer], [of[at] for of in state])


@pytest.mark.parametrize(("rate", "damping"), [(1.0, 0.0), (0.5, 0.0), (1.0, 2.0)])
def test_newton_against_cramers_rule(rate: float, damping: float) -> None:
    case = Case("rosenbrock", OBJECTIVES["rosenbrock"].start, {})

    def gradient(p: list[float]) -> list[float]:
        return [-2 * (1 - p[0]) - 400 * p[0] * (p[1] - p[0] ** 2), 200 * (p[1] - p[0] ** 2)]

    def hessian(p: list[float]) -> Any:
        return ((2 - 400 * p[1] + 1200 * p[0] ** 2, -400 * p[0]), (-400 * p[0], 200.0))

    optimizer = {"name": "newton", "learning_rate": rate, "damping": damping}
    theirs = textbook_operators.newton(
        gradient, hessian, flat(case.start), 6, learning_rate=rate, damping=damping
    )
    ours = steps_of(optimizer, case.start, OBJECTIVES["rosenbrock"].program, steps=6)
    agree([flat(one.parameters) for one in ours[1:]], theirs)
    for before, after in itertools.pairwise(ours):
        agree(after.state["all parameters"]["hessian"], hessian(flat(before.parameters)))


def test_a_matrix_without_an_inverse_ends_newtons_trace() -> None:
    trace = prepare({"name": "newton"}, {"x": 1.0, "y": 2.0}, ["f = (x + y)**2"], steps=3).trace
    *_, last = trace.shown_steps()
    assert last.number == 1
    assert trace.summary is not None and trace.summary.stopped_by == "not_finite"
