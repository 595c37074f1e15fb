"""Schedules whose rates were recorded from PyTorch, and how to read them back."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("schedules.npz")
RATE = 0.3
STEPS = 40


@dataclass(frozen=True)
class Case:
    """A schedule in our words, and the same in PyTorch's: a class of `lr_scheduler` and its arguments.

    In the arguments of a sequence, a pair of a class and arguments is a scheduler.
    """

    ours: dict[str, Any]
    theirs: tuple[str, dict[str, Any]]
    losses: tuple[float, ...] = ()


# Improvements, plateaus, and improvements below a threshold.
LOSSES = tuple(float(loss) for loss in np.random.default_rng(4).uniform(0.5, 1, STEPS).cumprod() + 0.01)
FLAT = (*LOSSES[:6], *[LOSSES[5]] * 9, *[loss / 4 for loss in LOSSES[6:15]], *[0.004, 0.005] * 8)
LINEAR = ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 6})
EXPONENTIAL = ("ExponentialLR", {"gamma": 0.9})
COSINE = ("CosineAnnealingLR", {"T_max": 31, "eta_min": 0.01})
RISING = ("LinearLR", {"start_factor": 1 / 8, "end_factor": 1.0, "total_iters": 7})
OUR_LINEAR = {"name": "linear", "start_factor": 0.1, "end_factor": 0.8, "steps": 6}


def _one_cycle(**theirs: Any) -> tuple[str, dict[str, Any]]:
    return "OneCycleLR", {"max_lr": RATE, "total_steps": STEPS, "cycle_momentum": False, **theirs}


def _plateau(losses: tuple[float, ...], ours: dict[str, Any], **theirs: Any) -> Case:
    return Case({"name": "reduce_on_plateau", **ours}, ("ReduceLROnPlateau", theirs), losses)


CASES: dict[str, Case] = {
    "step": Case({"name": "step", "size": 7, "factor": 0.5}, ("StepLR", {"step_size": 7, "gamma": 0.5})),
    "multi_step": Case(
        {"name": "multi_step", "milestones": [3, 10, 10, 30], "factor": 0.4},
        ("MultiStepLR", {"milestones": [3, 10, 10, 30], "gamma": 0.4}),
    ),
    "exponential": Case({"name": "exponential", "factor": 0.9}, EXPONENTIAL),
    "linear": Case({"name": "linear"}, ("LinearLR", {})),
    "linear_falls": Case(
        {"name": "linear", "start_factor": 1, "end_factor": 0.2, "steps": 9},
        ("LinearLR", {"start_factor": 1.0, "end_factor": 0.2, "total_iters": 9}),
    ),
    "polynomial": Case({"name": "polynomial"}, ("PolynomialLR", {})),
    "polynomial_power": Case(
        {"name": "polynomial", "steps": 25, "power": 2.5}, ("PolynomialLR", {"total_iters": 25, "power": 2.5})
    ),
    "cosine": Case(
        {"name": "cosine", "steps": STEPS, "least": 0.02},
        ("CosineAnnealingLR", {"T_max": STEPS, "eta_min": 0.02})
    ),
    "cosine_restarts": Case(
        {"name": "cosine_restarts", "steps": 6, "least": 0.01},
        ("CosineAnnealingWarmRestarts", {"T_0": 6, "eta_min": 0.01}),
    ),
    "cosine_restarts_growing": Case(
        {"name": "cosine_restarts", "steps": 4, "growth": 3},
        ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 3}),
    ),
    "one_cycle": Case({"name": "one_cycle", "steps": STEPS}, _one_cycle()),
    "one_cycle_linear": Case(
        {"name": "one_cycle", "steps": STEPS, "rise": 0.4, "form": "linear",
         "start_divisor": 10, "end_divisor": 50},
        _one_cycle(pct_start=0.4, anneal_strategy="linear", div_factor=10, final_div_factor=50),
    ),
    "one_cycle_three_phases": Case(
        {"name": "one_cycle", "steps": STEPS, "rise": 0.27, "three_phase": True},
        _one_cycle(pct_start=0.27, three_phase=True),
    ),
    "warm_up_then_cosine": Case(
        {"name": "warm_up", "steps": 8, "then": {"name": "cosine", "steps": 31, "least": 0.01}},
        ("SequentialLR", {"schedulers": [RISING, COSINE], "milestones": [8]}),
    ),
    "sequence": Case(
        {
            "name": "sequence",
            "schedules": [OUR_LINEAR, {"name": "exponential", "factor": 0.9}, {"name": "step", "size": 3}],
            "milestones": [9, 20],
        },
        (
            "SequentialLR",
            {"schedulers": [LINEAR, EXPONENTIAL, ("StepLR", {"step_size": 3})], "milestones": [9, 20]},
        ),
    ),
    "plateau": _plateau(FLAT, {"patience": 3}, patience=3),
    "plateau_cooldown": _plateau(
        FLAT, {"patience": 1, "factor": 0.5, "cooldown": 4, "least": 0.04, "threshold": 0.2},
        patience=1, factor=0.5, cooldown=4, min_lr=0.04, threshold=0.2,
    ),
    "plateau_absolute": _plateau(
        FLAT, {"patience": 0, "factor": 0.3, "threshold": 0.003,
               "threshold_form": "absolute", "epsilon": 1e-3},
        patience=0, factor=0.3, threshold=0.003, threshold_mode="abs", eps=1e-3,
    ),
    "plateau_max": _plateau(FLAT, {"patience": 2, "mode": "max"}, patience=2, mode="max"),
    "plateau_max_absolute": _plateau(
        FLAT[::-1], {"patience": 2, "mode": "max", "factor": 0.7, "threshold": 0.01,
                     "threshold_form": "absolute"},
        patience=2, mode="max", factor=0.7, threshold=0.01, threshold_mode="abs",
    ),
}  # fmt: skip


@cache
def read_rates(name: str) -> list[float]:
    """Return PyTorch's rate of each step."""
    with np.load(FILE) as arrays:
        rates: list[float] = arrays[name].tolist()
    return rates
