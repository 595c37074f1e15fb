"""Optimizers on small objectives, whose traces were recorded from PyTorch, and how to read them back."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.cases import Array

FILE = Path(__file__).with_name("optimizers.npz")


@dataclass(frozen=True)
class Objective:
    """A function to minimize: a program whose last line is f, its data, and the starting point."""

    program: tuple[str, ...]
    start: dict[str, Any]
    data: dict[str, Any]


OBJECTIVES = {
    "quadratic": Objective(("f = (x**2 + 10*y**2)/2 + x*y",), {"x": 1.5, "y": -1.0}, {}),
    # v'Av/2 - b'v with a symmetric A. The language has no product of a matrix with a vector.
    "bowl": Objective(
        ("Av = sum(A * v, axis=1)", "f = sum(v * Av) / 2 - sum(b * v)"),
        {"v": [1.0, -2.0, 0.5]},
        {"A": [[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 4.0]], "b": [1.0, -0.5, 0.25]},
    ),
    "rosenbrock": Objective(("f = (1 - x)**2 + 100*(y - x**2)**2",), {"x": -1.2, "y": 1.0}, {}),
}


@dataclass(frozen=True)
class Case:
    objective: str
    start: dict[str, Any]
    optimizer: dict[str, Any]
    steps: int = 20

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        return {name: np.shape(value) for name, value in self.start.items()}


Settings = dict[str, Any]
# The rate on Rosenbrock's steep valley, the rate on the quadratics, and all other settings.
VARIANTS: dict[str, tuple[float, float, Settings]] = {
    "gradient_descent": (5e-4, 0.05, {}),
    "gradient_descent_decay": (5e-4, 0.05, {"weight_decay": 0.1}),
    "gradient_descent_clip_value": (2e-3, 0.1, {"clip_value": 0.75}),
    "gradient_descent_clip_norm": (2e-3, 0.1, {"clip_norm": 1.25}),
    "gradient_descent_clip_both": (0.01, 0.1, {"clip_value": 0.9, "clip_norm": 1.0, "weight_decay": 0.05}),
    "gradient_descent_step": (1e-3, 0.1, {"schedule": {"name": "step", "size": 6, "factor": 0.5}}),
    "gradient_descent_list": (1, 1, {"schedule": [1e-4 * (1 + step % 4) for step in range(20)]}),
    "gradient_descent_constant": (2e-3, 0.03, {"schedule": {"name": "constant"}, "clip_norm": 0.5}),
    "momentum": (1e-4, 0.02, {}),
    "momentum_dampening": (2e-4, 0.03, {"momentum": 0.8, "dampening": 0.25}),
    "momentum_decay_clip": (2e-4, 0.02, {"weight_decay": 0.2, "clip_norm": 1.6, "clip_value": 1.5}),
    "momentum_damped_start": (2e-4, 0.03, {"momentum": 0.7, "dampening": 0.5, "undamped_start": False}),
    "momentum_average": (5e-4, 0.05, {"form": "average", "momentum": 0.85}),
    "momentum_inverse_square_root": (1e-4, 0.02, {"schedule": {"name": "inverse_square_root", "steps": 5}}),
    "nesterov": (1e-4, 0.02, {}),
    "nesterov_decay": (2e-4, 0.03, {"momentum": 0.75, "weight_decay": 0.1}),
    "adagrad": (0.1, 0.2, {}),
    "adagrad_rate_decay": (0.1, 0.2, {"rate_decay": 0.1}),
    "adagrad_accumulator": (0.1, 0.2, {"initial_accumulator": 0.5, "epsilon": 1e-3}),
    "adagrad_decay": (0.1, 0.2, {"weight_decay": 0.1, "rate_decay": 0.05, "initial_accumulator": 0.1}),
    "rmsprop": (0.01, 0.02, {}),
    "rmsprop_momentum": (2e-3, 5e-3, {"momentum": 0.9}),
    "rmsprop_centered": (0.01, 0.02, {"centered": True, "rho": 0.9}),
    "rmsprop_decay": (
        2e-3, 5e-3, {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "epsilon": 1e-3}
    ),
    "rmsprop_exponential": (
        0.02, 0.04, {"rho": 0.8, "weight_decay": 0.05, "schedule": {"name": "exponential", "factor": 0.85}}
    ),
    "adadelta": (1, 1, {}),
    "adadelta_decay": (0.5, 2, {"rho": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}),
    "adam": (0.05, 0.1, {}),
    "adam_betas": (0.05, 0.1, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    "adam_decay": (0.05, 0.1, {"weight_decay": 0.1, "clip_value": 1.0}),
    "adam_amsgrad": (0.05, 0.1, {"amsgrad": True, "beta_2": 0.7, "weight_decay": 0.05}),
    "adam_decoupled": (
        0.05, 0.1,
        {"decay": "decoupled", "weight_decay": 0.2, "schedule": {"name": "cosine", "steps": 19, "least": 0}},
    ),
    "adam_cosine_ends": (
        0.05, 0.1, {"clip_norm": 5.0, "schedule": {"name": "cosine", "steps": 8, "least": 0.01}}
    ),
    "adamw": (0.05, 0.1, {}),
    "adamw_amsgrad": (0.05, 0.1, {"amsgrad": True, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.3}),
    "adamw_warm_up": (0.05, 0.1, {"weight_decay": 0.1, "schedule": {"name": "warm_up", "steps": 7}}),
    "amsgrad": (0.05, 0.1, {"beta_2": 0.6}),
    "adamax": (0.05, 0.1, {}),
    "adamax_decay": (0.05, 0.1, {"beta_1": 0.8, "beta_2": 0.7, "epsilon": 1e-3, "weight_decay": 0.1}),
    "nadam": (0.05, 0.1, {}),
    "nadam_momentum_decay": (0.03, 0.05, {"momentum_decay": 0.2, "beta_1": 0.8, "beta_2": 0.95}),
    "nadam_decay": (0.05, 0.1, {"weight_decay": 0.1, "epsilon": 1e-4}),
    "nadam_decoupled": (0.05, 0.1, {"weight_decay": 0.1, "decay": "decoupled"}),
    # Steps before rectification follow the gradient itself: too far, at the rates of the others.
    "radam": (5e-4, 0.05, {}),
    # The rectification of 0.9 begins at a later step than that of 0.999; that of 0.5 never does.
    "radam_betas": (5e-4, 0.05, {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}),
    "radam_decay": (2e-4, 0.05, {"beta_2": 0.5, "weight_decay": 0.1}),
    "radam_decoupled": (5e-4, 0.05, {"weight_decay": 0.1, "decay": "decoupled"}),
    "rprop": (0.02, 0.1, {}),
    "rprop_bounds": (
        0.05, 0.2, {"eta_minus": 0.3, "eta_plus": 1.5, "step_min": 0.02, "step_max": 0.25}
    ),
    "gradient_descent_maximize": (1e-5, 0.01, {"maximize": True, "weight_decay": 0.5, "clip_value": 2.0}),
    "momentum_maximize": (1e-6, 1e-3, {"maximize": True}),
    "adam_maximize": (1e-3, 0.01, {"maximize": True, "weight_decay": 0.1}),
    "adamw_maximize": (1e-3, 0.01, {"maximize": True, "weight_decay": 0.1}),
}  # fmt: skip
NAMES = (
    *("rmsprop", "adadelta", "adamax", "adamw", "amsgrad", "nadam", "radam", "rprop", "adam"),
    *("gradient_descent", "momentum", "nesterov", "adagrad"),
)


def _cases() -> dict[str, Case]:
    found = {}
    for number, (variant, (steep, gentle, settings)) in enumerate(VARIANTS.items()):
        name = next(one for one in NAMES if variant.startswith(one))
        for objective in ("rosenbrock", ("quadratic", "bowl")[number % 2]):
            rate = steep if objective == "rosenbrock" else gentle
            optimizer = {"name": name, "learning_rate": rate, **settings}
            if isinstance(settings.get("schedule"), list):
                del optimizer["learning_rate"]  # every step has its own rate
            found[f"{variant}_on_{objective}"] = Case(objective, OBJECTIVES[objective].start, optimizer)
    return found


CASES = _cases()


def buffers(optimizer: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of an optimizer's buffers for each parameter, in the recorded order."""
    moments = ("first_moment", "second_moment")
    largest = optimizer.get("amsgrad") or optimizer["name"] == "amsgrad"
    return {
        "gradient_descent": (),
        "momentum": ("velocity",),
        "nesterov": ("velocity",),
        "adagrad": ("sum_of_squares",),
        "rmsprop": (
            "mean_of_squares",
            *(("mean_gradient",) if optimizer.get("centered") else ()),
            *(("velocity",) if optimizer.get("momentum") else ()),
        ),
        "adadelta": ("mean_of_squares", "mean_of_squared_updates"),
        **dict.fromkeys(
            ("adam", "adamw", "amsgrad"), (*moments, *(("largest_second_moment",) if largest else ()))
        ),
        "adamax": ("first_moment", "infinity_norm"),
        "nadam": (*moments, "momentum_product"),
        "radam": moments,
        "rprop": ("step_size", "previous_gradient"),
    }[optimizer["name"]]


def flatten(trace: dict[int, dict[str, Any]]) -> Array:
    """Return (steps, numbers): loss, rate, gradient, parameters, then the buffers of all parameters."""
    return np.array([_row(record) for record in trace.values()])


def _row(record: dict[str, Any]) -> Array:
    kinds = [record["gradient"], record["parameters"]]
    first = next(iter(record["state"].values()))
    kinds += [{name: state[buffer] for name, state in record["state"].items()} for buffer in first]
    entries = [np.ravel(value) for kind in kinds for value in kind.values()]
    return np.concatenate([[record["loss"], record["rate"]], *entries])


@cache
def _file() -> dict[str, Array]:
    with np.load(FILE) as arrays:
        return dict(arrays)


def read_recorded(name: str) -> dict[int, dict[str, Any]]:
    """Return PyTorch's steps in a case, counted from 1.

    Each has the loss and parameters after the step, the rate of the step, the gradient before it, and the
    state.
    """
    case = CASES[name]
    return {step: _record(case, row) for step, row in enumerate(_file()[name], start=1)}


def _record(case: Case, row: Array) -> dict[str, Any]:
    at = 2

    def kind() -> dict[str, Array]:
        nonlocal at
        found = {}
        for name, shape in case.sizes.items():
            end = at + int(np.prod(shape))
            found[name] = row[at:end].reshape(shape)
            at = end
        return found

    gradient, parameters = kind(), kind()
    kept = {buffer: kind() for buffer in buffers(case.optimizer)}
    return {
        "loss": float(row[0]),
        "rate": float(row[1]),
        "gradient": gradient,
        "parameters": parameters,
        "state": {name: {buffer: of[name] for buffer, of in kept.items()} for name in case.sizes},
    }
