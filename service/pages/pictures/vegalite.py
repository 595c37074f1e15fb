"""Charts as Vega-Lite specifications, with their data inline."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from service.pages.blocks import Beside, Block, Page, Picture, Section
from service.pages.entries import largest_entry
from service.pages.pictures.charts import (
    BarChart,
    Chart,
    ContourPath,
    FlowChart,
    HeatMap,
    LineChart,
    Numbers,
    Panel,
)
from service.pages.pictures.flows import arrange_flow
from service.pages.pictures.words import write_words

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
NONE = "This answer has no pictures."
CELL = 32  # pixels
LARGEST = 320  # pixels of a heat map's longer side
MOST_PER_ROW = 4  # panels
BLUE, RED = "#1f6feb", "#d64541"

Specification = dict[str, Any]


def write_specification(page: Page) -> str:
    """Return one Vega-Lite specification with all pictures of a document, one below the other."""
    specifications = [build_specification(picture.chart) for picture in _list_pictures(page.blocks)]
    whole: Specification = {
        "$schema": SCHEMA,
        "title": page.title,
        "description": f"The pictures of a document: {page.title}." if specifications else NONE,
        "vconcat": specifications,
    }
    if specifications:
        whole["resolve"] = {"scale": {"color": "independent"}}
    return orjson.dumps(whole).decode()


def _list_pictures(blocks: "Sequence[Block]") -> Iterator[Picture]:
    for block in blocks:
        if isinstance(block, Picture):
            yield block
        elif isinstance(block, Section | Beside):
            yield from _list_pictures(block.blocks)


def build_specification(chart: Chart) -> Specification:
    """Return the specification of one chart, with its title and its text as a description."""
    match chart:
        case HeatMap():
            body = _build_heat_map(chart)
        case LineChart():
            body = _build_lines(chart)
        case BarChart():
            body = _build_bars(chart)
        case ContourPath():
            body = _build_path(chart)
        case FlowChart():
            body = _build_flow(chart)
    return {"title": chart.title, "description": write_words(chart), **body}


def _build_heat_map(chart: HeatMap) -> Specification:
    values = np.concatenate([panel.values.ravel() for panel in chart.panels])
    largest = largest_entry(values) or 1.0
    is_signed = bool((values < 0).any())
    side = min(CELL, LARGEST // max(len(chart.rows), len(chart.columns)))
    color = {
        "field": "value", "type": "quantitative", "title": None,
        "scale": {"domain": [-largest, 0, largest], "range": [RED, "#ffffff", BLUE]}
        if is_signed else {"domain": [0, largest], "range": ["#ffffff", BLUE]},
    }  # fmt: skip
    axes = {
        "y": {"field": "row", "type": "ordinal", "sort": None, "title": chart.row_axis},
        "x": {"field": "column", "type": "ordinal", "sort": None, "title": chart.column_axis,
              "axis": {"orient": "top"}},
    }  # fmt: skip
    layers: list[Specification] = [{"mark": {"type": "rect", "tooltip": True}, "encoding": {"color": color}}]
    if any(panel.marks for panel in chart.panels):
        ring = {"type": "rect", "filled": False, "stroke": "black", "strokeWidth": 2, "tooltip": True}
        layers.append({"transform": [{"filter": "isValid(datum.mark)"}], "mark": ring})
    body = {"width": {"step": side}, "height": {"step": side}, "encoding": axes, "layer": layers}
    rows = [cell for panel in chart.panels for cell in _list_cells(chart, panel)]
    if len(chart.panels) == 1:
        return {"data": {"values": rows}, **body}
    facet = {"field": "panel", "type": "nominal", "sort": None, "title": None}
    return {
        "data": {"values": rows},
        "facet": facet,
        "columns": min(len(chart.panels), MOST_PER_ROW),
        "spec": body,
    }


def _list_cells(chart: HeatMap, panel: Panel) -> Iterator[Specification]:
    for (row, column), value in np.ndenumerate(panel.values):
        cell = {"row": chart.rows[row], "column": chart.columns[column], "value": _number(value)}
        if panel.name:
            cell["panel"] = panel.name
        if (row, column) in panel.marks:
            cell["mark"] = panel.marks[row, column]
        yield cell


def _build_lines(chart: LineChart) -> Specification:
    x = _axis("x", chart.x_axis, has_log=chart.has_log_x)
    y = _axis("y", chart.y_axis, has_log=chart.has_log_y)
    names = [series.name for series in chart.series]
    color = {
        "field": "series", "type": "nominal", "title": None, "scale": {"domain": names},
        **({} if len(names) > 1 else {"legend": None}),
    }  # fmt: skip
    layers: list[Specification] = []
    for is_scattered in sorted({series.is_scattered for series in chart.series}):
        rows = [
            {"series": series.name, "x": _number(a), "y": _number(b)}
            for series in chart.series
            if series.is_scattered == is_scattered
            for a, b in zip(series.x, series.y, strict=True)
        ]
        mark: Specification = {"type": "line", "point": chart.is_counted, "tooltip": True}
        encoding = {"x": x, "y": y, "color": color}
        if not is_scattered and len(names) > 1:  # lines are told apart without colours as well
            encoding["strokeDash"] = color
        if is_scattered:
            mark = {"type": "point", "filled": True, "size": 60, "tooltip": True}
        layers.append({"data": {"values": rows}, "mark": mark, "encoding": encoding})
    return {"width": 440, "height": 220, "layer": layers}


def _build_bars(chart: BarChart) -> Specification:
    rows = [
        {"label": label, "value": _number(value)}
        for label, value in zip(chart.labels, chart.values, strict=True)
    ]
    return {
        "data": {"values": rows},
        "width": 320,
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "y": {"field": "label", "type": "ordinal", "sort": None, "title": chart.axis},
            "x": {"field": "value", "type": "quantitative", "title": chart.measure},
        },
    }


def _build_path(chart: ContourPath) -> Specification:
    """Return the function as shaded cells around the points of its grid: there is no mark for contours."""
    finite = chart.values[np.isfinite(chart.values)]
    is_positive = bool(finite.size) and float(finite.min()) > 0
    left, right, low, high = (*_find_edges(chart.x), *_find_edges(chart.y))
    cells = [
        {"x": left[i], "x2": right[i], "y": low[j], "y2": high[j], "value": _number(value)}
        for (i, j), value in np.ndenumerate(chart.values)
    ]
    path = [
        {"order": order, "x": _number(x), "y": _number(y)} for order, (x, y) in enumerate(chart.path.tolist())
    ]
    x = _axis("x", chart.x_axis) | {"scale": {"zero": False, "nice": False, "domain": [left[0], right[-1]]}}
    y = _axis("y", chart.y_axis) | {"scale": {"zero": False, "nice": False, "domain": [low[0], high[-1]]}}
    color = {
        "field": "value", "type": "quantitative", "title": chart.measure,
        "scale": {"range": [BLUE, "#ffffff"], **({"type": "log"} if is_positive else {})},
    }  # fmt: skip
    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    order = {"field": "order", "type": "quantitative"}
    line = {"type": "line", "point": {"color": RED}, "color": RED, "clip": True, "tooltip": True}
    return {
        "width": 320,
        "height": 300,
        "layer": [
            {
                "data": {"values": cells},
                "mark": {"type": "rect", "clip": True, "tooltip": True},
                "encoding": {"x": x, "y": y, **ends, "color": color},
            },
            {"data": {"values": path}, "mark": line, "encoding": {"x": x, "y": y, "order": order}},
        ],
    }


def _build_flow(chart: FlowChart) -> Specification:
    """Return boxes, their names and the lines between them, in pixels."""
    layout, sizes = arrange_flow(chart)
    boxes = [
        {
            "name": node.name, "kind": node.kind, "detail": node.detail, "at": x, "down": y,
            "x": x - width / 2, "x2": x + width / 2, "y": y - height / 2, "y2": y + height / 2,
        }
        for node, (x, y), (width, height) in zip(chart.nodes, layout.centres, sizes, strict=True)
    ]  # fmt: skip
    ends = [(line.start, line.end) for line in layout.lines] + layout.passing
    lines = [{"x": x, "y": y, "x2": x2, "y2": y2} for (x, y), (x2, y2) in ends]
    heads = [{"at": line.end[0], "down": line.end[1]} for line in layout.lines if line.has_head]

    def place(field: str, extent: float, *, is_down: bool = False) -> Specification:
        scale = {"domain": [0, extent], "zero": False, "nice": False, "reverse": is_down}
        return {"field": field, "type": "quantitative", "axis": None, "scale": scale}

    x, y = place("x", layout.width), place("y", layout.height, is_down=True)
    ranges = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}}
    points = {"x": place("at", layout.width), "y": place("down", layout.height, is_down=True)}
    kind = {"field": "kind", "type": "nominal", "title": None}
    box = {"type": "rect", "cornerRadius": 4, "fillOpacity": 0.25, "stroke": "gray", "tooltip": True}
    head = {"type": "point", "shape": "triangle-down", "filled": True, "color": "gray", "yOffset": -4}
    words = [
        {"mark": {"type": "text", "dy": offset}, "encoding": {**points, "text": {"field": field}}}
        for field, offset in (("name", -6), ("detail", 8))
    ]
    return {
        "width": round(layout.width),
        "height": round(layout.height),
        "layer": [
            {"data": {"values": lines}, "mark": {"type": "rule", "color": "gray"}, "encoding": ranges},
            {"data": {"values": heads}, "mark": head, "encoding": points},
            {
                "data": {"values": boxes},
                "layer": [{"mark": box, "encoding": {**ranges, "color": kind}}, *words],
            },
        ],
    }


def _axis(field: str, title: str, *, has_log: bool = False) -> Specification:
    scale = {"type": "log"} if has_log else {"zero": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}


def _find_edges(points: Numbers) -> tuple[list[float], list[float]]:
    """Return the lower and upper ends of the cells around points at equal distances."""
    half = (points[-1] - points[0]) / (2 * max(len(points) - 1, 1)) or 0.5
    return (points - half).tolist(), (points + half).tolist()


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
