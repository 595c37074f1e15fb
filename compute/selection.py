"""Names that a question uses: which there are, and which a pattern means."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.graph import Graph

PLACE = re.compile(r"\[\w+\]")


class Selection(NamedTuple):
    """The names that a question selects.

    echoed: those whose values are returned although they came with the question. Of others that came, the
    gradients alone are returned.
    """

    names: list[str]
    echoed: frozenset[str]


def select_names(graph: Graph, select: tuple[str, ...] | None) -> Selection:
    """Find the names that are selected; all that the default answer holds if select is None.

    `*` in one stands for any text, over the names that the default answer holds, or where none of them
    matches, over every name. Raises QuestionErrors for a name or pattern that matches nothing.
    """
    standard = list(graph.standard_names())
    if select is None:
        return Selection(standard, frozenset())
    chosen: dict[str, None] = {}
    echoed: set[str] = set()
    for at, name in enumerate(select):
        if "*" in name:
            parts = name.split("*")
            matching = [one for one in standard if _matches(parts, one)]
            matching = matching or [one for one in graph.names if _matches(parts, one)]
        else:
            matching = [name] if name in graph.names else []
        if not matching and name not in graph.unnamed:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graph.names)])
        if all(graph.came(one) for one in matching):  # nothing else can be meant
            echoed.update(matching)
        chosen.update(dict.fromkeys(matching))
    return Selection(list(chosen), frozenset(echoed))


def pattern_of(name: str) -> str:
    """A name with `*` for its places in lists, as `select` takes it: `layer[*].attention.weights`."""
    return PLACE.sub("[*]", name)


def split_selection(graphs: Sequence[Graph], select: Sequence[str]) -> list[tuple[str, ...]]:
    """For each graph, the names and patterns that match something there.

    Raises QuestionErrors for one that matches in no graph.
    """
    found: list[list[str]] = [[] for _ in graphs]
    for at, name in enumerate(select):
        faults = []
        for graph, matching in zip(graphs, found, strict=True):
            try:
                select_names(graph, (name,))
            except QuestionErrors as error:
                faults += error.errors
            else:
                matching.append(name)
        if len(faults) == len(graphs):
            one = faults[0]
            raise QuestionErrors([QuestionError(("select", at), one.message, one.expected, one.received)])
    return [tuple(matching) for matching in found]


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
