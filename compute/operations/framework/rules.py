"""Rules about which fields of an operation go together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SENT = object()
"""In a rule: the field is present in the request."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition for the use of one field.

    field: an input or setting. The rule applies if the field is sent with a value other than its default, or,
        if `values` is not empty, with one of these. None: the rule always applies.
    requires: alternatives, at least one of which must hold. Each maps names of other fields to SENT, to None
        for a field that is left out or has its default, or to the values that the field may have.
    values: the values of the field for which the rule applies.
    unless_given: given values may replace the missing fields.

    The function of an operation raises for a request that breaks a rule; the request schema states the rule.
    """

    field: str | None
    requires: tuple[Mapping[str, Any], ...]
    values: tuple[Any, ...] = ()
    unless_given: bool = False

    @property
    def names(self) -> set[str]:
        """The names of all fields in the rule."""
        return {name for fields in self.requires for name in fields} | ({self.field} if self.field else set())


def rule(
    field: str | None, *requires: Mapping[str, Any], values: Sequence[Any] = (), unless_given: bool = False
) -> Rule:
    """Declare a rule. Arguments as for `Rule`."""
    return Rule(field, requires, tuple(values), unless_given)


def inherit_rules(rules: Iterable[Rule], inherited: Collection[str]) -> list[Rule]:
    """Return the distinct rules of sublayers that are about inherited settings only."""
    result: list[Rule] = []
    for rule in rules:
        if rule.names <= set(inherited) and rule not in result:
            result.append(rule)
    return result
