"""Predicted work against measured processor time, over random extremes of every primitive.

`python -m benchmarks.predicted_work [--seeds 5] [--entries 2000000] [NAME ...]` prints, for forward and each
gradient rule of each primitive, the extremes that took longest relative to their prediction, as nanoseconds
per predicted operation (1 is what the limit assumes, 10 the most that it allows), and the fewest.
`tests/compute/primitives/test_predicted_work.py` checks the same predictions against counted entries and
calls, without a clock.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import benchmarks  # noqa: F401 - one thread for products, before NumPy is used
from compute import operations  # noqa: F401 - declares every primitive
from compute.arithmetic.floating import FLOAT64
from compute.graph.primitive import KEPT, REGISTRY, RESULT, Application
from compute.readings.reverse_mode import bind_rule
from tests.compute.primitives.extremes import extreme, with_operands

FLOOR = 0.005  # seconds below which measurements are unreliable


def measure(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a call, and its result."""
    start = time.process_time()
    found = run()
    return time.process_time() - start, found


def try_primitive(name: str, seed: int, entries: int) -> list[tuple[str, float, int, str]]:
    """Return seconds, predicted work and arguments of forward and of each gradient rule."""
    drawn = extreme(name, np.random.default_rng(seed), entries)
    primitive = REGISTRY[name]
    operands, attributes = drawn.operands, drawn.attributes
    applied = Application(primitive, tuple(np.shape(one) for one in operands), attributes)
    with np.errstate(all="ignore"):
        kept = None
        if primitive.keeping is None:
            seconds, result = measure(lambda: primitive.forward(FLOAT64, *operands, **attributes))
        else:
            keeping = primitive.keeping
            seconds, (result, kept) = measure(lambda: keeping(FLOAT64, *operands, **attributes))
        description = f"seed {seed}: {[one.shape for one in operands][:4]} {attributes}"
        measurements = [("forward", seconds, applied.work, description)]
        g = np.random.default_rng(0).standard_normal(result.shape)
        for place in applied.differentiable[:4]:
            rule = applied.rules[place]
            assert rule is not None
            known = {RESULT: result, KEPT: kept} | dict(enumerate(operands))
            needs = [known[need] for need in rule.needs]
            function = bind_rule(FLOAT64, applied, place)
            seconds, _ = measure(lambda function=function, needs=needs: function(g, *needs))  # type: ignore[misc]
            measurements.append((f"gradient {place}", seconds, applied.gradient_work(place), description))
    return measurements


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--entries", type=int, default=2_000_000)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    worst: list[tuple[float, str]] = []
    for name in asked.names or with_operands():
        found = [one for seed in range(asked.seeds) for one in try_primitive(name, seed, asked.entries)]
        slow = [
            (1e9 * seconds / work, what, description)
            for what, seconds, work, description in found
            if seconds > FLOOR
        ]
        for rate, what, description in (max(slow), min(slow)) if slow else ():
            worst.append((rate, f"{name} {what} {description[:150]}"))
    for rate, text in sorted(worst):
        print(f"{rate:8.3f} ns  {text}")


if __name__ == "__main__":
    main()
