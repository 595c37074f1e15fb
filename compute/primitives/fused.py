"""Primitives whose gradients are computed together in one backward pass over kept values."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array

Gradients = tuple[Array, ...]


class FusedBackward(ABC):
    """The result of a primitive and the values kept for the gradients of all its operands.

    Subclasses are constructed from the namespace, the operands and the settings.
    """

    result: Array
    _cached: tuple[Array, Gradients] | None = None

    def gradients(self, g: Array) -> Gradients:
        """Return the gradients of all operands for the upstream gradient g, computed at the first call."""
        if self._cached is None or self._cached[0] is not g:
            self._cached = g, self.differentiate(g)
        return self._cached[1]

    @abstractmethod
    def differentiate(self, g: Array) -> Gradients:
        """Compute the gradients of the operands that have one, in their order."""


def keeping(backward: Callable[..., FusedBackward]) -> Callable[..., tuple[Array, FusedBackward]]:
    """Return a rule for the `keeping` of a `Primitive`: its result and the object that holds kept values."""

    def run(xp: Arithmetic, *operands: Array, **settings: Any) -> tuple[Array, FusedBackward]:
        fused = backward(xp, *operands, **settings)
        return fused.result, fused

    return run


def kept_gradients(*operands: str) -> dict[str, Callable[..., Array]]:
    """Return gradient rules for these operands that read their gradients from the kept `FusedBackward`."""

    def rule(place: int) -> Callable[..., Array]:
        return lambda xp, g, kept: kept.gradients(g)[place]

    return {name: rule(place) for place, name in enumerate(operands)}
