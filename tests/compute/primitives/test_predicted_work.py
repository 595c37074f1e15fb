"""Predicted work agrees with the actual work within a factor of ten, even for extreme shapes.

Work is counted, not timed: see `counting`. Small amounts, for which limits do not matter, are not checked.
`python -m benchmarks.predicted_work` compares predictions with a clock.
"""

import zlib
from typing import Any

import numpy as np
import pytest

from compute import operations  # noqa: F401 - declares every primitive
from compute.graph.primitive import KEPT, REGISTRY, RESULT, Application
from compute.readings.reverse_mode import bind_rule
from tests.compute.primitives.counting import Counted, counted, counting_namespace
from tests.compute.primitives.extremes import extreme, with_operands

SEEDS, ENTRIES = 3, 20_000
TOO_LOW, LOW = 10, 100_000  # the allowed factor below the actual work, and the work that is ignored
TOO_HIGH, HIGH = 100, 2_000_000  # the same above it: some entries of some shapes take far less
XP = counting_namespace()


def spent(run: Any, *operands: Any, **attributes: Any) -> tuple[float, Any]:
    """Return the work that a function does, and its result."""
    Counted.spent = 0.0
    with np.errstate(all="ignore"):
        result = run(XP, *operands, **attributes)
    return Counted.spent, result


def check(predicted: int, actual: float, subject: str) -> None:
    message = f"{subject}: {predicted:,} predicted, {actual:,.0f} counted"
    assert predicted >= (actual - LOW) / TOO_LOW, message
    assert predicted <= TOO_HIGH * (actual + HIGH), message


@pytest.mark.parametrize("name", with_operands())
def test_predicted_work_is_the_actual_work(name: str) -> None:
    primitive = REGISTRY[name]
    for seed in range(SEEDS):
        operands, attributes = extreme(name, np.random.default_rng(zlib.crc32(name.encode()) + seed), ENTRIES)
        applied = Application(primitive, tuple(operand.shape for operand in operands), attributes)
        subject = f"{name} of {[operand.shape for operand in operands]} with {attributes}"
        arrays, kept = [counted(operand) for operand in operands], None
        if primitive.keeping is None:
            work, result = spent(primitive.forward, *arrays, **attributes)
        else:
            work, (result, kept) = spent(primitive.keeping, *arrays, **attributes)
        check(applied.work, work, subject)
        g = counted(np.random.default_rng(0).standard_normal(result.shape))
        known = {RESULT: result, KEPT: kept} | dict(enumerate(arrays))
        most = 0.0
        for place in applied.differentiable:
            rule = applied.rules[place]
            assert rule is not None
            function = bind_rule(XP, applied, place)
            needs = [known[need] for need in rule.needs]
            work, _ = spent(lambda xp, *arrays, f=function: f(*arrays), g, *needs)
            # Of gradients that are computed together the first does all the work.
            most = max(most, work)
            check(applied.gradient_work(place), most if kept is not None else work, f"gradient of {subject}")
