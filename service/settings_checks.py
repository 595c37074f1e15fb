"""Checks across settings: unknown variables, and limits that contradict one another."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from limits import RateLimitItem, parse

from compute.names.suggestions import suggest_name

PREFIX = "WORKINGS_"
OF_COMMANDS = ("key",)  # what `workings ask` and the other commands read
OPTIONS = {"port": "--port", "host": "--host", "log_level": "--log-level", "root_path": "--root-path"}
# Kubernetes sets these in every container for a service named workings or workings-something.
KUBERNETES = re.compile(r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
KUBERNETES_LINK = re.compile(r"(tcp|udp|sctp)://")
BYTES_OF_A_NUMBER = 25  # as JSON, with its sign, 17 digits, an exponent and a comma
# A setting, the limit that it cannot exceed, and the reason. Checked only if both are set, not for defaults.
ORDERED = (
    ("inline_bytes", "max_body_bytes", "no body of this size is accepted"),
    ("inline_work", "max_work", "no answer of this size is computed"),
    ("inline_values", "max_values", "no question of this size is planned"),
    ("max_answer_entries", "max_entries", "an answer is held before it is sent"),
)


Violation: TypeAlias = tuple[tuple[int | str, ...], str]
"""The location of an invalid setting, starting with its field, and a message."""


def parse_rate(text: str) -> RateLimitItem:
    """Return a rate such as 60/minute. Raises ValueError."""
    try:
        return parse(text)
    except ValueError:
        raise ValueError('expected a rate such as "60/minute" or "5 per second"') from None


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def unknown_variables(environment: Mapping[str, str], fields: Collection[str]) -> Iterator[Violation]:
    """Yield a violation for each variable with the prefix that is not a setting."""
    for name, text in environment.items():
        rest = name[len(PREFIX) :]
        if (
            name[: len(PREFIX)].upper() != PREFIX
            or rest.lower() in fields
            or rest.lower() in OF_COMMANDS
            or _is_kubernetes_variable(rest, text)
        ):
            continue
        yield (rest.lower(),), f"there is no setting of this name{_suggestion(rest.lower(), fields)}"


def _is_kubernetes_variable(rest: str, text: str) -> bool:
    return KUBERNETES.fullmatch(rest) is not None or (
        rest.rsplit("_", maxsplit=1)[-1] == "PORT" and KUBERNETES_LINK.match(text) is not None
    )


def _suggestion(name: str, fields: Collection[str]) -> str:
    if name in OPTIONS:
        return f"; `workings serve` takes it as {OPTIONS[name]}"
    suggested = suggest_name(name, fields)
    if suggested is None or suggested not in fields:  # two names are joined by "or"
        return ""
    return f"; did you mean {variable(suggested)}?"


def contradictions(values: Mapping[str, int], chosen: Collection[str]) -> Iterator[Violation]:
    """Yield a violation for each limit that another limit makes unreachable.

    values: all fields.
    chosen: the fields that are set and not defaults.
    """
    for field, limit, why in ORDERED:
        if {field, limit} <= set(chosen) and values[field] > values[limit]:
            yield (field,), f"expected at most {variable(limit)}, which is {values[limit]}, since {why}"
    held = values["held_bytes"]
    if values["max_body_bytes"] > held:
        why = f"no larger body could be held: raise {variable('held_bytes')} or lower this"
        yield ("max_body_bytes",), f"expected at most {variable('held_bytes')}, which is {held}, since {why}"
    most = held // BYTES_OF_A_NUMBER
    if {"max_answer_entries", "held_bytes"} <= set(chosen) and values["max_answer_entries"] > most:
        why = f"as text, {most} numbers already take the {held} bytes of {variable('held_bytes')}"
        yield ("max_answer_entries",), f"expected at most {most}, since {why}"
