"""Diagrams: a graph of named values as nodes and edges, and as Mermaid text."""

from collections.abc import Collection
from dataclasses import dataclass

from compute.budgets.planning import look_through, spend
from compute.dimensions import shape_to_json
from compute.graph.graph import Graph
from compute.graph.value import nearest_names


@dataclass(frozen=True, slots=True)
class Node:
    """One named value. kind: `parameter`, `input`, `given`, `value` or `unknown`."""

    name: str
    kind: str
    shape: list[int | str]


@dataclass(frozen=True, slots=True)
class Diagram:
    """Named values and the edges between them; mermaid: the same as a Mermaid flowchart."""

    nodes: list[Node]
    edges: list[tuple[str, str]]
    mermaid: str


BRACKETS = {
    "parameter": ("[/", "/]"),
    "input": ("([", "])"),
    "given": ("[[", "]]"),
    "value": ("[", "]"),
    "unknown": ("((", "))"),
}


def draw_diagram(graph: Graph, given: Collection[str]) -> Diagram:
    """Return the diagram of a graph, in order of computation.

    given: names of the values that are given instead of computed.
    """
    nodes, edges = [], []
    look_through(len(graph.values))
    for value in graph.named_values():
        name = str(value.name)
        spend(len(value.inputs))
        if value.declared is not None and value.declared.on_request and not graph.is_requested(name):
            continue
        kind = "value"
        if name in given:
            kind = "given"
        elif value.is_input:
            kind = "parameter" if value.is_parameter else "input"
        nodes.append(Node(name, kind, shape_to_json(value.shape)))
        if kind == "value":
            sources = dict.fromkeys(
                source for operand in value.written_inputs for source in nearest_names(operand)
            )
            edges += [(source, name) for source in sources]
    nodes += [Node(name, "unknown", []) for name in graph.unnamed]
    return Diagram(nodes, edges, _write_mermaid(nodes, edges))


def _write_mermaid(nodes: list[Node], edges: list[tuple[str, str]]) -> str:
    """Return a flowchart from left to right, with names as quoted labels of plain identifiers."""
    numbers = {node.name: f"n{at}" for at, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for node in nodes:
        left, right = BRACKETS[node.kind]
        shape = f" ({', '.join(map(str, node.shape))})" if node.shape else ""
        lines.append(f'  {numbers[node.name]}{left}"{node.name}{shape}"{right}')
    lines += [f"  {numbers[source]} --> {numbers[target]}" for source, target in edges]
    return "\n".join(lines)
