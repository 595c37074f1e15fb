"""What is done to a gradient before an update rule sees it: bounds, and decay that is added to it."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.declaration import Number, within
from compute.optimizers.objective import Parameters
from compute.optimizers.squares import MARGIN


@dataclass(frozen=True, slots=True)
class Clipping:
    """Bounds of a gradient, in this order: of each entry, and of the norm of all entries together.

    epsilon: what is added to the norm that is divided by.
    """

    value: Number | None = None
    norm: Number | None = None
    epsilon: Number | None = None

    def __bool__(self) -> bool:
        return self.value is not None or self.norm is not None


def clipped(xp: Arithmetic, gradient: Parameters, clipping: Clipping) -> Parameters:
    """The gradient within its bounds.

    Source: Pascanu et al., On the difficulty of training recurrent neural networks (2013), algorithm 1.
    """
    if clipping.value is not None:
        low = xp.negative(clipping.value)
        gradient = {name: within(xp, one, low, clipping.value) for name, one in gradient.items()}
    if clipping.norm is not None:
        gradient = _within_norm(xp, gradient, clipping.norm, clipping.epsilon)
    return gradient


def decayed(xp: Arithmetic, gradient: Parameters, parameters: Parameters, decay: Number) -> Parameters:
    """The gradient of the loss with half the decay times the sum of all squares added."""
    return {name: xp.add(one, xp.multiply(decay, parameters[name])) for name, one in gradient.items()}


def norm_of(xp: Arithmetic, gradient: Parameters) -> Number:
    """The root of the sum of all squares; of floats only what is no float itself overflows."""
    scale = _scale(xp, gradient)
    norm = _plain_norm(xp, _times(xp, gradient, 1 / scale))
    return norm if scale == 1 else xp.multiply(norm, _float(norm, scale))


def _within_norm(xp: Arithmetic, gradient: Parameters, bound: Number, epsilon: Number | None) -> Parameters:
    """The gradient times the bound over its norm, if that is larger.

    Where squares of floats would overflow or vanish, gradient and bound are divided by a power of two first,
    which changes no digit.
    """
    scale = _scale(xp, gradient)
    scaled = _times(xp, gradient, 1 / scale)
    norm = _plain_norm(xp, scaled)
    if epsilon is not None:
        norm = xp.add(norm, epsilon if scale == 1 else epsilon / scale)
    if scale == 1:
        one = xp.one_hot((), 0)
        factor = xp.negative(xp.maximum(xp.negative(xp.divide(bound, norm)), xp.negative(one)))
        return _times(xp, gradient, factor)
    if not norm > bound / scale:
        return gradient
    return _times(xp, scaled, xp.divide(bound, norm))


def _scale(xp: Arithmetic, gradient: Parameters) -> float:
    """A power of two near the largest entry, where squares of floats would leave their range; or else 1."""
    if not isinstance(xp, Floating):
        return 1.0
    largest = 0.0
    for one in gradient.values():
        entry = float(np.absolute(one).max(initial=0)) if one.shape else abs(float(one))
        largest = entry if not entry <= largest else largest  # NaN stays
    low, high, least = _range(xp.name)
    if largest == 0 or low < largest < high or not math.isfinite(largest):
        return 1.0
    return max(least, math.ldexp(1.0, math.frexp(largest)[1] - 1))


@lru_cache(maxsize=4)
def _range(name: str) -> tuple[float, float, float]:
    """Between which floats squares have all their digits and may be added up; and the least normal float."""
    bounds = np.finfo(name)
    least = float(bounds.tiny)
    return math.sqrt(least) * MARGIN, math.sqrt(float(bounds.max)) / MARGIN, least


def _times(xp: Arithmetic, gradient: Parameters, factor: Number) -> Parameters:
    if isinstance(factor, float):
        if factor == 1:
            return gradient
        return {name: one * _float(one, factor) for name, one in gradient.items()}
    return {name: xp.multiply(one, factor) for name, one in gradient.items()}


def _float(beside: Number, factor: float) -> Number:
    return np.asarray(beside).dtype.type(factor)


def _plain_norm(xp: Arithmetic, gradient: Parameters) -> Number:
    total: Number = None
    for one in gradient.values():
        squares = xp.multiply(one, one)
        if squares.shape:
            squares = xp.sum(squares.reshape(-1), -1).reshape(())
        total = squares if total is None else xp.add(total, squares)
    return xp.sqrt(total)
