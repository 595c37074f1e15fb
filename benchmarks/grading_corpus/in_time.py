"""Sequences: names of steps in time, and the state before a step."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.grading_corpus.sheets import Array, Formula, Key, value

Lookup = dict[str, Array]
FormulaAt = Callable[[int], Formula]


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def at(name: str, t: int) -> str:
    return f"{name}[{t}]"


def previous(v: Lookup, name: str, t: int) -> Array:
    """Return a state before step t; zeros before the first."""
    return v[at(name, t - 1)] if t > 1 else np.zeros_like(v["start"])


def per_step(
    steps: int, of: Callable[[str], Key], name: str, make: Callable[[int], Formula]
) -> dict[Key, Formula]:
    """One formula for each step in time."""
    return {of(at(name, t)): make(t) for t in range(1, steps + 1)}


def stacks(steps: int, names: tuple[str, ...]) -> dict[Key, tuple[Key, ...]]:
    """Return the values that hold one row for each step. The gradient of a stack is that of the output."""
    return {value(name): tuple(value(at(name, t)) for t in range(1, steps + 1)) for name in names}


def question(operation: str, known: Lookup, upstream: Lookup, **settings: Any) -> dict[str, Any]:
    return {
        "operation": operation,
        **{name: array.tolist() for name, array in known.items() if name != "start"},
        **settings,
        "upstream": {"output": upstream["output"].tolist()},
    }
