"""The graph of a question, to be drawn."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from compute.dimensions import product
from compute.graph.work import WRITTEN, copy_work
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.question.plan_bytes import diagram_bytes
from compute.question.sent_values import known_size
from compute.readings.diagrams import ENTRIES, Diagram, add_values, draw_diagram, write_mermaid

LOOKS = 3  # passes over a tensor for its norm and range
TEXTS = 6  # numbers that take as long to write as a node or an edge, with its Mermaid text
Choice: TypeAlias = bool | Literal["values"]


class _Planned(PlannedReading):
    """A drawn diagram, with the indices of the values that its nodes describe."""

    def __init__(self, planning: Planning, request: Choice) -> None:
        evaluation = planning.evaluation
        self._diagram = draw_diagram(planning.graph, planning.given, evaluation.reachable)
        self._indices: dict[str, int] = {}
        if request == "values":
            names = planning.graph.names
            drawn = (node.name for node in self._diagram.nodes if node.name in names)
            self._indices = {name: names[name].index for name in drawn}
            self._indices = {
                name: index for name, index in self._indices.items() if evaluation.reachable[index]
            }
            evaluation.request(self._indices.values())
        self._shapes = {name: planning.graph.names[name].shape for name in self._indices}

    def predict(self, work: Work) -> Amounts:
        nodes, edges = self._diagram.nodes, self._diagram.edges
        self.held = diagram_bytes(len(nodes), len(edges), len(self._diagram.mermaid))
        return Amounts(
            work=LOOKS * sum(map(copy_work, self._shapes.values()))
            + TEXTS * WRITTEN * (len(nodes) + len(edges)),
            answer=sum(count for _, count in self.sent()),
        )

    def sent(self) -> Iterable[tuple[str, int]]:
        for name, shape in self._shapes.items():
            count = known_size(product(shape))
            if count <= ENTRIES:
                yield f"{name} in the diagram", count

    def run(self, run: Execution) -> Diagram:
        if not self._indices:
            return self._diagram
        return add_values(self._diagram, {name: run.values[index] for name, index in self._indices.items()})


class DiagramReading(Reading):
    """The graph of a question as nodes and edges, and as Mermaid text."""

    field = RequestField(
        "diagram",
        Choice,
        False,
        "Whether to return the graph as nodes and edges, and as Mermaid text. `values` adds the entries of"
        " small values, and the norm and range of larger ones.",
        "DrawDiagram",
    )
    part = AnswerPart("diagram", Diagram, "The graph, with `diagram`.")

    def plan(self, planning: Planning, request: Choice) -> PlannedReading:
        return _Planned(planning, request)

    def document(self, result: Diagram, is_exact: bool) -> Any:
        """Return the diagram with small values in its text; exact ones are text only now."""
        if all(node.value is None for node in result.nodes):
            return result
        return replace(result, mermaid=write_mermaid(result.nodes, result.edges))
