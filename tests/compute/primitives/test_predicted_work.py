"""Predicted work is what is done, within a factor of ten, however extreme the shapes.

What is done is counted rather than timed: see `counting`. Predictions are checked where there is so much to
do that a limit could matter; `python -m benchmarks.predicted_work` checks them against a clock.
"""

import zlib
from typing import Any

import numpy as np
import pytest

from compute import operations  # noqa: F401 - declares every primitive
from compute.graph.primitive import KEPT, REGISTRY, RESULT, Application
from compute.readings.reverse_mode import bind_rule
from tests.compute.primitives.counting import Counted, counted, counting
from tests.compute.primitives.extremes import extreme, with_operands

SEEDS, ENTRIES = 3, 20_000
TOO_FEW, FEW = 10, 100_000  # times too few are predicted, of more than so many that are done
TOO_MANY, MANY = 100, 2_000_000  # times too many; some entries of some shapes may take far less
XP = counting()


def spent(run: Any, *operands: Any, **attributes: Any) -> tuple[float, Any]:
    """What is counted while a function runs, and what it gives."""
    Counted.spent = 0.0
    with np.errstate(all="ignore"):
        found = run(XP, *operands, **attributes)
    return Counted.spent, found


def check(predicted: int, counted: float, what: str) -> None:
    assert predicted >= (counted - FEW) / TOO_FEW, f"{what}: {predicted:,} predicted, {counted:,.0f} done"
    assert predicted <= TOO_MANY * (counted + MANY), f"{what}: {predicted:,} predicted, {counted:,.0f} done"


@pytest.mark.parametrize("name", with_operands())
def test_predicted_work_is_what_is_done(name: str) -> None:
    primitive = REGISTRY[name]
    for seed in range(SEEDS):
        operands, attributes = extreme(name, np.random.default_rng(zlib.crc32(name.encode()) + seed), ENTRIES)
        applied = Application(primitive, tuple(one.shape for one in operands), attributes)
        said = f"{name} of {[one.shape for one in operands]} with {attributes}"
        arrays, kept = [counted(one) for one in operands], None
        if primitive.keeping is None:
            done, result = spent(primitive.forward, *arrays, **attributes)
        else:
            done, (result, kept) = spent(primitive.keeping, *arrays, **attributes)
        check(applied.work, done, said)
        g = counted(np.random.default_rng(0).standard_normal(result.shape))
        known = {RESULT: result, KEPT: kept} | dict(enumerate(arrays))
        back = 0.0
        for place in applied.differentiable:
            rule = applied.rules[place]
            assert rule is not None
            function = bind_rule(XP, applied, place)
            done, _ = spent(lambda xp, *needs, f=function: f(*needs), g, *(known[one] for one in rule.needs))
            # Of gradients that are found together the first does it all.
            back = max(back, done)
            check(applied.gradient_work(place), back if kept is not None else done, f"gradient of {said}")
