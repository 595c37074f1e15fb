"""Which pictures the answer of an operation or a program gets.

Rules name the values that are worth a picture by their last name and their axes, as steps state them, so that
they hold for every operation and program in which such a value occurs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from service.pages.blocks import Block, Paragraph, Picture
from service.pages.pictures.activations import draw_activation
from service.pages.pictures.charts import BarChart, Chart, HeatMap, LineChart, Numbers, Panel, Series
from service.pages.pictures.tensors import (
    MOST_PLACES,
    NotDrawn,
    check_size,
    count_labels,
    list_sent,
    read_numbers,
    split_panels,
)
from service.pages.pictures.words import join_words

MOST = 6  # pictures of a document
MOST_LINES = 6  # series of a chart of states; more are a heat map
LEAST_STEPS, MOST_STEPS = 3, 400  # of which norms are drawn
LOG_RATIO = 20  # between the largest and the smallest norm, from which their axis is logarithmic
BACKWARDS = ""  # the place of pictures that belong to all gradients
MEMBER = re.compile(r"((?:.*\.)?)hidden\[(\d+)\]")
LAYER = re.compile(r"((?:.*?\.)?)layer\[(\d+)\]\..+")


class Asked:
    """A question and its answer, as rules read them."""

    def __init__(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        self.request, self.answer = request, answer
        self.operation: Operation | None = CATALOGUE.get(str(answer.get("operation", "")))
        self.steps: Mapping[str, Mapping[str, Any]] = {step["name"]: step for step in answer["steps"]}

    @cached_property
    def sent(self) -> Mapping[str, Any]:
        """The tensors that were sent, by name."""
        return dict(list_sent(self.request))

    def read(self, name: str) -> Numbers | None:
        """Return a value or an input in floats; None if it has none."""
        values = self.answer["values"]
        tensor = values.get(name)
        if name not in values:
            tensor = self.sent.get(name)
        numbers = None if tensor is None else read_numbers(tensor)
        if numbers is None and name in self.answer.get("approximations", {}):
            numbers = read_numbers(self.answer["approximations"][name])
        return numbers

    def read_gradient(self, name: str) -> Numbers | None:
        """Return a gradient in floats; None if it has none."""
        numbers = read_numbers(self.answer["gradients"][name])
        approximations = self.answer.get("gradient_approximations", {})
        return read_numbers(approximations[name]) if numbers is None and name in approximations else numbers


Draw: TypeAlias = Callable[[Asked, str, Numbers], Sequence[Chart]]
"""Takes the full name and the numbers of a value; raises NotDrawn if it is too large."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The pictures of values of a name.

    name: the last part of the value's name.
    axes: the names of its last axes, in any of these forms.
    draw: returns its charts.
    holds: whether the rule is for answers of this operation; None stands for a program.
    """

    name: str
    axes: tuple[tuple[str, ...], ...]
    draw: Draw
    holds: Callable[[Operation | None], bool] = lambda operation: True


def draw_answer(request: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, list[Block]]:
    """Return the pictures of an answer by the step that they belong to; "" for all gradients together.

    A tensor that is too large has a sentence in the place of its picture, and so have pictures beyond the
    sixth.
    """
    asked = Asked(request, answer)
    last = _draw_gradients(asked) if answer.get("gradients") else []
    left, drawn = MOST - len(last), dict[str, list[Block]]()
    for name, step in asked.steps.items():
        rules = RULES.get(_last_part(name), ())
        rule = next((rule for rule in rules if _fits(rule, asked, step["axes"])), None)
        if rule is None or (numbers := asked.read(name)) is None:
            continue
        if not left:
            sentence = f"Further pictures are left out: a document has at most {MOST}."
            drawn.setdefault(name, []).append(Paragraph([sentence]))
            break
        try:
            charts = rule.draw(asked, name, numbers)[:left]
        except NotDrawn as reason:
            drawn.setdefault(name, []).append(Paragraph([str(reason)]))
            continue
        left -= len(charts)
        drawn.setdefault(name, []).extend(Picture(chart) for chart in charts)
    if last:
        drawn[BACKWARDS] = [Picture(chart) for chart in last]
    return drawn


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _fits(rule: Rule, asked: Asked, axes: Sequence[str]) -> bool:
    return any(tuple(axes[len(axes) - len(form) :]) == form for form in rule.axes) and rule.holds(
        asked.operation
    )


def _title(words: str, name: str) -> str:
    """Return a title with the part of a model that a value belongs to."""
    scope = name.rpartition(".")[0]
    return f"{words} of {scope}" if scope else words


def _draw_attention(asked: Asked, name: str, weights: Numbers) -> Sequence[Chart]:
    axes = asked.steps[name]["axes"]
    panels, remark = split_panels(weights, axes)
    tokens = asked.sent.get("tokens")
    labels, remarks = [], [remark] if remark else []
    for size in weights.shape[-2:]:
        ids = None if tokens is None else read_numbers(tokens)
        if ids is not None and ids.shape == (size,):
            labels.append([f"{place} ({int(token)})" for place, token in enumerate(ids)])
        else:
            labels.append(count_labels(size))
    if any("(" in label for side in labels for label in side):
        remarks.append("In parentheses are the indices of tokens in the vocabulary")
    row_axis, column_axis = axes[-2:]
    return [
        HeatMap(
            _title("Attention weights", name),
            row_axis,
            column_axis,
            labels[0],
            labels[1],
            panels,
            verb="attends most to",
            leads="rows" if row_axis == "query" else "columns",
            remark=". ".join(remarks),
        )
    ]


def _draw_winners(asked: Asked, name: str, winners: Numbers) -> Sequence[Chart]:
    """Return the input of a pooling, with the largest entry of each window outlined."""
    step = asked.steps[name]
    values = asked.read(step["inputs"][0])
    is_plane = step["axes"][-2:] == ["row", "column"]
    if values is None or values.ndim < 1 + is_plane:
        return []
    if not is_plane:
        values, winners = values[..., np.newaxis, :], winners[..., np.newaxis, :]
    if values.shape[:-2] != winners.shape[:-2]:
        return []
    axes = [*step["axes"][: len(step["axes"]) - 1 - is_plane], "row", "column"]
    panels, remark = split_panels(values, axes)
    rows, columns = values.shape[-2:]
    marked = []
    for panel, places in zip(panels, winners.reshape(-1, *winners.shape[-2:]), strict=False):
        windows: dict[tuple[int, int], list[str]] = {}
        for (down, across), place in np.ndenumerate(places):
            window = f"({down}, {across})" if is_plane else str(across)
            if 0 <= place < rows * columns:
                row, column = divmod(int(place), columns)
                windows.setdefault((row, column), []).append(window)
        marks = {place: _say_windows(found) for place, found in sorted(windows.items())}
        marked.append(replace(panel, marks=marks))
    title = _title("Winners of the windows", name)
    return [_map_plane(title, marked, is_plane, remark, mark="the largest entry of a window")]


def _say_windows(windows: Sequence[str]) -> str:
    return f"wins window{'s' if len(windows) > 1 else ''} {join_words(windows)}"


def _draw_convolution(asked: Asked, name: str, output: Numbers) -> Sequence[Chart]:
    axes = tuple(asked.steps[name]["axes"])
    is_plane = axes[-2:] == ("row", "column")
    charts = []
    for title, numbers, outer in (
        ("Kernel", asked.read("kernel"), ("filter", "channel")),
        ("Feature map", output, axes[: -1 - is_plane]),
    ):
        if numbers is None or numbers.ndim < 1 + is_plane:
            continue
        planes = numbers if is_plane else numbers[..., np.newaxis, :]  # one row for each signal
        panels, remark = split_panels(planes, (*outer, "row", "column"))
        charts.append(_map_plane(title, panels, is_plane, remark))
    return charts


def _map_plane(title: str, panels: Sequence[Panel], is_plane: bool, remark: str, mark: str = "") -> HeatMap:
    """Return a heat map over two axes of a plane, or over the positions of a line."""
    rows, columns = panels[0].values.shape
    return HeatMap(
        title,
        "row" if is_plane else "",
        "column" if is_plane else "position",
        count_labels(rows) if is_plane else [""],
        count_labels(columns),
        panels,
        mark=mark,
        remark=remark,
    )


def _draw_states(asked: Asked, name: str, hidden: Numbers) -> Sequence[Chart]:
    """Return the gates and states of a recurrent layer over time."""
    scope = name.removesuffix("hidden")
    found = {}
    for other, step in asked.steps.items():
        last = other.removeprefix(scope)
        is_state = last.endswith("_gate") or last in ("candidate", "cell", "hidden")
        if other == scope + last and is_state and step["axes"][-2:] == ["step", "unit"]:
            numbers = asked.read(other)
            if numbers is not None and numbers.shape == hidden.shape:
                found[last.replace("_", " ")] = numbers
    remark = ""
    if hidden.ndim > 2:
        count = int(np.prod(hidden.shape[:-2]))
        found = {last: numbers.reshape(-1, *numbers.shape[-2:])[0] for last, numbers in found.items()}
        remark = f"The first of {count} sequences is drawn" if count > 1 else ""
    steps, units = hidden.shape[-2:]
    check_size(steps, units)
    words = "Gates and states" if len(found) > 1 else "Hidden states"
    numbers_of_steps = np.arange(1.0, steps + 1)
    if units * len(found) <= MOST_LINES and steps > 1:
        series = [
            Series(last if units == 1 else f"{last}, unit {unit}", numbers_of_steps, numbers[:, unit])
            for last, numbers in found.items()
            for unit in range(units)
        ]
        title = _title(f"{words} over time", name)
        return [LineChart(title, "step", "value", series, is_counted=True, remark=remark)]
    panels = [Panel(last if len(found) > 1 else "", numbers.T) for last, numbers in found.items()]
    labels = [str(step) for step in range(1, steps + 1)]
    return [
        HeatMap(
            _title(f"{words} over time", name),
            "unit",
            "step",
            count_labels(units),
            labels,
            panels,
            remark=remark,
        )
    ]


def _draw_positions(asked: Asked, name: str, encoding: Numbers) -> Sequence[Chart]:
    panels, remark = split_panels(encoding, asked.steps[name]["axes"])
    rows, columns = (count_labels(size) for size in encoding.shape[-2:])
    first = str(asked.steps[name]["axes"][-2])
    return [HeatMap("Encoding of positions", first, "column", rows, columns, panels, remark=remark)]


def _draw_function(asked: Asked, name: str, output: Numbers) -> Sequence[Chart]:
    x = asked.read("x")
    return [] if x is None or asked.operation is None else draw_activation(asked.operation, asked.request, x)


def _draw_gradients(asked: Asked) -> list[Chart]:
    """Return the norms of gradients by time step, and by layer."""
    by_step: dict[str, list[tuple[int, float]]] = {}
    by_layer: dict[str, dict[int, float]] = {}
    aliases = asked.answer.get("aliases", {})
    for name in asked.answer["gradients"]:
        if (match := MEMBER.fullmatch(name)) is not None:
            squares = _sum_squares(asked.read_gradient(name))
            if squares is not None:
                by_step.setdefault(match[1], []).append((int(match[2]), squares**0.5))
        elif name not in asked.steps and name not in aliases and (match := LAYER.fullmatch(name)):
            declared = None if asked.operation is None else asked.operation.find_input(name)
            squares = _sum_squares(asked.read_gradient(name))
            if declared is not None and declared.parameter and squares is not None:
                layers = by_layer.setdefault(match[1], {})
                layers[int(match[2])] = layers.get(int(match[2]), 0.0) + squares
    charts: list[Chart] = []
    series = [
        Series(
            scope.rstrip(".") or "norm",
            np.array([float(step) for step, _ in sorted(norms)]),
            np.array([norm for _, norm in sorted(norms)]),
        )
        for scope, norms in by_step.items()
        if LEAST_STEPS <= len(norms) <= MOST_STEPS
    ]
    if series and len(series) <= MOST_LINES:
        norms = np.concatenate([each.y for each in series])
        has_log = bool(norms.min() > 0 and norms.max() / norms.min() > LOG_RATIO)
        title = "Norm of the gradient of the hidden state, by time step"
        charts.append(LineChart(title, "step", "norm", series, has_log_y=has_log, is_counted=True))
    for scope, layers in by_layer.items():
        if 2 <= len(layers) <= MOST_PLACES:
            labels = [f"layer {layer}" for layer in sorted(layers)]
            norms = np.array([layers[layer] ** 0.5 for layer in sorted(layers)])
            of = f" of {scope.rstrip('.')}" if scope else ""
            charts.append(BarChart(f"Norm of the gradient of all parameters{of}, by layer", "layer", "norm",
                                   labels, norms))  # fmt: skip
    return charts[:MOST]


def _sum_squares(numbers: Numbers | None) -> float | None:
    if numbers is None or not np.isfinite(numbers).all():
        return None
    return float(np.square(numbers).sum())


def _takes_kernel(operation: Operation | None) -> bool:
    return operation is not None and "kernel" in operation.inputs


def _has_derivative(operation: Operation | None) -> bool:
    return operation is not None and "derivative" in operation.values


def _encodes_positions(operation: Operation | None) -> bool:
    return operation is not None and "positions" in operation.values


def _index_rules(rules: Sequence[Rule]) -> Mapping[str, Sequence[Rule]]:
    named: dict[str, list[Rule]] = {}
    for rule in rules:
        named.setdefault(rule.name, []).append(rule)
    return named


RULES = _index_rules(
    (
        Rule("weights", (("query", "key"), ("key", "query"), ("query", "offset")), _draw_attention),
        Rule("winners", (("row", "column"), ("position",)), _draw_winners),
        Rule("output", (("row", "column"), ("position",)), _draw_convolution, _takes_kernel),
        Rule("hidden", (("step", "unit"),), _draw_states),
        Rule("output", (("position", "column"),), _draw_positions, _encodes_positions),
        Rule("position_rows", (("token", "d_model"),), _draw_positions),
        Rule("output", ((),), _draw_function, _has_derivative),
    )
)
