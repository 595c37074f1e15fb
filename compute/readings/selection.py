"""Resolve the names and patterns that a question uses, and check that they exist."""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple

from compute.budgets.planning import look_through, spend
from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.graph.graph import Graph

PLACE = re.compile(r"\[\w+\]")
LAST = "\U0010ffff"  # sorts after every character of a name
COMPARED = 4  # the cost of comparing one name, as `look_through` counts


class Selection(NamedTuple):
    """The names that a question selects.

    echoed: names of sent values that are returned anyway. Of other sent values only gradients are returned.
    """

    names: list[str]
    echoed: frozenset[str]


def select_names(graph: Graph, select: tuple[str, ...] | None) -> Selection:
    """Return the selected names; those of the default answer if select is None.

    `*` matches any text. A pattern selects from the names of the default answer or, if none of them matches,
    from all names. Raises QuestionErrors if a name or pattern matches nothing.
    """
    standard = list(graph.standard_names())
    if select is None:
        return Selection(standard, frozenset())
    matcher = _Matcher(graph, standard)
    unnamed = set(graph.unnamed)
    chosen: dict[str, None] = {}
    echoed: set[str] = set()
    for at, name in enumerate(select):
        matching = matcher.find(name)
        if not matching and name not in unnamed:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graph.names)])
        if all(graph.was_sent(match) for match in matching):  # the question can only mean these
            echoed.update(matching)
        chosen.update(dict.fromkeys(matching))
    return Selection(list(chosen), frozenset(echoed))


def pattern_of(name: str) -> str:
    """Return a name with `*` for its indices, as `select` takes it: `layer[*].attention.weights`."""
    return PLACE.sub("[*]", name)


def split_selection(graphs: Sequence[Graph], select: Sequence[str]) -> list[tuple[str, ...]]:
    """Return, for each graph, the names and patterns that match something in it.

    Raises QuestionErrors if one matches in no graph.
    """
    selections: list[list[str]] = [[] for _ in graphs]
    matchers = [_Matcher(graph, list(graph.standard_names())) for graph in graphs]
    unnamed = [set(graph.unnamed) for graph in graphs]
    for at, name in enumerate(select):
        is_known = False
        for selection, matcher, unknown in zip(selections, matchers, unnamed, strict=True):
            if matcher.find(name) or name in unknown:
                selection.append(name)
                is_known = True
        if not is_known:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graphs[0].names)])
    return [tuple(selection) for selection in selections]


class _Matcher:
    """The names of a graph, sorted once, so that a pattern is compared only with names of the same prefix.

    standard: the names of the default answer, in its order.
    """

    def __init__(self, graph: Graph, standard: list[str]) -> None:
        self._names = graph.names
        self._choices = [standard, list(graph.names)]
        self._sorted: dict[int, tuple[list[str], dict[str, int]]] = {}

    def find(self, name: str) -> list[str]:
        """Return the names that a name or pattern matches, in the graph's order."""
        spend()
        if "*" not in name:
            return [name] if name in self._names else []
        parts = name.split("*")
        return self._match(0, parts) or self._match(1, parts)

    def _match(self, which: int, parts: list[str]) -> list[str]:
        if which not in self._sorted:
            choices = self._choices[which]
            look_through(COMPARED * len(choices))
            self._sorted[which] = sorted(choices), {name: at for at, name in enumerate(choices)}
        names, places = self._sorted[which]
        if parts[0]:
            names = names[bisect_left(names, parts[0]) : bisect_left(names, parts[0] + LAST)]
        look_through(COMPARED * len(names))
        return sorted((name for name in names if _matches(parts, name)), key=places.__getitem__)


def _matches(parts: list[str], name: str) -> bool:
    """Return whether a name consists of these parts with any text between them, in linear time."""
    first, *middle, last = parts
    if not name.startswith(first):
        return False
    start = len(first)
    for part in middle:
        at = name.find(part, start)
        if at < 0:
            return False
        start = at + len(part)
    return len(name) - len(last) >= start and name.endswith(last)


def check_names(path: tuple[str, ...], names: Collection[str], graph: Graph) -> None:
    """Raise QuestionErrors for names that the graph does not have."""
    look_through(len(names))
    unknown = [name for name in names if name not in graph.names]
    if unknown:
        errors = (unknown_name((*path, name), "value", name, graph.names) for name in unknown[:LISTED])
        raise QuestionErrors(errors, len(unknown))


def check_real(path: tuple[str, ...], names: Collection[str], graph: Graph) -> None:
    """Raise QuestionErrors for names that do not exist or whose values are not real.

    Such values cannot be differentiated by.
    """
    check_names(path, names, graph)
    others = [name for name in names if graph.names[name].kind != "real"]
    if others:
        raise QuestionErrors(
            QuestionError((*path, name), f"{name} does not hold real numbers",
                          "the name of a real value", f"the name of a value that is {graph.names[name].kind}")
            for name in others
        )  # fmt: skip
