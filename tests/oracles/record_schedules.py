"""Record PyTorch's schedules: `python -m tests.oracles.record_schedules` (needs the extra `reference`)."""

import warnings
from typing import Any

import numpy as np
import torch
from torch.optim import lr_scheduler

from tests.oracles.schedules import CASES, FILE, RATE, STEPS, Case


def scheduler(of: Any, theirs: tuple[str, dict[str, Any]]) -> Any:
    """Return a scheduler by the name of its class, with those inside it."""
    name, arguments = theirs
    inside = (
        {"schedulers": [scheduler(of, one) for one in arguments["schedulers"]]}
        if "schedulers" in arguments
        else {}
    )
    return getattr(lr_scheduler, name)(of, **{**arguments, **inside})


def rates(case: Case) -> list[float]:
    """Return the rate of each step."""
    of = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    after = scheduler(of, case.theirs)
    found = []
    for step in range(STEPS):
        found.append(float(of.param_groups[0]["lr"]))
        of.step()
        if case.losses:
            after.step(case.losses[step])
        elif step < STEPS - 1:
            after.step()
    return found


def main() -> None:
    warnings.simplefilter("ignore")  # about the order of calls inside a sequence
    arrays: dict[str, Any] = {name: np.array(rates(case)) for name, case in CASES.items()}
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    main()
