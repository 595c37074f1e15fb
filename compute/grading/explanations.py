"""Other computations that may explain a student's values: conventions and known mistakes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any

from compute.grading.computations import Computation


@dataclass(frozen=True, slots=True)
class Explained:
    """A mistake as an answer names it; see `Misconception`."""

    code: str
    message: str
    note: str
    source: str


def explain(declared: Any) -> Explained:
    """Return the part of a declared mistake that answers show."""
    return Explained(declared.code, declared.message, declared.note, declared.source)


@dataclass
class Variant:
    """A computation that differs from the question's by a convention or by mistakes.

    build: builds it, once; None if it does not fit the question.
    settings: the settings of a convention, as `matched` states them.
    credit: the credit of a listed convention; None if it is not listed.
    mistakes: the mistakes that it makes.
    """

    build: Callable[[], Computation | None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    credit: Fraction | None = None
    mistakes: tuple[Explained, ...] = ()

    @cached_property
    def computation(self) -> Computation | None:
        """The computation, built when it is first needed."""
        return self.build()


@dataclass
class Explanations:
    """All variants of one question that a student's values are compared with.

    conventions: those that are listed come first.
    mistakes: each wherever it can be made; placed: each at one step alone.
    combined(variants): the variant that makes the mistakes of all of them.
    """

    conventions: Sequence[Variant] = ()
    mistakes: Sequence[Variant] = ()
    placed: Sequence[Variant] = ()
    combined: Callable[[Sequence[Variant]], Variant] | None = None

    def pairs(self, variants: Sequence[Variant]) -> Iterator[Variant]:
        """Yield the variants that make two of these mistakes at once."""
        if self.combined is not None:
            for pair in combinations(variants, 2):
                yield self.combined(pair)
