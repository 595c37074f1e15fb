"""Diagrams: edges follow the text of a program, Mermaid text is read by a grammar, values are rounded."""

import ast
import math
from typing import Any

import numpy as np
import pytest

from compute.question.declared_readings.diagram import DiagramReading
from compute.readings.diagrams import (
    ENTRIES,
    Diagram,
    DiagramNode,
    add_values,
    write_entries,
    write_mermaid,
)
from tests.compute.asking import NETWORK, answer, plan
from tests.compute.readings.mermaid import read_flowchart

PROGRAMS = {
    "a chain": ["a = x * w", "b = exp(a)", "c = b + b"],
    "branches": ["a = x * w", "b = sin(a)", "c = cos(a) * x", "d = b + c + w", "e = a * 2"],
    "nothing shared": ["a = x + 1", "b = w - 1"],
    "nested": ["a = exp(x * sin(w)) / (1 + x)", "b = tanh(a - x) * w", "c = -log(b[0]) + a[0] * b[1]"],
    "a network": [*NETWORK],
}
SHAPES = {"x": (4,), "w": (4,), "k": (2,), "b": (), "c": (), "y": ()}


def draw(lines: "list[str]", choice: "bool | str" = True) -> tuple[Diagram, dict[str, np.ndarray]]:
    functions = {node.func.id for line in lines for node in ast.walk(ast.parse(line))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    names = {node.id for line in lines for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)}
    assigned = {line.split(" = ")[0] for line in lines}
    inputs = {name: np.full(SHAPES[name], 0.5) for name in names - functions - assigned}
    if "z4" in assigned:
        inputs["x"], inputs["w"] = np.arange(4.0), np.ones(2)
    found = answer("graph", inputs, program=tuple(lines), diagram=choice)
    diagram: Diagram = found.parts["diagram"]
    return diagram, inputs | found.values


@pytest.mark.parametrize("lines", PROGRAMS.values(), ids=PROGRAMS)
def test_edges_are_the_names_in_each_line(lines: list[str]) -> None:
    expected = set()
    for line in lines:
        [assignment] = ast.parse(line).body
        assert isinstance(assignment, ast.Assign)
        [target] = assignment.targets
        assert isinstance(target, ast.Name)
        called = {id(node.func) for node in ast.walk(assignment) if isinstance(node, ast.Call)}
        expected |= {
            (node.id, target.id)
            for node in ast.walk(assignment.value)
            if isinstance(node, ast.Name) and id(node) not in called
        }
    diagram, _ = draw(lines)
    drawn = {(source, target) for source, target in diagram.edges}
    own = {(source, target) for source, target in drawn if "." not in source + target}
    if all("." not in node.name for node in diagram.nodes):
        assert own == expected
    else:  # a call names values inside, through which its arguments lead to its result
        assert own <= expected
        reached = {(source, target.split(".")[0]) for source, target in drawn if "." not in source}
        assert reached == expected
    assert read_flowchart(diagram.mermaid).named_edges() == drawn


def test_parts_are_subgraphs() -> None:
    tensors = {"x": np.ones((2, 4)), **{f"h.attention.w_{which}": np.eye(4) for which in "qkvo"},
               "h.feed_forward.w_1": np.ones((4, 3)), "h.feed_forward.w_2": np.ones((3, 4))}  # fmt: skip
    found = answer("graph", tensors, program=("h = encoder_layer(x, heads=2)",), diagram=True)
    chart = read_flowchart(found.parts["diagram"].mermaid)
    assert {(*parts,) for parts in chart.parts.values()} >= {(), ("h",), ("h", "attention")}
    names = {chart.name(node) for node in chart.labels}
    assert {"x", "h", "h.attention.weights", "h.attention.w_q"} <= names
    assert chart.kinds[next(node for node in chart.labels if chart.name(node) == "h.attention.w_q")] == (
        "parameter"
    )


def test_kinds_are_those_of_the_question() -> None:
    inputs = {"value": np.eye(2)}
    found = answer("attention", inputs, {"scale": 1}, given={"scores": np.ones((2, 2))}, diagram=True)
    kinds = {node.name: node.kind for node in found.parts["diagram"].nodes}
    assert kinds["scores"] == "given"
    assert kinds["query"] == kinds["key"] == "unknown"
    assert kinds["value"] == "input"
    assert kinds["weights"] == "value"
    assert all(target != "scores" for _, target in found.parts["diagram"].edges)


def test_what_depends_on_something_unknown_is_unknown() -> None:
    lines = ("a = x + q", "b = a * 2", "c = x * g")
    found = answer("graph", {"x": np.ones(2)}, program=lines, given={"g": np.ones(2)}, diagram="values")
    nodes = {node.name: node for node in found.parts["diagram"].nodes}
    assert {name: node.kind for name, node in nodes.items() if node.kind == "unknown"}.keys() == {
        "q", "a", "b",
    }  # fmt: skip
    assert nodes["a"].value is None
    np.testing.assert_array_equal(nodes["c"].value, [1, 1])


def test_values_that_are_computed_on_request_are_drawn_on_request() -> None:
    inputs = {"query": np.eye(2), "key": np.eye(2), "value": np.eye(2)}

    def names(**asked: Any) -> set[str]:
        return {
            node.name for node in answer("attention", inputs, diagram=True, **asked).parts["diagram"].nodes
        }

    assert names(select=["*", "entropy"]) - names() == {"entropy"}


@pytest.mark.parametrize("lines", PROGRAMS.values(), ids=PROGRAMS)
def test_small_values_stand_in_their_nodes(lines: list[str]) -> None:
    diagram, values = draw(lines, "values")
    for node in diagram.nodes:
        np.testing.assert_array_equal(node.value, values[node.name])


def test_values_are_there_whatever_is_selected() -> None:
    found = answer("graph", {"x": np.ones(3)}, program=("a = x * 2", "b = a + 1", "d = x * 7"),
                   select=["b"], diagram="values")  # fmt: skip
    nodes = {node.name: node.value for node in found.parts["diagram"].nodes}
    np.testing.assert_array_equal(nodes["a"], [2, 2, 2])
    np.testing.assert_array_equal(nodes["d"], [7, 7, 7])
    assert found.values.keys() == {"b"}


def test_larger_values_have_their_norm_and_range() -> None:
    x = np.linspace(-1, 3, ENTRIES + 1)
    x[3], x[5] = np.nan, -np.inf
    found = answer("graph", {"x": x}, program=("y = x * 1e300",), diagram="values")
    for node, factor in zip(found.parts["diagram"].nodes, (1, 1e300), strict=True):
        finite = x[np.isfinite(x)]
        assert node.value is None
        assert node.not_finite == 2
        assert math.isclose(node.norm, math.sqrt(math.fsum(finite**2)) * factor, rel_tol=1e-13)
        assert math.isclose(node.least, finite.min() * factor)
        assert math.isclose(node.greatest, finite.max() * factor)


def test_without_values_nothing_is_computed_for_the_diagram() -> None:
    program = ("a = x * 2", "b = a + 1", "d = x * 7")
    plain, drawn, valued = (
        plan("graph", {"x": np.ones(3)}, program=program, select=["b"], **asked)
        for asked in ({}, {"diagram": True}, {"diagram": "values"})
    )
    assert plain.predicted.work < drawn.predicted.work < valued.predicted.work
    assert plain.predicted.answer == drawn.predicted.answer == valued.predicted.answer - 12
    assert len(plain.evaluation.instructions) == len(drawn.evaluation.instructions)
    assert not plain.readings


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array(1 / 3), "0.3333"),
        (np.array([[1.0, -2.0], [0.5, 1e-9]]), "[[1, -2], [0.5, 1e-09]]"),
        (np.array([np.nan, np.inf, -0.0]), "[nan, inf, 0]"),
        (np.array([True, False]), "[true, false]"),
        (np.array([["2*sqrt(2)"]], dtype=object), "[[2*sqrt(2)]]"),
        (np.array(["x" * 25], dtype=object), None),
        (np.zeros(7), None),
        (np.zeros((0, 3)), "[]"),
        (np.zeros((2, 0)), "[[], []]"),
    ],
)
def test_entries_are_written_short(array: "np.ndarray", text: str | None) -> None:
    assert write_entries(array) == text


HOSTILE = [
    '"]; click n0 "javascript:x"',
    "<script>",
    "#quot;",
    "`md`",
    "%%{init: {}}%%",
    "a\nend\nb",
    "&lt;",
    "é漢",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_requests_is_no_mermaid(text: str) -> None:
    name = text.replace(".", "")
    nodes = [
        DiagramNode(name=name, kind="input", shape=[text]),
        DiagramNode(name=f"{name}.{name}", kind="value", shape=[], value=np.array([text], dtype=object)),
    ]
    chart = read_flowchart(write_mermaid(nodes, [[nodes[0].name, nodes[1].name]]))
    assert chart.edges == [("n0", "n1")]
    assert chart.labels["n0"] == f"{name} ({text})"
    assert chart.parts["n1"] == [name]
    assert chart.labels["n1"].startswith(name)


def test_a_diagram_of_exact_numbers_is_written_once_they_are_text() -> None:
    nodes = [DiagramNode(name="x", kind="input", shape=[1])]
    diagram = Diagram(nodes=nodes, edges=[], mermaid="")
    valued = add_values(diagram, {"x": np.array(["a/2"], dtype=object)})
    assert '"x (1) = [a/2]"' in DiagramReading().document(valued, True).mermaid
