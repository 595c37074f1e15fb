"""Names that a question uses: which there are, and which a pattern means."""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import NamedTuple

from compute.budgets.planning import look_through, spend
from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.graph.graph import Graph

PLACE = re.compile(r"\[\w+\]")
LAST = "\U0010ffff"  # sorts behind every character of a name
COMPARED = 4  # characters of a name that are looked at, as `look_through` counts


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
    matcher = _Matcher(graph, standard)
    unnamed = set(graph.unnamed)
    chosen: dict[str, None] = {}
    echoed: set[str] = set()
    for at, name in enumerate(select):
        matching = matcher.find(name)
        if not matching and name not in unnamed:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graph.names)])
        if all(graph.was_sent(one) for one in matching):  # nothing else can be meant
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
    matchers = [_Matcher(graph, list(graph.standard_names())) for graph in graphs]
    unnamed = [set(graph.unnamed) for graph in graphs]
    for at, name in enumerate(select):
        is_known = False
        for there, matcher, without in zip(found, matchers, unnamed, strict=True):
            if matcher.find(name) or name in without:
                there.append(name)
                is_known = True
        if not is_known:
            raise QuestionErrors([unknown_name(("select", at), "value", name, graphs[0].names)])
    return [tuple(matching) for matching in found]


class _Matcher:
    """The names of a graph, sorted once, so that a pattern is compared with those that begin as it does.

    standard: the names that the default answer holds, in its order.
    """

    def __init__(self, graph: Graph, standard: list[str]) -> None:
        self._names = graph.names
        self._choices = [standard, list(graph.names)]
        self._sorted: dict[int, tuple[list[str], dict[str, int]]] = {}

    def find(self, name: str) -> list[str]:
        """Return the names that a name or a pattern means, in their order."""
        spend()
        if "*" not in name:
            return [name] if name in self._names else []
        parts = name.split("*")
        return self._matching(0, parts) or self._matching(1, parts)

    def _matching(self, which: int, parts: list[str]) -> list[str]:
        if which not in self._sorted:
            choices = self._choices[which]
            look_through(COMPARED * len(choices))
            self._sorted[which] = sorted(choices), {one: at for at, one in enumerate(choices)}
        names, places = self._sorted[which]
        if parts[0]:
            names = names[bisect_left(names, parts[0]) : bisect_left(names, parts[0] + LAST)]
        look_through(COMPARED * len(names))
        return sorted((one for one in names if _matches(parts, one)), key=places.__getitem__)


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


def check_names(path: tuple[str, ...], names: Collection[str], graph: Graph) -> None:
    """Raise QuestionErrors for names that the graph does not have."""
    look_through(len(names))
    unknown = [name for name in names if name not in graph.names]
    if unknown:
        errors = (unknown_name((*path, name), "value", name, graph.names) for name in unknown[:LISTED])
        raise QuestionErrors(errors, len(unknown))


def check_real(path: tuple[str, ...], names: Collection[str], graph: Graph) -> None:
    """The same for names that stand for no real numbers, which cannot be differentiated by."""
    check_names(path, names, graph)
    others = [name for name in names if graph.names[name].kind != "real"]
    if others:
        raise QuestionErrors(
            QuestionError((*path, name), f"{name} does not hold real numbers",
                          "the name of a real value", f"the name of a value that is {graph.names[name].kind}")
            for name in others
        )  # fmt: skip
