"""The loss on a grid around a trace."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import at, describe
from compute.optimizers.run.objective import Parameters, ProgramObjective

MARGIN = 0.25  # added on each side, relative to the trace's extent
MIN_EXTENT = 1.0  # of a grid around a trace that does not move
MAX_MAGNITUDE = 1e150  # of a grid's points
PLACE = re.compile(r"(\w+)(?:\[(\d+(?:\s*,\s*\d+)*)\])?", re.ASCII)

Entry = tuple[str, tuple[int, ...]]
"""An entry of a parameter: its name and index."""


@dataclass(frozen=True)
class Surface:
    """The loss at the points of a grid: `loss[i][j]` at point i of the first axis and j of the second.

    All other entries of parameters are those at the trace's end.
    """

    axes: tuple[str, str]
    points: tuple[Array, Array]
    loss: Array


class Extent:
    """The range of two entries over the steps of a trace."""

    def __init__(self, places: Sequence[Entry]) -> None:
        self.entries = places
        self.low, self.high = [np.inf, np.inf], [-np.inf, -np.inf]

    def include(self, parameters: Parameters) -> None:
        for axis, (name, index) in enumerate(self.entries):
            value = float(parameters[name][index])
            if abs(value) < MAX_MAGNITUDE:  # a diverging trace does not stretch the grid
                self.low[axis], self.high[axis] = min(self.low[axis], value), max(self.high[axis], value)


def surface_entries(names: Sequence[str] | None, parameters: Parameters) -> list[Entry]:
    """Return the two entries along the axes of a surface; by default all that the parameters have.

    Raises QuestionErrors unless these are two different entries.
    """
    all_entries = [(name, index) for name, array in parameters.items() for index in np.ndindex(array.shape)]
    if names is None:
        if len(all_entries) != 2:
            message = "needs two entries of parameters to run over"
            expected = 'two parameters that are numbers, one of two entries, or "over": ["w[0]", "b"]'
            raise at(("surface",), message, expected, f"{len(all_entries)} in all")
        return all_entries
    entries = []
    for position, text in enumerate(names):
        entry = parse_entry(text)
        if entry not in all_entries or entry in entries:
            expected = "two different entries such as " + " and ".join(map(entry_name, all_entries[:2]))
            raise at(
                ("surface", "over", position),
                "is not an entry of a parameter, or is named twice",
                expected,
                describe(text),
            )
        entries.append(entry)
    return entries


def parse_entry(text: str) -> Entry:
    """Return the entry of a name such as `w[0, 1]`; an entry with an empty name if the text is invalid."""
    match = PLACE.fullmatch(text)
    if match is None:
        return "", ()
    return match[1], tuple(int(index) for index in match[2].split(",")) if match[2] else ()


def entry_name(entry: Entry) -> str:
    """Return the name of an entry, such as `w[0,1]`."""
    name, index = entry
    return name + (f"[{','.join(map(str, index))}]" if index else "")


@np.errstate(all="ignore")
def compute_surface(
    objective: ProgramObjective,
    end: Parameters,
    extent: Extent,
    points: int,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Surface:
    """Evaluate the loss on all data over a grid: the trace with a margin, or given ranges by entry."""
    axes = []
    for axis, entry in enumerate(extent.entries):
        low, high = extent.low[axis], extent.high[axis]
        if low > high:  # no step was finite
            low = high = 0.0
        extent_width = max(high - low, 0.0)
        margin = MARGIN * extent_width if extent_width > 0 else MIN_EXTENT / 2
        given_range = (ranges or {}).get(entry_name(entry))
        low, high = given_range or (low - margin, high + margin)
        axes.append(np.linspace(low, high, points))
    loss = np.empty((points, points))
    dtype = next(iter(end.values())).dtype
    parameters = {name: np.array(array, dtype=dtype) for name, array in end.items()}
    for i, first in enumerate(axes[0]):
        for j, second in enumerate(axes[1]):
            for (name, index), value in zip(extent.entries, (first, second), strict=True):
                parameters[name][index] = value
            loss[i, j] = float(objective.loss(parameters))
    first_entry, second_entry = extent.entries
    return Surface((entry_name(first_entry), entry_name(second_entry)), (axes[0], axes[1]), loss)
