"""Which fields of an operation go together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SENT = object()
"""In a rule: the field is there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A field that has a use only beside others.

    field: an input or setting. The rule holds where it is sent with another value than its default, or with
    one of `values`. None: the rule always holds.
    beside: alternatives, one of which has to hold. Each maps names of other fields to SENT, to None for a
    field that is left out or has its default, or to the values that it may have.
    unless_given: given values may take the place of what is missing.

    The function of an operation refuses what breaks a rule; the schema of its requests says so beforehand.
    """

    field: str | None
    beside: tuple[Mapping[str, Any], ...]
    values: tuple[Any, ...] = ()
    unless_given: bool = False

    @property
    def names(self) -> set[str]:
        """The names of all fields that the rule is about."""
        return {name for one in self.beside for name in one} | ({self.field} if self.field else set())


def rule(
    field: str | None, *beside: Mapping[str, Any], values: Sequence[Any] = (), unless_given: bool = False
) -> Rule:
    """Declare a rule."""
    return Rule(field, beside, tuple(values), unless_given)


def inherited(rules: Iterable[Rule], passed: Collection[str]) -> list[Rule]:
    """Return the rules of sublayers that are about settings which the whole takes over, each once."""
    found: list[Rule] = []
    for one in rules:
        if one.names <= set(passed) and one not in found:
            found.append(one)
    return found
