"""Notes of answers, and their conventions, as blocks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from service.pages.blocks import Block, Callout, Code, Facts, Inline, Inlines, Math, Section
from service.pages.entries import write_number

CLOSED_FORM = "closed_form"  # the convention whose parts are formulas
LONG = 8  # conventions above which they are folded


def show_note(note: Mapping[str, Any]) -> Callout:
    """Return a note with the name that it is about and, in a comparison, the run."""
    run = [f"{note['run'].capitalize()} the changes: "] if "run" in note else []
    at: list[Inline] = [*run, Code(note["at"]), ": "] if note["at"] else [*run]
    remedy = f" Remedy: {note['remedy']}." if note.get("remedy") else ""
    return Callout("warning", "Note.", [*at, f"{note['message']}.{remedy}"])


def show_conventions(
    conventions: Mapping[str, Any], explain: Callable[[str], Inlines] = lambda name: []
) -> list[Block]:
    """Return the section of the settings that an answer used; no block if there are none.

    explain: returns the meaning of a setting, or no text.
    """
    facts: list[tuple[Inline, list[Inline]]] = []
    for name, setting in conventions.items():
        meaning = explain(name)
        written = _write_closed_forms(setting) if name == CLOSED_FORM else [write_setting(setting)]
        facts.append((Code(name), [*written, *([": ", *meaning] if meaning else [])]))
    return [Section(["Conventions"], [Facts(facts)], is_folded=len(facts) > LONG)] if facts else []


def join_names(names: Iterable[str]) -> list[Inline]:
    """Return names with commas between them."""
    joined: list[Inline] = []
    for name in names:
        joined += [", "] * bool(joined) + [Code(name)]
    return joined


def write_setting(setting: Any) -> Inline:
    """Return the value of a setting as it is sent."""
    if isinstance(setting, Mapping):
        return _write_nested(setting)
    if isinstance(setting, list | tuple) and any(isinstance(part, Mapping) for part in setting):
        return "; ".join(_write_nested(part) for part in setting)
    if isinstance(setting, float) and float(write := f"{setting:.4g}") == setting and "e" in write:
        return write_number(setting)
    if isinstance(setting, str) and " " in setting:  # words
        return setting
    return Code(str(setting).lower() if isinstance(setting, bool) else str(setting))


def _write_nested(setting: Any) -> str:
    """Return settings inside a setting as text; those inside them in parentheses."""
    if isinstance(setting, Mapping):
        parts = [
            f"{name}: ({_write_nested(part)})"
            if isinstance(part, Mapping)
            else f"{name}: {_write_nested(part)}"
            for name, part in setting.items()
            if part is not None
        ]
        return ", ".join(parts)
    if isinstance(setting, list | tuple):
        inner = (f"({_write_nested(part)})" if isinstance(part, Mapping) else str(part) for part in setting)
        return f"[{', '.join(inner)}]"
    return str(setting).lower() if isinstance(setting, bool) else str(setting)


def _write_closed_forms(forms: Mapping[str, str]) -> list[Inline]:
    """Return formulas in LaTeX by the names of the values that they are of."""
    written: list[Inline] = []
    for name, latex in forms.items():
        written += ["; " if written else "", name.replace("_", " "), ": ", Math(latex)]
    return written
