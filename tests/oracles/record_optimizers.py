"""Record PyTorch's optimizers: `python -m tests.oracles.record_optimizers` (needs the extra `reference`)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.optim import lr_scheduler

from tests.oracles.optimizers import CASES, FILE, OBJECTIVES, Case, buffers, flatten

Settings = dict[str, Any]
# PyTorch's names for our buffers.
BUFFERS = {
    "velocity": "momentum_buffer",
    "sum_of_squares": "sum",
    "mean_of_squares": "square_avg",
    "mean_gradient": "grad_avg",
    "mean_of_squared_updates": "acc_delta",
    "first_moment": "exp_avg",
    "second_moment": "exp_avg_sq",
    "largest_second_moment": "max_exp_avg_sq",
    "infinity_norm": "exp_inf",
    "momentum_product": "mu_product",
    "step_size": "step_size",
    "previous_gradient": "prev",
}
# PyTorch's names for our settings. The betas, etas and bounds of steps come in pairs.
RENAMED = {
    "weight_decay": "weight_decay",
    "dampening": "dampening",
    "rate_decay": "lr_decay",
    "initial_accumulator": "initial_accumulator_value",
    "epsilon": "eps",
    "centered": "centered",
    "amsgrad": "amsgrad",
    "momentum_decay": "momentum_decay",
    "maximize": "maximize",
}
PAIRS = {
    "betas": (("beta_1", 0.9), ("beta_2", 0.999)),
    "etas": (("eta_minus", 0.5), ("eta_plus", 1.2)),
    "step_sizes": (("step_min", 1e-6), ("step_max", 50.0)),
}
CLASSES: dict[str, Any] = {
    "gradient_descent": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "nesterov": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rprop": torch.optim.Rprop,
}


def objective(name: str, parameters: Settings) -> Any:
    data = {key: torch.tensor(value) for key, value in OBJECTIVES[name].data.items()}
    if name == "bowl":
        v = parameters["v"]
        return v @ data["A"] @ v / 2 - data["b"] @ v
    x, y = parameters["x"], parameters["y"]
    if name == "quadratic":
        return (x**2 + 10 * y**2) / 2 + x * y
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def optimizer(settings: Settings, parameters: list[Any]) -> Any:
    """Return PyTorch's optimizer with these settings, and its own defaults unless ours differ."""
    name = settings["name"]
    there = {RENAMED[key]: value for key, value in settings.items() if key in RENAMED}
    for pair, ((one, first), (other, second)) in PAIRS.items():
        if one in settings or other in settings:
            there[pair] = (settings.get(one, first), settings.get(other, second))
    if name in ("momentum", "nesterov"):
        there |= {"momentum": settings.get("momentum", 0.9), "nesterov": name == "nesterov"}
        if settings.get("form") == "average":
            there["dampening"] = there["momentum"]
    elif name == "rmsprop":
        there |= {"momentum": settings.get("momentum", 0), "alpha": settings.get("rho", 0.99)}
    elif name == "adadelta":
        there["rho"] = settings.get("rho", 0.9)
    elif name == "amsgrad":
        there["amsgrad"] = True
    if settings.get("decay") == "decoupled":
        there["decoupled_weight_decay"] = True
    schedule = settings.get("schedule")
    # With a list of rates the base rate is 1, so that its factors are the rates.
    rate = 1.0 if isinstance(schedule, list) else settings["learning_rate"]
    return CLASSES[name](parameters, lr=rate, foreach=False, **there)


def scheduler(settings: Settings, of: Any) -> Callable[[int], None]:
    """Return a function to be called after each step, with the step."""
    schedule = settings.get("schedule", {"name": "constant"})
    if isinstance(schedule, list):
        found: Any = lr_scheduler.LambdaLR(of, lambda k: schedule[min(k, len(schedule) - 1)])
        return lambda step: found.step()
    name, steps = schedule["name"], schedule.get("steps", 0)
    if name == "constant":
        return lambda step: None
    if name == "step":
        found = lr_scheduler.StepLR(of, schedule["size"], schedule["factor"])
    elif name == "exponential":
        found = lr_scheduler.ExponentialLR(of, schedule["factor"])
    elif name == "cosine":
        found = lr_scheduler.CosineAnnealingLR(of, steps, schedule["least"])
        # PyTorch's rate rises again after half a period; ours stays.
        return lambda step: found.step() if step <= steps else None
    elif name == "warm_up":
        found = lr_scheduler.LinearLR(of, start_factor=1 / steps, total_iters=steps - 1)
    else:
        found = lr_scheduler.LambdaLR(of, lambda k: min((k + 1) / steps, math.sqrt(steps / (k + 1))))
    return lambda step: found.step()


def trace(case: Case) -> dict[int, Any]:
    settings = case.optimizer
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in case.start.items()}
    listed = list(parameters.values())
    of = optimizer(settings, listed)
    if settings.get("form") == "average" or settings.get("undamped_start") is False:
        # PyTorch uses the first gradient undamped only if there is no buffer.
        for one in listed:
            of.state[one]["momentum_buffer"] = torch.zeros_like(one)
    after = scheduler(settings, of)
    found = {}
    for step in range(1, case.steps + 1):
        of.zero_grad()
        objective(case.objective, parameters).backward()
        gradient = {name: _numbers(one.grad) for name, one in parameters.items()}
        if "clip_value" in settings:
            torch.nn.utils.clip_grad_value_(listed, settings["clip_value"])
        if "clip_norm" in settings:
            torch.nn.utils.clip_grad_norm_(listed, settings["clip_norm"])
        rate = float(of.param_groups[0]["lr"])
        of.step()
        after(step)
        found[step] = {
            "loss": float(objective(case.objective, parameters).detach()),
            "rate": rate,
            "gradient": gradient,
            "parameters": {name: _numbers(one) for name, one in parameters.items()},
            "state": {name: _state(settings, of.state[one], one) for name, one in parameters.items()},
        }
    return found


def _state(settings: Settings, state: Settings, of: Any) -> Settings:
    """Rename the state; PyTorch's NAdam has one product for all entries."""
    return {buffer: _numbers(state[BUFFERS[buffer]].expand_as(of)) for buffer in buffers(settings)}


def _numbers(tensor: Any) -> Any:
    return tensor.detach().numpy().astype(np.float64, copy=True)


def main() -> None:
    # Scalars in an optimizer's state, such as NAdam's product of momenta, have the default dtype, not the
    # parameters' own.
    torch.set_default_dtype(torch.float64)
    arrays: Settings = {name: flatten(trace(case)) for name, case in CASES.items()}
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
