"""The graph of an answer: a flow chart, or a table if it is too large to be read."""

from collections.abc import Mapping
from typing import Any

from compute.readings.diagrams import write_entries
from service.pages.blocks import Block, Cell, Code, Paragraph, Picture, Section, Table
from service.pages.entries import as_array, write_number
from service.pages.pictures.charts import FlowChart, FlowNode

MOST_NODES, MOST_EDGES = 60, 150  # of a graph that is drawn
MOST_ROWS = 500  # of the table of a larger one
LONGEST = 30  # letters of entries that stand in a box


def show_graph(diagram: Mapping[str, Any]) -> list[Block]:
    """Return the picture of a diagram, or a sentence and a folded table if it is too large."""
    nodes, edges = diagram["nodes"], diagram["edges"]
    if len(nodes) <= MOST_NODES and len(edges) <= MOST_EDGES:
        places = {node["name"]: place for place, node in enumerate(nodes)}
        boxes = [FlowNode(node["name"], node["kind"], _describe(node)) for node in nodes]
        arrows = [(places[source], places[target]) for source, target in edges]
        return [Picture(FlowChart("The graph of the computation", boxes, arrows, diagram["mermaid"]))]
    sentence = (
        f"The graph has {len(nodes)} values and {len(edges)} arrows, too many to be drawn: at most"
        f" {MOST_NODES} values and {MOST_EDGES} arrows are."
    )
    return [Paragraph([sentence]), Section(["All values"], _list_nodes(nodes, edges), is_folded=True)]


def _list_nodes(nodes: list[Mapping[str, Any]], edges: list[list[str]]) -> list[Block]:
    """Return a table of values with those that each is computed from."""
    behind: dict[str, list[str]] = {}
    for source, target in edges:
        behind.setdefault(target, []).append(source)
    rows = [
        (
            Code(node["name"]),
            [Cell(node["kind"]), Cell(_describe(node)), Cell(Code(", ".join(behind.get(node["name"], []))))],
        )
        for node in nodes[:MOST_ROWS]
    ]
    table = Table(["Values in order of computation"], ["kind", "shape", "computed from"], rows, "value")
    more = len(nodes) - MOST_ROWS
    return [table, Paragraph([f"and {more} more"])] if more > 0 else [table]


def _describe(node: Mapping[str, Any]) -> str:
    """Return the entries of a node if they are few, and else its shape, with the norm if it has one."""
    array = None if node.get("value") is None else as_array(node["value"])
    entries = None if array is None else write_entries(array)
    if entries is not None and len(entries) <= LONGEST:
        return entries.replace("-", "−")
    shape = f"({', '.join(map(str, node['shape']))})" if node["shape"] else ""
    return f"{shape}, norm {write_number(node['norm'])}" if node.get("norm") is not None else shape
