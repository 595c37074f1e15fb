"""A program's graph, to be drawn."""

from typing import Any

from compute.question.declared_readings.declaration import (
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
)
from compute.question.plan_bytes import diagram_bytes
from compute.readings.diagrams import Diagram, draw_diagram


class _Planned(PlannedReading):
    def __init__(self, diagram: Diagram) -> None:
        self._diagram = diagram
        self.held = diagram_bytes(len(diagram.nodes), len(diagram.edges), len(diagram.mermaid))

    def run(self, run: Execution) -> Diagram:
        return self._diagram


class DiagramReading(Reading):
    """The graph of a program as nodes and edges, and as Mermaid text."""

    field = RequestField(
        "diagram",
        bool,
        False,
        "Whether to return the graph as nodes and edges, and as Mermaid text.",
        "DrawDiagram",
    )
    part = AnswerPart("diagram", Diagram, "The graph, if `diagram` is true.")
    programs_only = True

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        return _Planned(draw_diagram(planning.graph, planning.given))
