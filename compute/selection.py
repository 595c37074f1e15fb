"""Names that a question uses: which there are, and which a pattern means."""

import re
from collections.abc import Iterable, Sequence

from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.graph import Graph

PLACE = re.compile(r"\[\w+\]")


def selected_names(graph: Graph, select: tuple[str, ...] | None) -> list[str]:
    """The names to return.

    `*` in one stands for any text, over what is returned by default, aliases of what would be left out
    included, or where none of that matches, over every name.
    """
    values = graph.standard_values()
    if select is None:
        return [str(value.name) for value in values]
    standard = {value.index: str(value.name) for value in values if not value.is_input}
    chosen: dict[str, None] = {}
    for at, name in enumerate(select):
        if "*" in name:
            parts = name.split("*")
            found = {index: one for index, one in standard.items() if _matches(parts, one)}
            for one, value in graph.names.items():
                if value.index in standard and value.index not in found and _matches(parts, one):
                    found[value.index] = one
            matching = list(found.values()) or [one for one in graph.names if _matches(parts, one)]
        else:
            matching = [name] if name in graph.names else []
        if not matching and name not in graph.unnamed:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graph.names)])
        chosen.update(dict.fromkeys(matching))
    return list(chosen)


def pattern_of(name: str) -> str:
    """A name with `*` for its places in lists, as `select` takes it: `layer[*].attention.weights`."""
    return PLACE.sub("[*]", name)


def joint_names(graphs: Sequence[Graph], select: Sequence[str]) -> list[str]:
    """The selected names of several graphs together; each pattern or name has to be there in one of them."""
    chosen: dict[str, None] = {}
    for at, name in enumerate(select):
        found: list[str] = []
        faults = []
        for graph in graphs:
            try:
                found += selected_names(graph, (name,))
            except QuestionErrors as error:
                faults += error.errors
        if not found:
            one = faults[0]
            raise QuestionErrors([QuestionError(("select", at), one.message, one.expected, one.received)])
        chosen.update(dict.fromkeys(found))
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


def check_names(path: tuple[str, ...], names: Iterable[str], graph: Graph) -> None:
    """Raise QuestionErrors for names that the graph does not have."""
    unknown = [name for name in names if name not in graph.names]
    if unknown:
        errors = (unknown_name((*path, name), "value", name, graph.names) for name in unknown[:LISTED])
        raise QuestionErrors(errors, len(unknown))


def check_real(path: tuple[str, ...], names: Iterable[str], graph: Graph) -> None:
    """The same for names that stand for no real numbers, which cannot be differentiated by."""
    check_names(path, names, graph)
    others = [name for name in names if graph.names[name].kind != "real"]
    if others:
        raise QuestionErrors(
            QuestionError((*path, name), f"{name} does not hold real numbers",
                          "the name of a real value", f"the name of a value that is {graph.names[name].kind}")
            for name in others
        )  # fmt: skip
