"""Diagrams: a graph of named values as nodes and edges, and as Mermaid text."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.budgets.planning import look_through, spend
from compute.dimensions import shape_to_json
from compute.graph.graph import Graph, Value, nearest_names
from compute.readings.described import described

ENTRIES = 64  # of the largest tensor that a node holds; of larger ones it has the norm and the range
WRITTEN = 6  # entries of the largest tensor that Mermaid text shows
LETTERS = 24  # of the longest exact entry that Mermaid text shows
DIGITS = 4  # significant digits of floats in Mermaid text
BRACKETS = {
    "parameter": ("[/", "/]"),
    "input": ("([", "])"),
    "given": ("[[", "]]"),
    "value": ("[", "]"),
    "unknown": ("((", "))"),
}
PLAIN = frozenset(" _.,:()[]+-*/=^'")  # signs that mean nothing in quoted Mermaid text


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramNode:
    """One named value."""

    name: str
    kind: str = described("`parameter`, `input`, `given`, `value` or `unknown`.")
    shape: list[int | str]
    value: Array = described(
        f'With `"values"`: its entries, if there are at most {ENTRIES} and they are known.', default=None
    )
    norm: float | None = described(
        f'With `"values"`: the Euclidean norm of more than {ENTRIES} floats.', default=None
    )
    least: float | None = described("The least of these floats.", default=None)
    greatest: float | None = described("The greatest of these floats.", default=None)
    not_finite: int = described(
        "How many of them are not finite; these are left out of norm and range.", default=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """The graph as nodes and edges, and as text for drawing."""

    nodes: list[DiagramNode]
    edges: list[list[str]] = described("Pairs of names: a value, and a value computed from it.")
    mermaid: str = described("The graph as Mermaid text, with a subgraph for each part.")


def draw_diagram(graph: Graph, given: Iterable[str], reachable: Sequence[bool]) -> Diagram:
    """Return the diagram of a graph, in order of computation.

    given: names of values that are taken and not computed.
    reachable: for each value's index, whether it is known or can be computed.
    """
    nodes: list[DiagramNode] = []
    edges: list[list[str]] = []
    taken = {graph.names[name].index for name in given if name in graph.names}
    hidden: dict[str, list[str]] = {}  # values that are not drawn, with those that they are computed from
    look_through(len(graph.values))
    for value in graph.named_values():
        name = str(value.name)
        behind = _list_behind(value, hidden)
        spend(len(value.inputs) + len(behind))
        is_asked = value.index in taken or graph.is_requested(name)
        if value.declared is not None and value.declared.on_request and not is_asked:
            hidden[name] = behind
            continue
        kind = _find_kind(value, is_given=value.index in taken, is_known=reachable[value.index])
        nodes.append(DiagramNode(name=name, kind=kind, shape=shape_to_json(value.shape)))
        if kind != "given":
            edges += [[source, name] for source in behind]
    nodes += [DiagramNode(name=name, kind="unknown", shape=[]) for name in graph.unnamed]
    return Diagram(nodes=nodes, edges=edges, mermaid=write_mermaid(nodes, edges))


def _list_behind(value: Value, hidden: Mapping[str, list[str]]) -> list[str]:
    """Return the names of the drawn values that a value is computed from."""
    names = (name for operand in value.written_inputs for name in nearest_names(operand))
    return list(dict.fromkeys(drawn for name in names for drawn in hidden.get(name, (name,))))


def _find_kind(value: Value, *, is_given: bool, is_known: bool) -> str:
    if is_given:
        return "given"
    if not is_known:
        return "unknown"
    if value.is_input:
        return "parameter" if value.is_parameter else "input"
    return "value"


def add_values(diagram: Diagram, values: Mapping[str, Array]) -> Diagram:
    """Return a diagram with the entries of small values, and the norm and range of larger ones.

    values: those that are known, by name. Exact numbers and booleans have no norm.
    """
    nodes = [
        replace(node, **_describe(values[node.name])) if node.name in values else node
        for node in diagram.nodes
    ]
    return replace(diagram, nodes=nodes)


def _describe(array: Array) -> dict[str, Any]:
    """Return the fields of a node that describe an array."""
    if array.size <= ENTRIES:
        return {"value": array}
    if array.dtype.kind != "f":
        return {}
    finite = array[np.isfinite(array)].astype(np.float64)
    fields: dict[str, Any] = {"not_finite": array.size - finite.size}
    if finite.size:
        scale = float(np.abs(finite).max()) or 1.0  # the squares of large numbers overflow
        norm = scale * math.sqrt(float(np.square(finite / scale).sum()))
        fields |= {"norm": norm, "least": float(finite.min()), "greatest": float(finite.max())}
    return fields


def write_mermaid(nodes: Sequence[DiagramNode], edges: Iterable[Sequence[str]]) -> str:
    """Return a flowchart from left to right, with a subgraph for each part: what names have before a dot.

    Names, sizes and entries stand in quotes behind plain identifiers. Exact entries are text.
    """
    identifiers = {node.name: f"n{at}" for at, node in enumerate(nodes)}
    whole = _Part("")
    parts = [whole]
    for node in nodes:
        *scopes, last = node.name.split(".")
        part = whole
        for scope in scopes:
            if scope not in part.parts:
                part.parts[scope] = _Part(f"s{len(parts)}")
                parts.append(part.parts[scope])
            part = part.parts[scope]
        left, right = BRACKETS[node.kind]
        part.nodes.append(f'{identifiers[node.name]}{left}"{_quote(last + _write_detail(node))}"{right}')
    lines = ["flowchart LR", *_write_part(whole, "  ")]
    lines += [f"  {identifiers[source]} --> {identifiers[target]}" for source, target in edges]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Part:
    """The lines of nodes in one part of a graph, and the parts within it by name."""

    identifier: str
    nodes: list[str] = field(default_factory=list)
    parts: "dict[str, _Part]" = field(default_factory=dict)


def _write_part(part: _Part, indent: str) -> Iterator[str]:
    yield from (indent + node for node in part.nodes)
    for name, inner in part.parts.items():
        yield f'{indent}subgraph {inner.identifier}["{_quote(name)}"]'
        yield from _write_part(inner, indent + "  ")
        yield f"{indent}end"


def _quote(text: str) -> str:
    """Return text for a place between quotes, where Mermaid reads `#60;` as the letter of this number."""
    return "".join(letter if letter.isalnum() or letter in PLAIN else f"#{ord(letter)};" for letter in text)


def _write_detail(node: DiagramNode) -> str:
    """Return the shape of a node and, if they are few, its entries."""
    shape = f" ({', '.join(map(str, node.shape))})" if node.shape else ""
    entries = None if node.value is None else write_entries(node.value)
    return shape if entries is None else f"{shape} = {entries}"


def write_entries(array: Array) -> str | None:
    """Return the entries of a small array with four significant digits, as nested lists; None if it is long.

    Exact entries are text.
    """
    if array.size > WRITTEN:
        return None
    texts = [_write_entry(entry) for entry in array.reshape(-1).tolist()]
    if any(len(text) > LETTERS for text in texts):
        return None
    return _nest(texts, array.shape)


def _write_entry(entry: Any) -> str:
    if isinstance(entry, bool):
        return "true" if entry else "false"
    return entry if isinstance(entry, str) else f"{entry + 0.0:.{DIGITS}g}"


def _nest(texts: Sequence[str], shape: Sequence[int]) -> str:
    if not shape:
        return texts[0]
    size = len(texts) // shape[0] if shape[0] else 0
    rows = (_nest(texts[at * size : (at + 1) * size], shape[1:]) for at in range(shape[0]))
    return f"[{', '.join(rows)}]"
