"""Diagrams: a graph of named values as nodes and edges, and as Mermaid text."""

from collections.abc import Collection
from dataclasses import dataclass

from compute.budgets.planning import look_through, spend
from compute.dimensions import shape_to_json
from compute.graph.graph import Graph, nearest_names
from compute.readings.described import described


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramNode:
    """One named value."""

    name: str
    kind: str = described("`parameter`, `input`, `given`, `value` or `unknown`.")
    shape: list[int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """The graph as nodes and edges, and as text for drawing."""

    nodes: list[DiagramNode]
    edges: list[list[str]] = described("Pairs of names: a value, and a value computed from it.")
    mermaid: str = described("The graph as Mermaid text.")


BRACKETS = {
    "parameter": ("[/", "/]"),
    "input": ("([", "])"),
    "given": ("[[", "]]"),
    "value": ("[", "]"),
    "unknown": ("((", "))"),
}


def draw_diagram(graph: Graph, given: Collection[str]) -> Diagram:
    """The diagram of a graph, in order of computation. given: names that are taken and not computed."""
    nodes: list[DiagramNode] = []
    edges: list[list[str]] = []
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
        nodes.append(DiagramNode(name=name, kind=kind, shape=shape_to_json(value.shape)))
        if kind == "value":
            behind = dict.fromkeys(one for operand in value.written_inputs for one in nearest_names(operand))
            edges += [[one, name] for one in behind]
    nodes += [DiagramNode(name=name, kind="unknown", shape=[]) for name in graph.unnamed]
    return Diagram(nodes=nodes, edges=edges, mermaid=_write_mermaid(nodes, edges))


def _write_mermaid(nodes: list[DiagramNode], edges: list[list[str]]) -> str:
    """A flowchart from left to right; names stand in quotes behind plain identifiers."""
    numbers = {node.name: f"n{at}" for at, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for node in nodes:
        left, right = BRACKETS[node.kind]
        shape = f" ({', '.join(map(str, node.shape))})" if node.shape else ""
        lines.append(f'  {numbers[node.name]}{left}"{node.name}{shape}"{right}')
    lines += [f"  {numbers[source]} --> {numbers[target]}" for source, target in edges]
    return "\n".join(lines)
