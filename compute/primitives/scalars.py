"""What several families of primitives do with single numbers and conditions."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array

Rule: TypeAlias = Callable[..., Array]
FEW = 64  # constants that something is remembered of: at each step of a run, and of up to 100 kB each


def count(xp: Arithmetic, value: int) -> Array:
    """A whole number as one of the arithmetic's."""
    return xp.whole(np.array(value))


def known(condition: Array, truth: bool) -> Array:
    """Where a condition is known to be true, or to be false; one that symbols leave open is neither."""
    if isinstance(condition, np.ndarray) and condition.dtype == np.bool_:
        return condition if truth else ~condition
    return np.asarray(np.equal(condition, truth, dtype=object)).astype(bool)


def weighed(xp: Arithmetic, a: Array, b: Array) -> Array:
    """The product of weights a and of b; 0 where an infinity or NaN weighs nothing."""
    found = xp.multiply(a, b)
    if xp.is_finite(b):
        return found
    zero = count(xp, 0)
    nothing = xp.where(xp.equal(a, zero), zero, found)
    return xp.where(xp.equal(xp.subtract(b, b), zero), found, nothing)


def multiplied(derivative: Rule) -> Rule:
    """Return the gradient rule of a function with this derivative, which takes the same settings."""

    def gradient(xp: Arithmetic, g: Array, *arrays: Array, **attributes: Any) -> Array:
        return xp.entrywise(
            lambda g, *arrays: xp.multiply(g, derivative(xp, *arrays, **attributes)), g, *arrays
        )

    xp, *rest = inspect.signature(derivative).parameters.values()
    upstream = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    gradient.__signature__ = inspect.Signature([xp, upstream, *rest])  # type: ignore[attr-defined]  # `inspect` reads it
    return gradient


def is_zero(xp: Arithmetic, constant: Expression) -> bool:
    """Return whether a constant is 0 for every value of its symbols."""
    return bool(xp.constant(constant, {}).item() == 0) if xp.simplifies else _is_float_zero(constant)


@lru_cache(maxsize=FEW)
def _is_float_zero(constant: Expression) -> bool:
    return not constant.symbols() and evaluate(constant) == 0
