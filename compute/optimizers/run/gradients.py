"""Processing of gradients before the update rule: clipping and coupled weight decay."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.rules.declaration import Number, clip
from compute.optimizers.rules.squares import MARGIN
from compute.optimizers.run.objective import Parameters


@dataclass(frozen=True, slots=True)
class Clipping:
    """Bounds on a gradient, applied in this order.

    value: bound on the magnitude of each entry.
    norm: bound on the norm of all entries together.
    epsilon: added to the norm in the divisor.
    """

    value: Number | None = None
    norm: Number | None = None
    epsilon: Number | None = None

    def __bool__(self) -> bool:
        return self.value is not None or self.norm is not None


def clip_gradients(xp: Arithmetic, gradient: Parameters, clipping: Clipping) -> Parameters:
    """Return the gradients clipped by value, then by global norm.

    Source: Pascanu et al., On the difficulty of training recurrent neural networks (2013), algorithm 1.
    """
    if clipping.value is not None:
        low = xp.negative(clipping.value)
        gradient = {name: clip(xp, array, low, clipping.value) for name, array in gradient.items()}
    if clipping.norm is not None:
        gradient = _clip_norm(xp, gradient, clipping.norm, clipping.epsilon)
    return gradient


def add_decay(xp: Arithmetic, gradient: Array, parameter: Array, decay: Number) -> Array:
    """Add the gradient of an L2 penalty, decay times the parameter."""
    return xp.add(gradient, xp.multiply(decay, parameter))


def global_norm(xp: Arithmetic, gradient: Parameters) -> Number:
    """Return the L2 norm of all entries; floats overflow only if the norm itself does."""
    scale = _scaling_power(xp, gradient)
    norm = _plain_norm(xp, _scale_by(xp, gradient, 1 / scale))
    return norm if scale == 1 else xp.multiply(norm, _cast_factor(norm, scale))


def _clip_norm(xp: Arithmetic, gradient: Parameters, bound: Number, epsilon: Number | None) -> Parameters:
    """Scale the gradients down to the bound if their norm is larger.

    If squares of floats would overflow or vanish, gradients and bound are first divided by a power of two,
    which is exact.
    """
    scale = _scaling_power(xp, gradient)
    scaled = _scale_by(xp, gradient, 1 / scale)
    norm = _plain_norm(xp, scaled)
    if epsilon is not None:
        norm = xp.add(norm, epsilon if scale == 1 else epsilon / scale)
    if scale == 1:
        unit = xp.one_hot((), 0)
        factor = xp.negative(xp.maximum(xp.negative(xp.divide(bound, norm)), xp.negative(unit)))
        return _scale_by(xp, gradient, factor)
    if not norm > bound / scale:
        return gradient
    return _scale_by(xp, scaled, xp.divide(bound, norm))


def _scaling_power(xp: Arithmetic, gradient: Parameters) -> float:
    """Return a power of two near the largest entry if squares of floats would leave their range, else 1."""
    if not isinstance(xp, Floating):
        return 1.0
    largest = 0.0
    for array in gradient.values():
        entry = float(np.absolute(array).max(initial=0)) if array.shape else abs(float(array))
        largest = entry if not entry <= largest else largest  # NaN stays
    low, high, least = _safe_range(xp.name)
    if largest == 0 or low < largest < high or not math.isfinite(largest):
        return 1.0
    return max(least, math.ldexp(1.0, math.frexp(largest)[1] - 1))


@lru_cache(maxsize=4)
def _safe_range(name: str) -> tuple[float, float, float]:
    """Return the range in which squares keep all digits and can be summed, and the least normal float."""
    bounds = np.finfo(name)
    least = float(bounds.tiny)
    return math.sqrt(least) * MARGIN, math.sqrt(float(bounds.max)) / MARGIN, least


def _scale_by(xp: Arithmetic, gradient: Parameters, factor: Number) -> Parameters:
    if isinstance(factor, float):
        if factor == 1:
            return gradient
        return {name: array * _cast_factor(array, factor) for name, array in gradient.items()}
    return {name: xp.multiply(array, factor) for name, array in gradient.items()}


def _cast_factor(array: Number, factor: float) -> Number:
    return np.asarray(array).dtype.type(factor)


def _plain_norm(xp: Arithmetic, gradient: Parameters) -> Number:
    total: Number = None
    for array in gradient.values():
        squares = xp.multiply(array, array)
        if squares.shape:
            squares = xp.sum(squares.reshape(-1), -1).reshape(())
        total = squares if total is None else xp.add(total, squares)
    return xp.sqrt(total)
