"""Charts as data, from which the SVG, the Vega-Lite specification and the text of a picture are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One matrix of a heat map.

    name: its title; empty if it is the only one.
    values: (rows, columns).
    marks: the meaning of each marked cell, by row and column.
    """

    name: str
    values: Numbers
    marks: Mapping[tuple[int, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Matrices of one shape as cells that are shaded by value, blue above zero and red below.

    row_axis, column_axis: the names of the axes.
    rows, columns: the labels along them.
    verb: relates each row to its largest entry, such as `attends most to`; empty to name the extremes alone.
    leads: whether the verb is about rows or about columns.
    mark: the meaning of all marks, as a legend.
    remark: a sentence about what is left out.
    """

    title: str
    row_axis: str
    column_axis: str
    rows: Sequence[str]
    columns: Sequence[str]
    panels: Sequence[Panel]
    verb: str = ""
    leads: Literal["rows", "columns"] = "rows"
    mark: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A named line through points; without a line if `is_scattered`."""

    name: str
    x: Numbers
    y: Numbers
    is_scattered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LineChart:
    """Several series over one axis.

    x_axis, y_axis: the names of the axes.
    has_log_x, has_log_y: whether the axis is logarithmic; then all its numbers are above zero.
    is_counted: whether x counts whole numbers, such as steps, so that every point has a dot.
    remark: a sentence about what is left out.
    """

    title: str
    x_axis: str
    y_axis: str
    series: Sequence[Series]
    has_log_x: bool = False
    has_log_y: bool = False
    is_counted: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class BarChart:
    """A bar for each label. axis: the name of the labels. measure: the name of the values, from zero."""

    title: str
    axis: str
    measure: str
    labels: Sequence[str]
    values: Numbers
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ContourPath:
    """A path over the filled contours of a function of two variables.

    x_axis, y_axis: the names of the variables. measure: that of the function.
    x, y: the points of a grid along each axis.
    values: the function at each of them, (points of x, points of y).
    path: the points of the path, (points, 2), from its start to its end.
    """

    title: str
    x_axis: str
    y_axis: str
    measure: str
    x: Numbers
    y: Numbers
    values: Numbers
    path: Numbers
    remark: str = ""


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A named value of a flow chart. kind: as diagrams have it. detail: its shape or entries, in short."""

    name: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FlowChart:
    """Named values as boxes, with an arrow from each to those that are computed from it.

    nodes: in order of computation.
    edges: pairs of places in this order, the first before the second.
    mermaid: the same as Mermaid text.
    """

    title: str
    nodes: Sequence[FlowNode]
    edges: Sequence[tuple[int, int]]
    mermaid: str
    remark: str = ""


Chart: TypeAlias = HeatMap | LineChart | BarChart | ContourPath | FlowChart
