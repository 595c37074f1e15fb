"""Pictures of traces of optimizers: the loss by step, and the path over the loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compute.errors import QuestionErrors
from compute.optimizers.run.objective import ProgramObjective
from compute.optimizers.run.question import PreparedTrace
from compute.optimizers.run.surface import Entry, Extent, compute_surface, entry_name, surface_entries
from compute.question.limits import Limits
from service.optimizers.traces import understand_trace
from service.pages.blocks import Picture
from service.pages.entries import as_array
from service.pages.pictures.charts import Chart, ContourPath, LineChart, Numbers, Series
from service.pages.pictures.tensors import read_numbers

POINTS, LINE_POINTS = 15, 41  # of the grid along each of two axes, and along the only one
EVALUATIONS = {1: LINE_POINTS, 2: POINTS**2}  # of the loss, by the count of numbers that vary
MOST_WORK = 20_000_000  # elementary operations of all evaluations of the loss
MOST_STEPS = 400  # that are drawn; of longer traces every so many
LOG_RATIO = 100  # between the largest and the smallest loss, from which its axis is logarithmic
MARGIN = 0.25  # of a line around the trace, relative to its extent
LIMITS = Limits(work=10**9, entries=10**7, answer=10**7)  # of the question, which was answered already


def draw_trace(request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Picture]:
    """Return the pictures of a trace: its loss by step, and its path over the loss of one or two numbers.

    The loss beside the path is that of the answer's `surface`, or is computed at 15 × 15 points, or at 41
    along a line, unless that takes long.
    """
    *steps, last = answer["trace"]
    steps = [*steps[:: max(1, -(-len(steps) // MOST_STEPS))], last]
    charts = [_draw_losses(steps, answer), _draw_path(request, answer, steps)]
    return [Picture(chart) for chart in charts if chart is not None]


def _draw_losses(steps: list[Mapping[str, Any]], answer: Mapping[str, Any]) -> Chart | None:
    """Return the loss by step, with those of the other optimizers if there are any."""
    losses = [(step["step"], loss) for step in steps if (loss := _read(step, "loss")) is not None]
    others = answer.get("others", {})
    series = [_make_series(str(answer["conventions"]["optimizer"]) if others else "loss", losses)]
    for name, other in others.items():
        thinned = slice(None, None, max(1, -(-len(other["steps"]) // MOST_STEPS)))
        shown = zip(other["steps"], other.get("approximations") or other["losses"], strict=True)
        read = [(step, read_numbers(loss)) for step, loss in [*shown][thinned]]
        series.append(_make_series(name, [(step, float(loss)) for step, loss in read if loss is not None]))
    finite = np.concatenate([one.y[np.isfinite(one.y)] for one in series])
    if finite.size < 2:
        return None
    least, most = float(finite.min()), float(finite.max())
    has_log = least > 0 and most / least > LOG_RATIO
    return LineChart("Loss by step", "step", "loss", series, has_log_y=has_log, is_counted=True)


def _make_series(name: str, points: list[tuple[int, float]]) -> Series:
    x, y = (np.array([point[axis] for point in points], dtype=float) for axis in (0, 1))
    return Series(name, x, y)


def _read(step: Mapping[str, Any], part: str, name: str = "") -> Any:
    """Return a part of a step in floats, a number if it has no axes; None if it has none."""
    for source in (step, step.get("approximations", {})):
        tensor = source.get(part)
        tensor = tensor.get(name) if name and isinstance(tensor, Mapping) else tensor
        numbers = None if tensor is None else read_numbers(tensor)
        if numbers is not None:
            return numbers if name else float(numbers)
    return None


def _draw_path(
    request: Mapping[str, Any], answer: Mapping[str, Any], steps: list[Mapping[str, Any]]
) -> Chart | None:
    surface = answer.get("surface")
    if surface is None:
        return _draw_computed(request, steps)
    x, y = (read_numbers(points) for points in surface["points"])
    values = read_numbers(surface["loss"])
    if x is None or y is None or values is None:
        return None
    names = surface["axes"]
    path = _read_path(steps, [_find_entry(name) for name in names])
    return None if path is None else _chart_path(names, x, y, values, path)


def _find_entry(text: str) -> Entry:
    name, _, index = text.rstrip("]").partition("[")
    return name, tuple(map(int, index.split(","))) if index else ()


def _read_path(steps: list[Mapping[str, Any]], entries: list[Entry]) -> Numbers | None:
    """Return the places of entries in each step, (steps, entries); None if a step does not show them."""
    rows = []
    for step in steps:
        row = []
        for name, index in entries:
            numbers = _read(step, "parameters", name)
            if numbers is None:
                return None
            row.append(float(numbers[index]))
        rows.append(row)
    return np.array(rows, dtype=float).reshape(-1, len(entries))


def _chart_path(names: list[str], x: Numbers, y: Numbers, values: Numbers, path: Numbers) -> Chart | None:
    if len(x) < 2 or len(y) < 2 or x[0] == x[-1] or y[0] == y[-1]:
        return None
    return ContourPath("Path over the loss", names[0], names[1], "loss", x, y, values, path)


def _draw_computed(request: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> Chart | None:
    """Return the path over a loss that is computed here; None if it takes long or has no such path."""
    if "program" not in request or not steps:
        return None
    arrays = [as_array(tensor) for tensor in request["start"].values()]
    count = sum(array.size for array in arrays if array is not None)
    if count not in EVALUATIONS:
        return None
    question = {**request, "steps": 1, "every": 1, "arithmetic": "float64"}
    for field in ("surface", "stop_when", "substitute", "assumptions", "select", "others"):
        question.pop(field, None)
    try:
        prepared = understand_trace(question, LIMITS).prepared
    except QuestionErrors:  # such as a symbol among the settings
        return None
    objective = prepared.trace.run.objective
    if not isinstance(objective, ProgramObjective) or objective.work * EVALUATIONS[count] > MOST_WORK:
        return None
    if count == 1:
        return _draw_line(objective, prepared, steps)
    entries = surface_entries(None, prepared.trace.start)
    path = _read_path(steps, entries)
    if path is None or not np.isfinite(path).all(axis=1).any():
        return None
    extent = Extent(entries)
    for row in path[np.isfinite(path).all(axis=1)]:
        extent.include(_as_parameters(prepared, entries, row))
    end = _as_parameters(prepared, entries, path[np.isfinite(path).all(axis=1)][-1])
    grid = compute_surface(objective, end, extent, POINTS)
    return _chart_path([*map(entry_name, entries)], *grid.points, grid.loss, path)


def _as_parameters(prepared: PreparedTrace, entries: list[Entry], row: Numbers) -> dict[str, Any]:
    parameters = {name: np.array(array, dtype=float) for name, array in prepared.trace.start.items()}
    for (name, index), number in zip(entries, row, strict=True):
        parameters[name][index] = number
    return parameters


def _draw_line(
    objective: ProgramObjective, prepared: PreparedTrace, steps: list[Mapping[str, Any]]
) -> Chart | None:
    """Return the loss along the only number, and the points of the path on it."""
    [(name, array)] = prepared.trace.start.items()
    entry = (name, tuple(0 for _ in np.shape(array)))
    path = _read_path(steps, [entry])
    losses = [_read(step, "loss") for step in steps]
    if path is None or None in losses or not np.isfinite(path).all():
        return None
    along = path[:, 0]
    width = float(np.ptp(along)) * MARGIN or 0.5
    x = np.unique(np.concatenate([np.linspace(along.min() - width, along.max() + width, LINE_POINTS), along]))
    with np.errstate(all="ignore"):
        y = np.array(
            [float(objective.loss(_as_parameters(prepared, [entry], np.array([point])))) for point in x]
        )
    series = [Series("loss", x, y), Series("steps", along, np.array(losses), is_scattered=True)]
    return LineChart(f"Steps on the loss along {entry_name(entry)}", entry_name(entry), "loss", series)
