"""Computations that a student's values can be laid over.

A slot is one named result: a value or a gradient. A replaced slot has another array in its place, and
everything computed from it follows, gradients included: nothing is cut.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from compute.arithmetic.namespace import Array

Of = Literal["value", "gradient"]


class Slot(NamedTuple):
    """One named result of a computation. question: its question, in an exam."""

    of: Of
    name: str
    question: str = ""


class Computation(ABC):
    """A computation with named results.

    slots: the slots that were asked for and can be computed, in order of computation.
    """

    slots: tuple[Slot, ...]

    @cached_property
    def allowed(self) -> "dict[tuple[Slot, Hashable], Array]":
        """A cache for the allowed deviation from each result, by tolerance."""
        return {}

    @abstractmethod
    def results(self) -> Mapping[Slot, Array]:
        """Return the result of every slot."""

    @abstractmethod
    def sweep(self, replace: Callable[[Slot, Array], Array]) -> None:
        """Compute all slots in order. Each is passed to `replace`, whose result stands in its place."""

    @abstractmethod
    def expected(self, slot: Slot, replaced: Mapping[Slot, Array]) -> Array:
        """Return the result of a slot if others have these arrays in their places.

        Raises UnfitEntries if a step rejects an entry.
        """

    @abstractmethod
    def affects(self, slot: Slot, replaced: frozenset[Slot]) -> bool:
        """Return whether steps that were replaced by a mistake can change a slot, with others replaced."""

    @abstractmethod
    def depends(self, slot: Slot, on: Slot) -> bool:
        """Return whether a slot depends on another one."""

    @abstractmethod
    def with_inputs(self, inputs: Mapping[str, Array]) -> "Computation":
        """Return the same computation for other entries of some inputs, of the same shapes.

        Raises UnfitEntries if an entry is out of bounds.
        """
