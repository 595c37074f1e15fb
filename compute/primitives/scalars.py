"""Numbers and conditions that several families of primitives share."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array

Rule: TypeAlias = Callable[..., Array]
FEW = 64  # entries of caches by constant: each may hold up to 100 kB


def count(xp: Arithmetic, value: int) -> Array:
    """Convert a Python integer to a number of the arithmetic."""
    return xp.whole(np.array(value))


def is_known(condition: Array, truth: bool) -> Array:
    """Return where a condition is known to have this truth value; one that depends on symbols has neither."""
    if isinstance(condition, np.ndarray) and condition.dtype == np.bool_:
        return condition if truth else ~condition
    return np.asarray(np.equal(condition, truth, dtype=object)).astype(bool)


def multiply_weights(xp: Arithmetic, a: Array, b: Array) -> Array:
    """Return the product of weights a and values b, with 0 where a weight is 0 and its value not finite."""
    product = xp.multiply(a, b)
    if xp.is_finite(b):
        return product
    zero = count(xp, 0)
    cleared = xp.where(xp.equal(a, zero), zero, product)
    return xp.where(xp.equal(xp.subtract(b, b), zero), product, cleared)


def gradient_rule(derivative: Rule) -> Rule:
    """Return the gradient rule g times `derivative`, which takes the same settings."""

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
