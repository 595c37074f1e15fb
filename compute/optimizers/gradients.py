"""What is done to a gradient before an update rule sees it: bounds, and decay that is added to it."""

from dataclasses import dataclass

from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.declaration import Number, within
from compute.optimizers.objective import Parameters


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
        norm = norm_of(xp, gradient)
        if clipping.epsilon is not None:
            norm = xp.add(norm, clipping.epsilon)
        one = xp.one_hot((), 0)
        factor = xp.negative(xp.maximum(xp.negative(xp.divide(clipping.norm, norm)), xp.negative(one)))
        gradient = {name: xp.multiply(part, factor) for name, part in gradient.items()}
    return gradient


def decayed(xp: Arithmetic, gradient: Parameters, parameters: Parameters, decay: Number) -> Parameters:
    """The gradient of the loss with half the decay times the sum of all squares added."""
    return {name: xp.add(one, xp.multiply(decay, parameters[name])) for name, one in gradient.items()}


def norm_of(xp: Arithmetic, gradient: Parameters) -> Number:
    """The root of the sum of all squares."""
    total: Number = None
    for one in gradient.values():
        squares = xp.multiply(one, one)
        if squares.shape:
            squares = xp.sum(squares.reshape(-1), -1).reshape(())
        total = squares if total is None else xp.add(total, squares)
    return xp.sqrt(total)
