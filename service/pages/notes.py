"""Notes of answers, and their conventions, as blocks."""

from collections.abc import Callable, Mapping
from typing import Any

from service.pages.blocks import Block, Callout, Code, Facts, Inline, Section

LONG = 8  # conventions above which they are folded


def show_note(note: Mapping[str, Any]) -> Callout:
    """Return a note with the name that it is about."""
    at: list[Inline] = [Code(note["at"]), ": "] if note["at"] else []
    remedy = f" Remedy: {note['remedy']}." if note.get("remedy") else ""
    return Callout("warning", "Note.", [*at, f"{note['message']}.{remedy}"])


def show_conventions(
    conventions: Mapping[str, Any], explain: Callable[[str], str] = lambda name: ""
) -> list[Block]:
    """Return the section of the settings that an answer used; no block if there are none.

    explain: returns the meaning of a setting, or nothing.
    """
    facts: list[tuple[Inline, list[Inline]]] = []
    for name, setting in conventions.items():
        meaning = explain(name)
        facts.append((Code(name), [_write_setting(setting), *([f": {meaning}"] if meaning else [])]))
    return [Section(["Conventions"], [Facts(facts)], is_folded=len(facts) > LONG)] if facts else []


def _write_setting(setting: Any) -> Inline:
    if isinstance(setting, Mapping):
        return ", ".join(f"{name}: {part}" for name, part in setting.items())
    return Code(str(setting).lower() if isinstance(setting, bool) else str(setting))
