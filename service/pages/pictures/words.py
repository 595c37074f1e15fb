"""Charts in plain words, with the numbers that matter."""

from collections.abc import Iterator, Sequence

import numpy as np

from service.pages.entries import write_number
from service.pages.pictures.charts import (
    BarChart,
    Chart,
    ContourPath,
    FlowChart,
    HeatMap,
    LineChart,
    Numbers,
    Panel,
    Series,
)

MOST_PARTS = 12  # rows, marks or bars that are written out
EQUAL = 1e-12  # the relative difference up to which entries count as equal


def write_words(chart: Chart) -> str:
    """Return the text that stands for a chart."""
    match chart:
        case HeatMap():
            sentences = [_capitalize(sentence) for sentence in _describe_heat_map(chart)]
        case LineChart():  # whose sentences begin with names
            sentences = [_describe_series(chart, series) for series in chart.series]
        case BarChart():
            sentences = [_capitalize(_describe_bars(chart))]
        case ContourPath():
            sentences = [_capitalize(sentence) for sentence in _describe_path(chart)]
        case FlowChart():  # whose sentences begin with names
            sentences = [*_describe_flow(chart)]
    if chart.remark:
        sentences.append(chart.remark)
    return " ".join(f"{sentence.rstrip('.')}." for sentence in sentences)


def _capitalize(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _describe_heat_map(chart: HeatMap) -> Iterator[str]:
    left = MOST_PARTS
    for place, panel in enumerate(chart.panels):
        if left <= 0:
            yield f"{len(chart.panels) - place} more are not written out"
            return
        parts = [*_describe_panel(chart, panel)]
        written = "; ".join(parts[:left])
        if len(parts) > left:
            written += f"; {len(parts) - left} more are not written out"
        left -= len(parts)
        if written:
            yield f"{panel.name}: {written}" if panel.name else written


def _describe_panel(chart: HeatMap, panel: Panel) -> Iterator[str]:
    values = panel.values
    if chart.mark:
        for (row, column), meaning in panel.marks.items():
            where = _name_cell(chart, row, column)
            yield f"{where} ({write_number(values[row, column])}) {meaning}"
    elif chart.verb and chart.leads == "rows":
        yield from _describe_rows(
            chart, values, (chart.row_axis, chart.rows), (chart.column_axis, chart.columns)
        )
    elif chart.verb:
        yield from _describe_rows(
            chart, values.T, (chart.column_axis, chart.columns), (chart.row_axis, chart.rows)
        )
    else:
        finite = np.isfinite(values)
        if not finite.any():
            yield "no entry is finite"
            return
        most, least = np.where(finite, values, -np.inf), np.where(finite, values, np.inf)
        for word, place in (("largest", int(most.argmax())), ("smallest", int(least.argmin()))):
            row, column = divmod(place, values.shape[1])
            yield f"{word} {write_number(values[row, column])} at {_name_cell(chart, row, column)}"


def _name_cell(chart: HeatMap, row: int, column: int) -> str:
    place = f"{chart.column_axis} {chart.columns[column]}"
    return f"{chart.row_axis} {chart.rows[row]}, {place}" if chart.row_axis else place


def _describe_rows(
    chart: HeatMap, values: Numbers, lead: tuple[str, Sequence[str]], other: tuple[str, Sequence[str]]
) -> Iterator[str]:
    for label, row in zip(lead[1], values, strict=True):
        largest = np.nanmax(row) if not np.isnan(row).all() else np.nan
        if not np.isfinite(largest):
            yield f"{lead[0]} {label} has entries that are not finite"
        elif largest == 0:
            yield f"{lead[0]} {label} {chart.verb.replace(' most', '')} none"
        else:
            equal = np.flatnonzero(np.abs(row - largest) <= EQUAL * abs(largest))
            names = join_words([f"{other[0]} {other[1][place]}" for place in equal.tolist()])
            each = " each" if len(equal) > 1 else ""
            yield f"{lead[0]} {label} {chart.verb} {names}, {write_number(float(largest))}{each}"


def _describe_series(chart: LineChart, series: Series) -> str:
    finite = np.isfinite(series.y)
    if not finite.any():
        return f"{series.name} is nowhere finite"
    x, y = series.x[finite], series.y[finite]
    if series.is_scattered:
        points = [f"{write_number(a)} gives {write_number(b)}" for a, b in zip(x, y, strict=True)]
        more = f", and {len(points) - MOST_PARTS} more" if len(points) > MOST_PARTS else ""
        return f"{series.name}: {', '.join(points[:MOST_PARTS])}{more}"

    def write(place: int) -> str:
        return f"{write_number(y[place])} at {chart.x_axis} {write_number(x[place])}"

    text = f"{series.name}: {write(0)}"
    if len(x) > 1:
        low, high = int(y.argmin()), int(y.argmax())
        inner = [
            f"{word} {write(place)}"
            for word, place in (("least", low), ("greatest", high))
            if y[place] != y[0] and y[place] != y[-1]
        ]
        text = ", ".join([text, *inner, write(-1)])
    lost = len(finite) - int(finite.sum())
    return text + (f"; {lost} points are not finite" if lost else "")


def _describe_bars(chart: BarChart) -> str:
    bars = [
        f"{label}: {write_number(value)}" for label, value in zip(chart.labels, chart.values, strict=True)
    ]
    if len(bars) <= MOST_PARTS:
        return f"{chart.measure} by {chart.axis}: {'; '.join(bars)}"
    low, high = int(np.nanargmin(chart.values)), int(np.nanargmax(chart.values))
    return f"{chart.measure} of {len(bars)} bars: least, {bars[low]}; greatest, {bars[high]}"


def _describe_path(chart: ContourPath) -> Iterator[str]:
    finite = np.isfinite(chart.values)
    if finite.any():
        i, j = np.unravel_index(int(np.where(finite, chart.values, np.inf).argmin()), chart.values.shape)
        yield (
            f"on a grid of {len(chart.x)} × {len(chart.y)} points the {chart.measure} is least,"
            f" {write_number(chart.values[i, j])}, at {_write_point(chart, chart.x[i], chart.y[j])}"
        )
    if len(chart.path):
        start, end = (_write_point(chart, *chart.path[place]) for place in (0, -1))
        yield f"the path has {len(chart.path)} points, from {start} to {end}"


def _describe_flow(chart: FlowChart) -> Iterator[str]:
    """Yield what each value is computed from, and the kinds of the others."""
    behind: dict[int, list[str]] = {}
    for source, target in chart.edges:
        behind.setdefault(target, []).append(chart.nodes[source].name)
    written = [
        f"{chart.nodes[target].name} {'' if place else 'is computed '}from {join_words(names)}"
        for place, (target, names) in enumerate(sorted(behind.items())[:MOST_PARTS])
    ]
    if len(behind) > len(written):
        written.append(f"{len(behind) - len(written)} more are not written out")
    if written:
        yield "; ".join(written)
    for kind in dict.fromkeys(node.kind for node in chart.nodes if node.kind != "value"):
        names = [node.name for node in chart.nodes if node.kind == kind]
        more = len(names) - MOST_PARTS
        listed = [*names[:MOST_PARTS], f"{more} more"] if more > 0 else names
        plural = kind if kind in ("given", "unknown") else f"{kind}s"
        yield f"{plural.capitalize()}: {join_words(listed)}"


def _write_point(chart: ContourPath, x: float, y: float) -> str:
    return f"{chart.x_axis} = {write_number(x)}, {chart.y_axis} = {write_number(y)}"


def join_words(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
