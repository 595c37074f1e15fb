"""Names that a question uses: which there are, and which a pattern means."""

from collections.abc import Mapping
from typing import Any

from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.graph import Graph


def selected_names(graph: Graph, select: tuple[str, ...] | None) -> list[str]:
    """The names to return. `*` in one stands for any text, over all that need not be asked for."""
    standard = [str(value.name) for value in graph.standard_values()]
    if select is None:
        return standard
    chosen: dict[str, None] = {}
    for at, name in enumerate(select):
        if "*" in name:
            matching = [one for one in standard if _matches(name.split("*"), one)]
        else:
            matching = [name] if name in graph.names else []
        if not matching:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graph.names)])
        chosen.update(dict.fromkeys(matching))
    return list(chosen)


def _matches(parts: list[str], name: str) -> bool:
    """Whether a name is these parts with any text between them; in one pass, whatever they are."""
    first, *middle, last = parts
    if not name.startswith(first):
        return False
    start = len(first)
    for part in middle:
        found = name.find(part, start)
        if found < 0:
            return False
        start = found + len(part)
    return len(name) - len(last) >= start and name.endswith(last)


def check_names(path: tuple[str, ...], names: Mapping[str, Any], graph: Graph) -> None:
    """Raise QuestionErrors for names that the graph does not have, or that stand for no real numbers."""
    unknown = [name for name in names if name not in graph.names]
    if unknown:
        errors = (unknown_name((*path, name), "value", name, graph.names) for name in unknown[:LISTED])
        raise QuestionErrors(errors, len(unknown))
    others = [name for name in names if graph.names[name].kind != "real"]
    if others:
        raise QuestionErrors(
            QuestionError((*path, name), f"{name} is no number to differentiate by",
                          "the name of a real value", f"the name of a value that is {graph.names[name].kind}")
            for name in others
        )  # fmt: skip
