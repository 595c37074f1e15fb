"""What solving equations found, in exact numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Expr: TypeAlias = Any
"""A SymPy expression."""
Condition: TypeAlias = Any
"""A SymPy relation, or several joined by `and`, `or` and `not`."""


@dataclass(frozen=True)
class Solution:
    """One value for each unknown.

    multiplicity: how often the root is one, where the equations are quotients of polynomials in one unknown;
    exact: whether the values are exact numbers, and no floats; conditions: on symbols that are no unknowns,
    under which this is a solution and real.
    """

    values: Mapping[str, Expr]
    multiplicity: int | None
    exact: bool
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Family:
    """Infinitely many solutions: all that fulfil some relations.

    relations: equations that give an unknown in terms of free ones, and conditions on these; free: the
    unknowns that may take any value which the relations leave them.
    """

    relations: tuple[Condition, ...]
    free: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """All that is known of the real solutions.

    solutions: those that stand alone; families: where there are infinitely many; factored: the left sides as
    products, where they are polynomials in more than one unknown; complete: whether these are certainly all
    real solutions; how: how they were found, or why there are none or not all, in a sentence.
    """

    solutions: tuple[Solution, ...]
    families: tuple[Family, ...]
    factored: tuple[Expr, ...]
    complete: bool
    how: str

    @property
    def kind(self) -> Literal["finite", "none", "infinite"]:
        """How many real solutions there are."""
        if self.families:
            return "infinite"
        return "finite" if self.solutions else "none"


class Unsolved(Exception):
    """Equations that are beyond a bound, or of a kind that is not solved; the text says why."""
