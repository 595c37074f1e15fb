"""The result of solving equations, in exact numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Expr: TypeAlias = Any
"""A SymPy expression."""
Condition: TypeAlias = Any
"""A SymPy relation, or several joined by `and`, `or` and `not`."""


@dataclass(frozen=True)
class Solution:
    """A value for each unknown.

    multiplicity: of the root, if the equations are quotients of polynomials in one unknown.
    exact: whether the values are exact numbers, not floats.
    conditions: on symbols other than the unknowns, for this to be a real solution.
    """

    values: Mapping[str, Expr]
    multiplicity: int | None
    exact: bool
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Family:
    """Infinitely many solutions: all that fulfil some relations.

    relations: equations for unknowns in terms of free ones, and conditions on these.
    free: unknowns that may take any value that the relations allow.
    """

    relations: tuple[Condition, ...]
    free: tuple[str, ...]


@dataclass(frozen=True)
class SolutionSet:
    """All that is known of the real solutions.

    solutions: isolated solutions.
    families: families of infinitely many solutions.
    factored: the left sides as products, if they are polynomials in several unknowns.
    complete: whether these are certainly all real solutions.
    how: one sentence: the method, and the reason if there are none or may be more.
    """

    solutions: tuple[Solution, ...]
    families: tuple[Family, ...]
    factored: tuple[Expr, ...]
    complete: bool
    how: str

    @property
    def kind(self) -> Literal["finite", "none", "infinite"]:
        """The number of real solutions: finite, none or infinite."""
        if self.families:
            return "infinite"
        return "finite" if self.solutions else "none"


class Unsolved(Exception):
    """Equations are beyond a bound or of an unsupported kind; the text gives the reason."""
