"""An activation with its derivative as curves, and the points that were sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from compute.errors import QuestionErrors
from compute.operations.framework.declaration import Operation
from compute.question.limits import Limits
from service.arrays import unpack_arrays
from service.pages.pictures.charts import Chart, LineChart, Numbers, Series
from service.pages.pictures.tensors import read_numbers
from service.questions.operations import understand

REACH = 4.0  # of the curves to either side of zero, if no point is further away
POINTS = 81  # of each curve beside the points that were sent
MOST_SENT = 40  # points that are marked
LIMITS = Limits(work=1_000_000, entries=100_000, answer=10_000)


def draw_activation(operation: Operation, request: Mapping[str, Any], x: Numbers) -> Sequence[Chart]:
    """Return the curves of the function that a request asks for, and the points of x on it.

    operation: the one that was asked, which computes `output` and `derivative`.

    None are drawn if a setting is a symbol, or a slope is not one number.
    """
    sent = np.unique(x[np.isfinite(x)])
    if not sent.size or abs(sent).max() > 1e6:
        return []
    low, high = min(-REACH, float(sent[0])), max(REACH, float(sent[-1]))
    marked = sent[:: -(-len(sent) // MOST_SENT)]
    grid = np.unique(np.concatenate([np.linspace(low, high, POINTS), marked, [0.0]]))
    curves = _evaluate(operation, request, grid)
    if curves is None:
        return []
    output, derivative = curves
    name = str(request["function"])
    points = Series("sent", marked, output[np.searchsorted(grid, marked)], is_scattered=True)
    series = [Series(name, grid, output), Series("derivative", grid, derivative), points]
    series = [one for one in series if np.isfinite(one.y).any()]
    title = f"{name} and its derivative"
    remark = "" if len(marked) == len(sent) else f"{len(marked)} of {len(sent)} points are marked"
    return [LineChart(title, "x", "value", series, remark=remark)] if series else []


def _evaluate(
    operation: Operation, request: Mapping[str, Any], grid: Numbers
) -> tuple[Numbers, Numbers] | None:
    """Return the function and its derivative at the points of a grid; None if they need more than numbers."""
    settings = {name: request[name] for name in operation.attributes if name in request}
    slope = request.get("slope")
    if slope is not None:
        numbers = read_numbers(slope)
        if numbers is None or numbers.size != 1:
            return None
        settings["slope"] = float(numbers.ravel()[0])
    names = ["output", "derivative"]
    question = {**settings, "x": grid.tolist(), "select": names, "encoding": "packed"}
    try:
        answer = unpack_arrays(orjson.loads(understand(operation.name, question, LIMITS).answer()))
    except QuestionErrors:  # such as a setting that is a symbol in exact arithmetic
        return None
    output, derivative = (read_numbers(answer["values"][name]) for name in names)
    return None if output is None or derivative is None else (output, derivative)
