"""Primitives whose gradients are found together: what the forward pass leaves for one way back."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array

Gradients = tuple[Array, ...]


class FusedBackward(ABC):
    """A result, and what is kept for the gradients of all operands; made of these and of the settings."""

    result: Array
    _found: tuple[Array, Gradients] | None = None

    def gradients(self, g: Array) -> Gradients:
        """The gradients of all operands, for that of the result; found when the first is asked for."""
        if self._found is None or self._found[0] is not g:
            self._found = g, self.differentiate(g)
        return self._found[1]

    @abstractmethod
    def differentiate(self, g: Array) -> Gradients:
        """The gradients of the operands that have one, in their order."""


def keeping(made_of: Callable[..., FusedBackward]) -> Callable[..., tuple[Array, FusedBackward]]:
    """The result of a primitive with what is kept of it, as `Primitive` takes it."""

    def both(xp: Arithmetic, *operands: Array, **settings: Any) -> tuple[Array, FusedBackward]:
        made = made_of(xp, *operands, **settings)
        return made.result, made

    return both


def kept_gradients(*operands: str) -> dict[str, Callable[..., Array]]:
    """The gradient rules of these operands, which take their gradient from what is kept."""

    def rule(place: int) -> Callable[..., Array]:
        return lambda xp, g, kept: kept.gradients(g)[place]

    return {name: rule(place) for place, name in enumerate(operands)}
