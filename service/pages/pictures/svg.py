"""Charts as SVG, whose colours are classes of the page's style: blue above zero, red below.

The text is the same for the same chart, and short: coordinates have one decimal, cells of one colour are one
path, and what elements share stands at their group.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from service.pages.entries import SHADES, find_shade, largest_entry, write_number
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
from service.pages.pictures.contours import find_levels, trace_regions
from service.pages.pictures.elements import (
    LINE,
    cut_label,
    measure_text,
    px,
    write_label,
    write_rectangle,
    write_text,
)
from service.pages.pictures.flows import draw_flow
from service.pages.pictures.layers import Pair
from service.pages.pictures.scales import Scale, can_be_drawn, fit_scale

WIDTH = 640  # beyond which panels go to the next row
CELL = (38, 22)  # of a cell with its number
MOST_NUMBERS = 48  # cells above which numbers are left out
SQUARE, SIDE = (7, 20), 320  # the least and greatest side of a cell, and the aim for the whole matrix
PLOT = (440, 190)  # of lines
SQUARE_PLOT = (300, 260)  # of contours
BAR = (260, 13)  # the longest bar, and its height
DOTTED = 40  # points up to which each has a dot
COLOURS = 6  # of series


def write_svg(chart: Chart) -> str:
    """Return a chart as an SVG element."""
    match chart:
        case HeatMap():
            width, height, body = _draw_heat_map(chart)
        case LineChart():
            width, height, body = _draw_lines(chart)
        case BarChart():
            width, height, body = _draw_bars(chart)
        case ContourPath():
            width, height, body = _draw_path(chart)
        case FlowChart():
            width, height, body = draw_flow(chart)
    return (
        f'<svg role="img" viewBox="0 0 {px(width)} {px(height)}" width="{px(width)}">'
        f"<title>{write_text(chart.title)}</title>{body}</svg>"
    )


class _HeatMapLayout:
    """The places of the panels of a heat map, their labels and their legends, in pixels."""

    def __init__(self, chart: HeatMap) -> None:
        rows, columns = len(chart.rows), len(chart.columns)
        self.rows, self.columns = [*map(cut_label, chart.rows)], [*map(cut_label, chart.columns)]
        self.has_numbers = rows * columns * len(chart.panels) <= MOST_NUMBERS
        widest = max(map(measure_text, self.columns))
        self.cell: Pair = max(CELL[0], min(widest + 8, 2 * CELL[0])), CELL[1]
        if not self.has_numbers:
            side = max(SQUARE[0], min(SQUARE[1], SIDE // max(rows, columns)))
            self.cell = side, side
        are_counted = all(label.isdecimal() for label in self.columns)
        self.is_turned = widest + 4 > self.cell[0] and not are_counted
        self.column_step = 1 if not are_counted else max(1, -(-int(widest + 7) // int(self.cell[0])))
        self.row_step = max(1, -(-12 // int(self.cell[1])))
        self.left = max(measure_text(cut_label(chart.row_axis)), *map(measure_text, self.rows)) + 6
        self.name_line = LINE if any(panel.name for panel in chart.panels) else 0
        self.top = self.name_line + LINE + (widest + 6 if self.is_turned else LINE)
        self.size = columns * self.cell[0], rows * self.cell[1]
        words = (
            max(measure_text(cut_label(panel.name)) for panel in chart.panels),
            measure_text(cut_label(chart.column_axis)),
        )
        self._stride = max(self.size[0], *words) + 16
        self._per_row = max(1, int((WIDTH - self.left) // self._stride))
        count = len(chart.panels)
        self.width = self.left + min(self._per_row, count) * self._stride - 14
        self.height = -(-count // self._per_row) * (self.top + self.size[1] + 10) - 8

    def place(self, panel: int) -> Pair:
        """Return the place of the first cell of a panel."""
        down, across = divmod(panel, self._per_row)
        return self.left + across * self._stride, down * (self.top + self.size[1] + 10) + self.top

    def is_first(self, panel: int) -> bool:
        """Return whether a panel is the first of its row, which has the labels of rows."""
        return panel % self._per_row == 0


def _draw_heat_map(chart: HeatMap) -> tuple[float, float, str]:
    layout = _HeatMapLayout(chart)
    matrices = [panel.values for panel in chart.panels]
    scale = max(map(largest_entry, matrices))
    body, right, middle = "", "", ""
    for place, panel in enumerate(chart.panels):
        x, y = layout.place(place)
        body += _draw_cells(panel, (x, y), layout.cell, scale)
        top, centre = y - layout.top + 11, x + layout.size[0] / 2
        if panel.name:
            middle += write_label(centre, top, panel.name, ' class="b"')
        middle += write_label(centre, top + layout.name_line, chart.column_axis)
        for column in range(0, len(layout.columns), layout.column_step):
            at, label = x + (column + 0.5) * layout.cell[0], layout.columns[column]
            if layout.is_turned:
                turned = f"translate({px(at + 4)} {px(y - 4)})rotate(-90)"
                body += f'<text transform="{turned}">{write_text(label)}</text>'
            else:
                middle += write_label(at, y - 4, label)
        if layout.is_first(place):
            right += write_label(layout.left - 5, y - 4, chart.row_axis) if chart.row_axis else ""
            for row in range(0, len(layout.rows), layout.row_step):
                at = y + (row + 0.5) * layout.cell[1] + 4
                right += write_label(layout.left - 5, at, layout.rows[row]) if layout.rows[row] else ""
        if layout.has_numbers:
            for (row, column), value in np.ndenumerate(panel.values):
                at = x + (column + 0.5) * layout.cell[0]
                middle += write_label(at, y + (row + 0.5) * layout.cell[1] + 4, _short(value))
    body += (f'<g class="e">{right}</g>' if right else "") + f'<g class="c">{middle}</g>'
    legends, width, height = _draw_legends(chart, layout, scale)
    return width, height, body + legends


def _draw_legends(chart: HeatMap, layout: _HeatMapLayout, scale: float) -> tuple[str, float, float]:
    """Return the meaning of colours without numbers and of marks, and the size of the whole picture."""
    body, width, height = "", layout.width, layout.height
    if not layout.has_numbers:
        height += LINE + 8
        matrices = [panel.values for panel in chart.panels]
        body, wide = _draw_legend(layout.left, height - LINE + 1, scale, matrices)
        width = max(width, wide)
    if chart.mark:
        height += LINE + 4
        body += f'<path class="o" d="M{px(layout.left)} {px(height - 12)}h11v9h-11z"/>'
        body += write_label(layout.left + 17, height - 4, chart.mark)
        width = max(width, layout.left + 17 + measure_text(cut_label(chart.mark)))
    return body, width, height


def _draw_cells(panel: Panel, place: Pair, cell: Pair, scale: float) -> str:
    """Return one path for all cells of a colour, with neighbours in a row as one rectangle, and marks."""
    runs: dict[int, list[str]] = {}
    for row, entries in enumerate(panel.values.tolist()):
        column = 0
        for level, group in groupby(entries, lambda entry: find_shade(entry, scale)):
            wide = len([*group])
            if level:
                runs.setdefault(level, []).append(f"M{column} {row}h{wide}v1h-{wide}z")
            column += wide
    (x, y), (rows, columns) = place, panel.values.shape
    shapes = "".join(
        f'<path class="{_shade_class(level)}" d="{"".join(runs[level])}"/>' for level in sorted(runs)
    )
    scaling = f"translate({px(x)} {px(y)})scale({px(cell[0])} {px(cell[1])})"
    written = f'<g transform="{scaling}">{shapes}</g><path class="g" d="'
    written += write_rectangle(x, y, columns * cell[0], rows * cell[1]) + '"/>'
    rings = "".join(
        write_rectangle(x + column * cell[0] + 1, y + row * cell[1] + 1, cell[0] - 2, cell[1] - 2)
        for row, column in sorted(panel.marks)
    )
    return written + (f'<path class="o" d="{rings}"/>' if rings else "")


def _draw_legend(x: float, y: float, scale: float, matrices: Sequence[Numbers]) -> tuple[str, float]:
    """Return swatches from the least level to the greatest, and the place where they end."""
    has_negative = any(bool((matrix < 0).any()) for matrix in matrices)
    levels = [*range(-SHADES, 0, 2)] * has_negative + [*range(2, SHADES + 1, 2)]
    low, high = f"−{write_number(scale)}" if has_negative else "0", write_number(scale)
    body, at = write_label(x, y + 9, low), x + measure_text(low) + 5
    for level in levels:
        body += f'<path class="{_shade_class(level)}" d="M{px(at)} {px(y)}h14v10h-14z"/>'
        at += 14
    return body + write_label(at + 5, y + 9, high), at + 5 + measure_text(high)


def _draw_lines(chart: LineChart) -> tuple[float, float, str]:
    numbers = np.concatenate([series.y for series in chart.series])
    along = np.concatenate([series.x for series in chart.series])
    names, lines = _arrange_legend([series.name for series in chart.series])
    top = LINE * (lines + 1) + 6
    y = fit_scale(numbers, top + PLOT[1], top, is_log=chart.has_log_y, margin=0.06)
    left = max([measure_text(write_number(tick)) for tick in y.ticks()] + [20]) + 8
    x = fit_scale(along, left + 6, left + PLOT[0] - 6, is_log=chart.has_log_x)
    ticks = [tick for tick in x.ticks() if not chart.is_counted or tick == round(tick)]
    frame = _draw_axes(x, y, ticks, left, top, PLOT, (chart.x_axis, chart.y_axis), top - 6)
    legend = ""
    for place, (at, line) in enumerate(names):
        is_dot = chart.series[place].is_scattered
        shape, length = ("d", "m10 0h0") if is_dot else ("l", "h20")
        legend += f'<path class="{shape} s{place % COLOURS}" d="M{px(at)} {8 + LINE * line}{length}"/>'
        legend += write_label(at + 25, 12 + LINE * line, chart.series[place].name)
    body = []
    for place, series in enumerate(chart.series):
        across, down = x.place(series.x), y.place(series.y)
        shown = can_be_drawn(series.y).tolist()
        points = [
            (a, b) if is_shown else None
            for a, b, is_shown in zip(across.tolist(), down.tolist(), shown, strict=True)
        ]
        colour = f"s{place % COLOURS}"
        if not series.is_scattered:
            body.append(f'<path class="l {colour}" d="{_write_line(points)}"/>')
        if series.is_scattered or (chart.is_counted and len(points) <= DOTTED):
            dots = "".join(f"M{px(point[0])} {px(point[1])}h0" for point in points if point is not None)
            body.append(f'<path class="d {colour}" d="{dots}"/>')
    return left + PLOT[0] + LINE, top + PLOT[1] + 2 * LINE + 4, frame + legend + "".join(body)


def _draw_axes(
    x: Scale,
    y: Scale,
    ticks: Sequence[float],
    left: float,
    top: float,
    size: Pair,
    names: tuple[str, str],
    name_at: float,
) -> str:
    """Return grid lines, the numbers along both axes, and the names of the axes."""
    bottom = top + size[1]
    rows = list(zip(y.place(np.array(y.ticks())).tolist(), y.ticks(), strict=True))
    columns = list(zip(x.place(np.array(ticks)).tolist(), ticks, strict=True))
    grid = "".join(f"M{px(left)} {px(at)}h{px(size[0])}" for at, _ in rows)
    grid += "".join(f"M{px(at)} {px(bottom)}v4" for at, _ in columns)
    right = "".join(write_label(left - 5, at + 4, write_number(tick)) for at, tick in rows)
    middle = "".join(write_label(at, bottom + LINE, write_number(tick)) for at, tick in columns)
    middle += write_label(left + size[0] / 2, bottom + 2 * LINE, names[0])
    return f'<path class="g" d="{grid}"/><g class="e">{right}</g><g class="c">{middle}</g>' + write_label(
        2, name_at, names[1]
    )


def _arrange_legend(names: Sequence[str]) -> tuple[list[tuple[float, int]], int]:
    """Return the place and the line of each name, and the number of lines; none for a single name."""
    if len(names) < 2:
        return [], 0
    places, at, line = [], 2.0, 0
    for name in names:
        width = 40 + measure_text(cut_label(name))
        if at > 2 and at + width > PLOT[0]:
            at, line = 2.0, line + 1
        places.append((at, line))
        at += width
    return places, line + 1


def _draw_bars(chart: BarChart) -> tuple[float, float, str]:
    labels = [*map(cut_label, chart.labels)]
    left = max([*map(measure_text, labels), measure_text(cut_label(chart.axis))]) + 8
    longest = float(chart.values[np.isfinite(chart.values)].max(initial=0.0))
    bars, names, values = "", write_label(left - 6, 11, chart.axis), write_label(left + 2, 11, chart.measure)
    for place, (label, value) in enumerate(zip(labels, chart.values.tolist(), strict=True)):
        y = LINE + 4 + place * (BAR[1] + 5)
        length = BAR[0] * max(value, 0.0) / longest if longest and np.isfinite(value) else 0.0
        if length:
            bars += f"M{px(left)} {px(y)}h{px(length)}v{BAR[1]}h-{px(length)}z"
        names += write_label(left - 6, y + 11, label)
        values += write_label(left + length + 5, y + 11, write_number(value))
    height = LINE + 4 + len(labels) * (BAR[1] + 5)
    body = f'<path class="p7" d="{bars}"/>' if bars else ""
    body += f'<path class="g" d="M{px(left)} {LINE}V{px(height)}"/><g class="e">{names}</g>{values}'
    most = max(
        [
            measure_text(cut_label(chart.measure)),
            BAR[0] + 5 + max([measure_text(write_number(v)) for v in chart.values]),
        ]
    )
    return left + most + 4, height, body


def _draw_path(chart: ContourPath) -> tuple[float, float, str]:
    top = LINE + 8
    y = Scale(float(chart.y[0]), float(chart.y[-1]), top + SQUARE_PLOT[1], top)
    left = max([measure_text(write_number(tick)) for tick in y.ticks()] + [20]) + 8
    x = Scale(float(chart.x[0]), float(chart.x[-1]), left, left + SQUARE_PLOT[0])
    levels = find_levels(chart.values)
    across, down = x.place(chart.x), y.place(chart.y)
    regions = "".join(
        f'<path d="{"".join(_write_ring(ring) for ring in rings)}"/>'
        for rings in trace_regions(across, down, chart.values, levels)
    )
    frame = _draw_axes(x, y, x.ticks(), left, top, SQUARE_PLOT, (chart.x_axis, chart.y_axis), LINE - 4)
    points = _clip(x, y, chart.path)
    line = _write_line(points)
    body = f'<g class="k">{regions}</g>{frame}<path class="l s1" d="{line}"/>'
    shown = [point for point in points if point is not None]
    if len(shown) <= DOTTED:
        dots = "".join(f"M{px(point[0])} {px(point[1])}h0" for point in shown)
        body += f'<path class="d s1" d="{dots}"/>'
    if shown:
        (x0, y0), (x1, y1) = shown[0], shown[-1]
        body += f'<path class="o" d="M{px(x0 - 4)} {px(y0 - 4)}h8v8h-8z"/>'
        body += f'<g class="h">{_beside("start", x0, y0, left)}{_beside("end", x1, y1, left, y0)}</g>'
    key, wide = _draw_key(left + SQUARE_PLOT[0] + 18, top, levels, chart.measure)
    return wide, top + SQUARE_PLOT[1] + 2 * LINE + 4, body + key


def _beside(word: str, x: float, y: float, left: float, taken: float = -99.0) -> str:
    """Return a word to the right of a point; to its left at the edge, and below a word at the same height."""
    if x > left + SQUARE_PLOT[0] - 40:
        x -= 14 + measure_text(word)
    return write_label(x + 7, y + (15 if abs(y - taken) < LINE else -5), word)


def _draw_key(x: float, top: float, levels: Sequence[float], measure: str) -> tuple[str, float]:
    """Return the colours of contours, which overlap as they do in the plot, with the levels between them."""
    count = len(levels)
    step = SQUARE_PLOT[1] / (count + 1)
    bottom = top + SQUARE_PLOT[1]
    shapes = "".join(
        f'<path d="M{px(x)} {px(top + (place + 1) * step)}h14V{px(bottom)}h-14z"/>' for place in range(count)
    )
    ordered = sorted(levels, reverse=True)
    words = "".join(
        write_label(x + 19, top + (place + 1) * step + 4, write_number(level))
        for place, level in enumerate(ordered)
    )
    frame = f'<path class="g" d="M{px(x)} {px(top)}h14V{px(bottom)}h-14z"/>'
    wide = max(
        [measure_text(write_number(level)) + 19 for level in levels] + [measure_text(cut_label(measure))]
    )
    return f'<g class="k">{shapes}</g>{frame}{write_label(x, LINE - 4, measure)}{words}', x + wide + 4


def _clip(x: Scale, y: Scale, path: Numbers) -> list[Pair | None]:
    """Return the points of a path in pixels, None for those outside the plot."""
    across, down = x.place(path[:, 0]), y.place(path[:, 1])
    inside = (
        (across >= x.start - 1) & (across <= x.end + 1) & (down >= y.end - 1) & (down <= y.start + 1)
    )  # NaN is not inside
    return [
        (a, b) if is_inside else None
        for a, b, is_inside in zip(across.tolist(), down.tolist(), inside.tolist(), strict=True)
    ]


def _write_line(points: Sequence[Pair | None]) -> str:
    """Return a line through points, interrupted at None, without points that lie on a straight line."""
    written, begins = [], True
    for place, point in enumerate(points):
        if point is None:
            begins = True
            continue
        before = points[place - 1] if place else None
        after = points[place + 1] if place + 1 < len(points) else None
        if not begins and before is not None and after is not None and _is_straight(before, point, after):
            continue
        written.append(f"{'M' if begins else 'L'}{px(point[0])} {px(point[1])}")
        begins = False
    return "".join(written)


def _is_straight(before: Pair, point: Pair, after: Pair) -> bool:
    dx, dy = after[0] - before[0], after[1] - before[1]
    return abs(dx * (point[1] - before[1]) - dy * (point[0] - before[0])) < 1e-3 and dx > 0


def _write_ring(ring: Iterable[Pair]) -> str:
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in ring) + "z"


def _shade_class(level: int) -> str:
    return f"{'p' if level > 0 else 'm'}{abs(level)}"


def _short(value: float) -> str:
    """Return a number that fits into a cell, with two digits behind the point, or two significant ones."""
    if not np.isfinite(value):
        return write_number(value)
    if value == round(value) and abs(value) < 1e4:
        return write_number(value)
    if 0.005 <= abs(value) < 100:
        return f"{value:.2f}".rstrip("0").rstrip(".").replace("-", "−")
    return write_number(float(f"{value:.2g}"))
