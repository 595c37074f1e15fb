"""`diagram` over HTTP: every operation takes it, in every form of answer."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compute.operations import CATALOGUE
from compute.readings.diagrams import ENTRIES
from service.document import url_of
from tests.compute.readings.mermaid import read_flowchart
from tests.conftest import Ask, errors

EXAMPLES = Path(__file__).parents[3] / "openapi" / "examples"


def read_examples() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return an example of each operation: its path and its request, the shortest first."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    files = sorted(EXAMPLES.glob("*.json"), key=lambda file: (file.stat().st_size, file.name))
    for file in files:
        example = json.loads(file.read_text(encoding="utf-8"))
        url = url_of(example)
        name = url.removeprefix("/v1/")
        if name in CATALOGUE and name not in found and "query" not in example:
            found[name] = url, example["request"]
    return found


EXAMPLE_OF = read_examples()


def test_every_operation_has_an_example() -> None:
    assert EXAMPLE_OF.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("operation", EXAMPLE_OF)
def test_every_operation_draws_its_graph(ask: Ask, operation: str) -> None:
    path, request = EXAMPLE_OF[operation]
    plain, answer = ask(path, **request).json(), ask(path, **request, diagram="values").json()
    diagram = answer.pop("diagram")
    if "select" in request:  # what is drawn is computed beside what is selected
        del answer["cost"], plain["cost"]
    assert answer == plain, "the rest of an answer is the same"
    nodes = {node["name"]: node for node in diagram["nodes"]}
    chart = read_flowchart(diagram["mermaid"])
    edges = {(source, target) for source, target in diagram["edges"]}
    assert chart.named_edges() == edges
    assert {chart.name(node): chart.kinds[node] for node in chart.labels} == {
        name: node["kind"] for name, node in nodes.items()
    }
    aliases = plain["aliases"]
    for step in plain["steps"]:
        name = aliases.get(step["name"], step["name"])
        assert nodes[name]["shape"] == step["shape"]
        assert {(source, name) for source in step["inputs"] if source in nodes} <= edges
    own = plain["values"]
    if "encoding" not in request:
        for name in own.keys() & nodes.keys():
            if np.size(own[name]) <= ENTRIES:
                assert nodes[name]["value"] == own[name]
            elif request.get("arithmetic") != "exact":
                assert nodes[name]["norm"] == pytest.approx(float(np.linalg.norm(np.ravel(own[name]))))


def test_without_values_a_node_has_its_shape_alone(ask: Ask) -> None:
    nodes = ask("/v1/linear", x=[[1, 2]], w=[[1], [2]], diagram=True).json()["diagram"]["nodes"]
    assert all(node.keys() == {"name", "kind", "shape"} for node in nodes)
    assert "diagram" not in ask("/v1/linear", x=[[1, 2]], w=[[1], [2]], diagram=False).json()


def test_values_are_packed_as_the_others_are(ask: Ask) -> None:
    answer = ask("/v1/linear", x=[[1, 2]], w=[[1], [2]], diagram="values", encoding="packed",
                 arithmetic="float32").json()  # fmt: skip
    [node] = [node for node in answer["diagram"]["nodes"] if node["name"] == "output"]
    assert node["value"] == answer["values"]["output"]
    assert np.frombuffer(base64.b64decode(node["value"]["data"]), "<f4") == [5]


def test_numbers_that_are_not_finite_are_words(ask: Ask) -> None:
    answer = ask("/v1/graph", program=["y = log(x)"], inputs={"x": [0, -1]}, diagram="values").json()
    node = answer["diagram"]["nodes"][-1]
    assert node["value"] == ["-Infinity", "NaN"]
    long = [0.0] * (ENTRIES + 1)
    answer = ask("/v1/graph", program=["y = log(x)"], inputs={"x": long}, diagram="values").json()
    assert answer["diagram"]["nodes"][-1] == {
        "name": "y", "kind": "value", "shape": [ENTRIES + 1], "not_finite": ENTRIES + 1,
    }  # fmt: skip


def test_exact_values_are_text(ask: Ask) -> None:
    asked: dict[str, Any] = {"program": ["z = w * x", "L = z**2 + exp(z)"], "inputs": {"x": "x", "w": 2},
                             "arithmetic": "exact", "diagram": "values"}  # fmt: skip
    answer = ask("/v1/graph", **asked).json()
    nodes = {node["name"]: node["value"] for node in answer["diagram"]["nodes"]}
    assert nodes == {"x": "x", "w": "2", "z": "2*x", "L": "4*x**2 + exp(2*x)"}
    labels = read_flowchart(answer["diagram"]["mermaid"]).labels.values()
    assert "L = 4*x**2 + exp(2*x)" in labels
    answer = ask("/v1/graph", **asked, abbreviate=["z"]).json()
    nodes = {node["name"]: node["value"] for node in answer["diagram"]["nodes"]}
    assert (
        (nodes["z"], nodes["L"]) == (answer["values"]["z"], answer["values"]["L"]) == ("2*x", "z**2 + exp(z)")
    )


def test_sizes_that_are_unknown_are_letters(ask: Ask) -> None:
    answer = ask("/v1/attention", given={"scores": [[1, 2]]}, value=[[1], [2]], scale=1, diagram=True).json()
    assert '"query (1, d_k)"' in answer["diagram"]["mermaid"]


@pytest.mark.parametrize("choice", [1, 0, "yes", "true", ["values"]])
def test_what_it_can_be(ask: Ask, choice: Any) -> None:
    assert errors(ask("/v1/linear", x=[[1]], w=[[1]], diagram=choice)).keys() == {"/diagram"}
