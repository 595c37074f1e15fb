"""The graph of an answer in documents: a picture, a table if it is too large, and Mermaid in Markdown."""

import json
from typing import Any

import pytest

from service.pages.blocks import Page, Paragraph, Picture, Section, Table
from service.pages.html import write_html
from service.pages.markdown import write_markdown
from service.pages.pictures.charts import FlowChart
from service.pages.pictures.graphs import MOST_EDGES, MOST_NODES, MOST_ROWS, show_graph
from service.pages.pictures.words import write_words
from tests.conftest import Ask
from tests.service.pages.documents import HOSTILE, Outline

BRANCHES: dict[str, Any] = {
    "program": ["h = tanh(x @ w)", "g = sigmoid(x)", "m = h * g", "L = sum(m) + sum(w)"],
    "inputs": {"x": [[1, 2]], "w": [[1, 0], [0, 1]]}, "data": ["x"],
}  # fmt: skip


def chain(count: int) -> dict[str, Any]:
    nodes = [{"name": f"v{place}", "kind": "value", "shape": [2]} for place in range(count)]
    edges = [[f"v{place}", f"v{place + 1}"] for place in range(count - 1)]
    return {"nodes": nodes, "edges": edges, "mermaid": "flowchart LR"}


def chart_of(diagram: dict[str, Any]) -> FlowChart:
    [picture] = show_graph(diagram)
    assert isinstance(picture, Picture)
    assert isinstance(picture.chart, FlowChart)
    return picture.chart


def test_boxes_and_arrows_are_those_of_the_answer(ask: Ask) -> None:
    diagram = ask("/v1/graph", **BRANCHES, diagram="values").json()["diagram"]
    chart = chart_of(diagram)
    names = [node.name for node in chart.nodes]
    assert [[names[source], names[target]] for source, target in chart.edges] == diagram["edges"]
    details = {node.name: node.detail for node in chart.nodes}
    assert details["w"] == "[[1, 0], [0, 1]]"
    assert details["L"] == details["L"].replace(" ", "")
    long = ask("/v1/graph", program=["y = -x"], inputs={"x": [3.0] * 100}, diagram="values").json()
    assert chart_of(long["diagram"]).nodes[0].detail == "(100), norm 30"
    shapes = chart_of(ask("/v1/graph", **BRANCHES, diagram=True).json()["diagram"])
    assert {node.name: node.detail for node in shapes.nodes} == {
        "x": "(1, 2)", "w": "(2, 2)", "h": "(1, 2)", "g": "(1, 2)", "m": "(1, 2)", "L": "",
    }  # fmt: skip


def test_the_text_says_what_is_computed_from_what(ask: Ask) -> None:
    chart = chart_of(ask("/v1/graph", **BRANCHES, diagram=True).json()["diagram"])
    assert write_words(chart) == (
        "h is computed from x and w; g from x; m from h and g; L from m and w. Inputs: x. Parameters: w."
    )
    words = write_words(chart_of(chain(20)))
    assert "v12 from v11; 7 more are not written out." in words


def test_a_page_has_the_graph_when_it_is_asked_for(ask: Ask) -> None:
    marks = {
        "html": "The graph of the computation",
        "tex": "h is computed from x and w",
        "markdown": "```mermaid\nflowchart LR\n",
        "vegalite": "The graph of the computation",
    }
    for form, mark in marks.items():
        for choice in (True, False):
            text = ask(f"/v1/graph?format={form}", **BRANCHES, diagram=choice).text
            assert (mark in text) is choice, form


def test_a_page_with_a_graph_is_balanced(ask: Ask) -> None:
    page = ask("/v1/attention?format=html", query=[[1, 0]], key=[[1, 2]], value=[[1, 1]], diagram=True).text
    outline = Outline(page)
    assert (2, "Graph") in outline.headings
    assert outline.tags["svg"] >= 1
    assert ("aria-label", "Graph") in outline.attributes


@pytest.mark.parametrize(
    "diagram",
    [chain(MOST_NODES + 1), {**chain(20), "edges": [["v0", "v1"]] * (MOST_EDGES + 1)}],
    ids=["values", "arrows"],
)
def test_a_large_graph_is_a_folded_table(diagram: dict[str, Any]) -> None:
    sentence, section = show_graph(diagram)
    assert isinstance(sentence, Paragraph)
    assert "too many to be drawn" in str(sentence.content)
    assert isinstance(section, Section)
    assert section.is_folded
    [table] = section.blocks
    assert isinstance(table, Table)
    assert len(table.rows) == len(diagram["nodes"])


def test_the_largest_graph_that_is_drawn() -> None:
    assert len(chart_of(chain(MOST_NODES)).nodes) == MOST_NODES


def test_a_table_ends() -> None:
    _, section = show_graph(chain(MOST_ROWS + 5))
    assert isinstance(section, Section)
    table, rest = section.blocks
    assert isinstance(table, Table)
    assert len(table.rows) == MOST_ROWS
    assert rest == Paragraph(["and 5 more"])


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_no_elements(text: str) -> None:
    nodes = [{"name": f"{text}{place}", "kind": "value", "shape": [text]} for place in range(3)]
    diagram: dict[str, Any] = {
        "nodes": nodes,
        "edges": [[nodes[0]["name"], nodes[1]["name"]]],
        "mermaid": f"flowchart LR\n{text}```",
    }
    page = Page("T", [Section(["Graph"], show_graph(diagram))])
    tags = Outline(write_html(page)).tags.keys()
    assert not tags & {"script", "img", "h3"}
    markdown = write_markdown(page)
    opening = next(line for line in markdown.split("\n") if line.endswith("mermaid"))
    fence = opening.removesuffix("mermaid")
    assert diagram["mermaid"].count(fence) == 0
    assert markdown.rstrip().endswith(f"\n{fence}")


def test_a_specification_has_all_boxes(ask: Ask) -> None:
    specification = json.loads(ask("/v1/graph?format=vegalite", **BRANCHES, diagram=True).text)
    [graph] = specification["vconcat"]
    lines, heads, boxes = graph["layer"]
    assert [row["name"] for row in boxes["data"]["values"]] == ["x", "w", "h", "g", "m", "L"]
    assert len(heads["data"]["values"]) == 7
    assert all(0 <= row["y"] <= row["y2"] <= graph["height"] + 1 for row in lines["data"]["values"])
