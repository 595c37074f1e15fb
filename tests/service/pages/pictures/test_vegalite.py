"""Specifications: data that equal the charts', and the structure that Vega-Lite has."""

from typing import Any

import numpy as np
import orjson
import pytest

from service.pages.blocks import Page, Paragraph, Picture, Section
from service.pages.pictures.charts import BarChart, Chart, ContourPath, HeatMap, LineChart, Panel, Series
from service.pages.pictures.vegalite import SCHEMA, build_specification, write_specification
from service.pages.pictures.words import write_words
from tests.conftest import EXAM, Client

TYPES = {"quantitative", "ordinal", "nominal"}
MARKS = {"rect", "line", "point", "bar"}
KEYS = {
    "title", "description", "data", "width", "height", "encoding", "layer", "facet", "columns", "spec",
    "mark", "transform",
}  # fmt: skip
CHANNELS = {"x", "y", "x2", "y2", "color", "order", "strokeDash"}


def check(spec: Any, fields: set[str]) -> None:
    """Check a specification: known keys, and fields that its data have."""
    assert spec.keys() <= KEYS
    if "data" in spec:
        fields = {name for row in spec["data"]["values"] for name in row}
    views = spec.get("layer", []) + ([spec["spec"]] if "spec" in spec else [])
    assert bool(views) != ("mark" in spec)
    if "mark" in spec:
        assert spec["mark"]["type"] in MARKS
    channels = dict(spec.get("encoding", {}))
    assert channels.keys() <= CHANNELS
    if "facet" in spec:
        channels["facet"] = spec["facet"]
    for name, channel in channels.items():
        assert channel["field"] in fields
        assert name in ("x2", "y2") or channel["type"] in TYPES
    for view in views:
        check(view, fields)


def charts() -> list[Chart]:
    x = np.arange(3.0)
    matrix = np.array([[0.0, -1.0], [np.nan, 2.0]])
    labels = ["0", "1"]
    return [
        HeatMap("A", "row", "column", labels, labels, [Panel("", matrix, {(0, 1): "wins"})], mark="winner"),
        HeatMap("B", "row", "column", labels, labels, [Panel(name, matrix) for name in ("a", "b")]),
        LineChart("C", "x", "y", [Series("one", x, x + 1), Series("two", x, x, is_scattered=True)]),
        LineChart("D", "x", "y", [Series("one", x + 1, x + 1)], has_log_x=True, has_log_y=True),
        BarChart("E", "axis", "measure", ["a", "b", "c"], x),
        ContourPath("F", "w", "b", "loss", x, x, np.add.outer(x, x) + 1, np.array([[0.0, 1.0], [2.0, 2.0]])),
    ]


@pytest.mark.parametrize("chart", charts())
def test_specifications_have_the_structure_of_vega_lite(chart: Chart) -> None:
    spec = build_specification(chart)
    check(spec, set())
    assert spec["title"] == chart.title
    assert spec["description"] == write_words(chart)
    assert b"NaN" not in orjson.dumps(spec)


def test_a_heat_map_has_all_cells() -> None:
    spec = build_specification(charts()[0])
    assert spec["data"]["values"] == [
        {"row": "0", "column": "0", "value": 0.0},
        {"row": "0", "column": "1", "value": -1.0, "mark": "wins"},
        {"row": "1", "column": "0", "value": None},
        {"row": "1", "column": "1", "value": 2.0},
    ]
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == [-2.0, 0, 2.0]


def test_lines_and_points_have_their_numbers() -> None:
    line, points = build_specification(charts()[2])["layer"]
    assert [row["y"] for row in line["data"]["values"]] == [1, 2, 3]
    assert [row["y"] for row in points["data"]["values"]] == [0, 1, 2]
    assert line["mark"]["type"] == "line"
    assert points["mark"]["type"] == "point"


def test_several_lines_are_told_apart_without_colours() -> None:
    one, two = (Series(name, np.arange(3.0), np.arange(3.0)) for name in ("adam", "momentum"))
    [layer] = build_specification(LineChart("Losses", "step", "loss", [one, two]))["layer"]
    assert layer["encoding"]["strokeDash"] == layer["encoding"]["color"]
    [layer] = build_specification(LineChart("Loss", "step", "loss", [one]))["layer"]
    assert "strokeDash" not in layer["encoding"]


def test_cells_of_a_surface_touch() -> None:
    cells, path = build_specification(charts()[5])["layer"]
    first, second = (next(row for row in cells["data"]["values"] if row["x"] == x) for x in (-0.5, 0.5))
    assert first["x2"] == second["x"]
    assert [(row["x"], row["y"]) for row in path["data"]["values"]] == [(0, 1), (2, 2)]


def test_a_page_has_its_pictures_in_order() -> None:
    pictures = [Picture(chart) for chart in charts()]
    page = Page("P", [pictures[0], Section(["s"], [Paragraph(["t"]), Section(["u"], [*pictures[1:]])])])
    spec = orjson.loads(write_specification(page))
    assert spec["$schema"] == SCHEMA
    assert [each["title"] for each in spec["vconcat"]] == list("ABCDEF")


def test_an_answer_without_pictures_says_so(client: Client) -> None:
    response = client.post("/v1/softmax?format=vegalite", json={"x": [[1, 2]]})
    assert response.headers["content-type"].startswith("application/vnd.vegalite.v6+json")
    assert response.json()["vconcat"] == []
    assert response.json()["description"] == "This answer has no pictures."


def test_the_header_asks_for_a_specification(client: Client) -> None:
    headers = {"accept": "application/vnd.vegalite.v6+json"}
    answer = client.post("/v1/self_attention", json=EXAM).json()
    [spec] = client.post("/v1/self_attention", json=EXAM, headers=headers).json()["vconcat"]
    sent = [row["value"] for row in spec["data"]["values"]]
    assert sent == pytest.approx(np.ravel(answer["values"]["weights"]))
