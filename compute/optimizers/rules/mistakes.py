"""Declarations of known mistakes in update rules: each is one function.

A mistaken rule is called like the right one, with the right rule before the state. Most change a setting or
the state, and leave the rest to the right rule.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from compute.optimizers.rules.declaration import Change, State

COURSES = "seen in courses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A known mistake in the use of an optimizer.

    code: its public name: the topic, a dot, and the mistake.
    optimizers: the names of the optimizers that it belongs to.
    message: names the idea for the student, without numbers of the answer.
    note: explains to the grader what was computed.
    source: an occurrence of the mistake.
    touched: the parts of a step that it computes in its own way.
    """

    code: str
    optimizers: frozenset[str]
    message: str
    note: str
    source: str
    touched: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MistakenRule(Mistake):
    """A mistake in a rule. rule: called with the right rule, the state and the settings."""

    rule: Callable[..., Change]


MISTAKEN_RULES: dict[str, MistakenRule] = {}


def mistaken_rule(
    codes: Mapping[str, Collection[str]], *, message: str, note: str, source: str
) -> Callable[[Callable[..., Change]], Callable[..., Change]]:
    """Declare a function as a mistaken rule. codes: the optimizers that each of its codes belongs to."""

    def declare(rule: Callable[..., Change]) -> Callable[..., Change]:
        for code, optimizers in codes.items():
            if code in MISTAKEN_RULES:
                raise ValueError(f"the mistake {code} is declared twice")
            MISTAKEN_RULES[code] = MistakenRule(
                code=code,
                optimizers=frozenset(optimizers),
                message=message,
                note=note,
                source=source,
                touched=frozenset({"state", "update"}),
                rule=rule,
            )
        return rule

    return declare


class _Altered(State):
    """A state of which methods can be replaced, too."""


def altered(state: State, **replaced: Any) -> State:
    """Return a state with other fields or methods, which keeps buffers in the same place."""
    copy = _Altered(*(getattr(state, field.name) for field in fields(State)))
    for name, value in replaced.items():
        setattr(copy, name, value)
    return copy
