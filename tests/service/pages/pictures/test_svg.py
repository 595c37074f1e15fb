"""Charts as SVG: places and colours follow the numbers, and everything is escaped."""

import re

import numpy as np
import pytest

from service.pages.html import STYLE
from service.pages.pictures.charts import (
    BarChart,
    Chart,
    ContourPath,
    FlowChart,
    FlowNode,
    HeatMap,
    LineChart,
    Panel,
    Series,
)
from service.pages.pictures.svg import write_svg
from tests.service.pages.pictures.drawings import KINDS, Drawing

HOSTILE = "</svg><script>alert(1)</script>&\"'\x00\x1f日本"
MATRIX = np.array([[0.0, 0.5, -1.0], [np.nan, 0.25, 1.0]])


def heat_map(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", name: str = "") -> HeatMap:
    rows, columns = values.shape
    return HeatMap(
        "T", "row", "column", [*map(str, range(rows))], [*map(str, range(columns))], [Panel(name, values)]
    )


def hostile_charts() -> list[Chart]:
    grid = np.add.outer(np.arange(4.0), np.arange(4.0))
    points = np.array([[0.0, 1.0], [2.0, 3.0]])
    x = np.array([0.0, 1.0])
    series = [Series(HOSTILE, x, x), Series(HOSTILE, x, x, is_scattered=True)]
    return [
        HeatMap(HOSTILE, HOSTILE, HOSTILE, [HOSTILE] * 2, [HOSTILE] * 3,
                [Panel(HOSTILE, MATRIX)] * 2, verb=HOSTILE, remark=HOSTILE),
        HeatMap(HOSTILE, HOSTILE, HOSTILE, [HOSTILE] * 2, [HOSTILE] * 3,
                [Panel(HOSTILE, MATRIX, {(0, 1): HOSTILE})], mark=HOSTILE),
        LineChart(HOSTILE, HOSTILE, HOSTILE, series),
        BarChart(HOSTILE, HOSTILE, HOSTILE, [HOSTILE] * 2, x, HOSTILE),
        ContourPath(HOSTILE, HOSTILE, HOSTILE, HOSTILE, np.arange(4.0), np.arange(4.0), grid, points,
                    HOSTILE),
        FlowChart(HOSTILE, [FlowNode(HOSTILE, kind, HOSTILE) for kind in KINDS], [(0, 2), (1, 2)], HOSTILE),
    ]  # fmt: skip


@pytest.mark.parametrize("chart", hostile_charts())
def test_a_picture_is_accessible_and_safe(chart: Chart) -> None:
    drawing = Drawing(chart)
    tags = {element.tag for element in drawing.root.iter()}
    assert tags <= {"svg", "title", "g", "path", "text"}
    assert drawing.root.attrib["role"] == "img"
    assert drawing.root[0].tag == "title"
    assert (drawing.root.findtext("title") or "").strip()
    allowed = {"role", "viewBox", "width", "class", "d", "x", "y", "transform"}
    assert {name for element in drawing.root.iter() for name in element.attrib} <= allowed
    assert write_svg(chart) == drawing.text


@pytest.mark.parametrize("chart", hostile_charts())
def test_every_class_has_a_style(chart: Chart) -> None:
    style = STYLE[STYLE.index("svg{") :]
    for element in Drawing(chart).root.iter():
        for kind in element.attrib.get("class", "").split():
            prefix = f"[class^={kind[0]}]"
            assert f".{kind}{{" in style or f".{kind}," in style or prefix in style, kind


def test_cells_are_shaded_by_value() -> None:
    [cells] = Drawing(heat_map(MATRIX)).read_cells()
    assert cells == {(0, 1): 4, (0, 2): -8, (1, 1): 2, (1, 2): 8}


def test_panels_share_a_scale() -> None:
    chart = HeatMap(
        "T", "r", "c", ["0"], ["0"], [Panel("a", np.array([[1.0]])), Panel("b", np.array([[4.0]]))]
    )
    assert Drawing(chart).read_cells() == [{(0, 0): 2}, {(0, 0): 8}]


def test_neighbours_of_a_colour_are_one_rectangle() -> None:
    drawing = Drawing(heat_map(np.ones((2, 30))))
    assert drawing.find_paths("p8")[0] == "M0 0h30v1h-30zM0 1h30v1h-30z"


def test_numbers_stand_in_their_cells() -> None:
    values = np.array([[0.12, 0.34], [0.56, 7.0]])
    drawing = Drawing(heat_map(values))
    (x, y), (width, height) = drawing.read_grid()
    labels = {text: (across, down) for across, down, text in drawing.read_labels()}
    for (row, column), value in np.ndenumerate(values):
        across, down = labels[f"{value:g}"]
        assert x + column * width < across < x + (column + 1) * width
        assert y + row * height < down < y + (row + 1) * height


def test_marked_cells_have_an_outline() -> None:
    chart = HeatMap("T", "row", "column", ["0", "1"], ["0", "1", "2"],
                    [Panel("", MATRIX, {(1, 2): "wins", (0, 1): "wins"})], mark="winner")  # fmt: skip
    drawing = Drawing(chart)
    (x, y), (width, height) = drawing.read_grid()
    *outlines, legend = drawing.read_rectangles("o")
    cells = [((top - y) // height, (left - x) // width) for left, top, _, _ in outlines]
    assert cells == [(0, 1), (1, 2)]
    assert legend[1] > y + 2 * height


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (48, 48), (3, 48), (48, 2)])
@pytest.mark.parametrize("panels", [1, 8])
def test_labels_do_not_overlap(rows: int, columns: int, panels: int) -> None:
    values = np.linspace(-1, 1, rows * columns).reshape(rows, columns)
    names = [f"head {panel}" if panels > 1 else "" for panel in range(panels)]
    chart = HeatMap("T", "query", "key", [*map(str, range(rows))], [*map(str, range(columns))],
                    [Panel(name, values) for name in names])  # fmt: skip
    drawing = Drawing(chart)
    boxes = []
    for group in drawing.root.iter("g"):
        kind = group.attrib.get("class", "")
        for text in group.iter("text"):
            x, y, wide = float(text.attrib["x"]), float(text.attrib["y"]), 6 * len(text.text or "")
            left = x - wide / 2 if kind == "c" else x - wide
            boxes.append((left, left + wide, y))
            assert left >= -1
            assert left + wide <= drawing.width + 1
            assert y <= drawing.height
    for place, (left, right, y) in enumerate(boxes):
        for other_left, other_right, other_y in boxes[place + 1 :]:
            is_beside = right <= other_left + 1 or other_right <= left + 1
            assert is_beside or abs(y - other_y) >= 10


def test_a_small_heat_map_is_small() -> None:
    assert len(write_svg(heat_map(np.array([[0.05, 0.95], [0.94, 0.06]])))) < 1_000
    assert len(write_svg(heat_map(np.arange(48.0 * 48).reshape(48, 48)))) < 10_000


@pytest.mark.parametrize("word", ["x" * 300, "日" * 300, "é" * 37], ids=["latin", "wide", "slightly"])
def test_long_words_are_cut(word: str) -> None:
    charts: list[Chart] = [
        HeatMap(word, word, word, [word] * 2, [word] * 3, [Panel(word, MATRIX, {(0, 1): word})], mark=word),
        LineChart(word, word, word, [Series(word, np.arange(2.0), np.arange(2.0))] * 2),
        BarChart(word, word, word, [word] * 2, np.arange(2.0)),
    ]
    for chart in charts:
        drawing = Drawing(chart)
        labels = [str(text.text) for text in drawing.root.iter("text")]
        assert drawing.width < 700
        assert all("…" in label for label in labels if word[0] in label)
        assert any("…" in label for label in labels)


def test_lines_go_through_their_points() -> None:
    x = np.arange(6.0)
    y = np.array([0.0, 3.0, 1.0, 5.0, 2.0, 4.0])
    drawing = Drawing(LineChart("T", "x", "y", [Series("a", x, y)], is_counted=True))
    points = np.array(drawing.read_points("d s0"))
    assert len(points) == 6
    for numbers, pixels, sign in ((x, points[:, 0], 1), (y, points[:, 1], -1)):
        slope = np.polyfit(numbers, pixels, 1)
        assert np.sign(slope[0]) == sign
        np.testing.assert_allclose(np.polyval(slope, numbers), pixels, atol=0.1)
    ticks = {text: down for _, down, text in drawing.read_labels() if text in ("0", "1", "2", "3", "4", "5")}
    assert ticks.keys() == {"0", "1", "2", "3", "4", "5"}


def test_a_logarithmic_axis_has_decades_at_equal_distances() -> None:
    y = np.array([1, 0.1, 0.01, 0.001, 0.0001])
    drawing = Drawing(
        LineChart("T", "x", "y", [Series("a", np.arange(20.0, 25.0), y)], has_log_y=True, is_counted=True)
    )
    down = np.array(drawing.read_points("d s0"))[:, 1]
    np.testing.assert_allclose(np.diff(down), np.diff(down)[0], atol=0.2)
    labels = {text: at for _, at, text in drawing.read_labels()}
    assert labels["1"] < labels["0.1"] < labels["0.01"]
    assert abs(labels["0.01"] - 4 - down[2]) < 0.2, "the label stands beside its grid line"


def test_a_line_is_interrupted_where_it_is_not_finite() -> None:
    y = np.array([0.0, 1.0, np.nan, 3.0, 1.0, np.inf, 2.0])
    [line] = Drawing(LineChart("T", "x", "y", [Series("a", np.arange(7.0), y)])).find_paths("l s0")
    assert line.count("M") == 3
    assert line.count("L") == 2
    assert "nan" not in line and "inf" not in line


def test_points_on_a_straight_line_are_left_out() -> None:
    x = np.linspace(-4, 4, 81)
    [line] = Drawing(LineChart("T", "x", "y", [Series("relu", x, np.maximum(x, 0))])).find_paths("l s0")
    assert len(re.findall("[ML]", line)) == 3


def test_a_legend_names_all_series() -> None:
    x = np.arange(3.0)
    series = [Series(name, x, x + place) for place, name in enumerate(("a", "b", "c" * 50, "d", "e", "f"))]
    drawing = Drawing(LineChart("T", "x", "y", series))
    texts = [text for _, _, text in drawing.read_labels()]
    assert {"a", "b", "d", "e", "f"} <= {*texts}
    for place in range(6):
        assert len(drawing.find_paths(f"l s{place}")) == 2, "the line and its sample in the legend"


def test_bars_are_as_long_as_their_values() -> None:
    drawing = Drawing(BarChart("T", "layer", "norm", ["a", "b", "c"], np.array([1.0, 4.0, 2.0])))
    lengths = [width for _, _, width, _ in drawing.read_rectangles("p7")]
    np.testing.assert_allclose(np.array(lengths) / lengths[1], [0.25, 1, 0.5], atol=0.01)


def test_bars_of_zeros_are_drawn() -> None:
    texts = [text for _, _, text in Drawing(BarChart("T", "a", "b", ["x"], np.zeros(1))).read_labels()]
    assert texts == ["a", "x", "b", "0"]


def test_a_path_stands_on_its_contours() -> None:
    x = y = np.linspace(-2, 2, 15)
    values = np.add.outer(x**2, y**2)
    path = np.array([[-1.0, 1.0], [0.5, 0.5], [0.0, 0.0]])
    drawing = Drawing(ContourPath("T", "x", "y", "loss", x, y, values, path))
    points = drawing.read_points("d s1")
    assert len(points) == 3
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x2 < x1
    assert y0 < y1 < y2, "the second variable grows upwards"
    regions = drawing.root.find("g[@class='k']")
    assert regions is not None
    darkest = [*regions][-1].attrib["d"]
    ring = np.array([[float(a), float(b)] for a, b in re.findall(r"(-?[\d.]+) (-?[\d.]+)", darkest)])
    assert np.abs(ring.mean(axis=0) - [x2, y2]).max() < 3, "the least values are around the origin"


def test_a_path_that_leaves_the_plot_is_cut() -> None:
    x = y = np.linspace(0, 1, 5)
    path = np.array([[0.0, 0.0], [1e9, 0.0], [np.nan, 0.0], [1.0, 1.0]])
    drawing = Drawing(ContourPath("T", "x", "y", "loss", x, y, np.add.outer(x, y), path))
    assert len(drawing.read_points("d s1")) == 2
