"""The loss on a grid around a trace, to be drawn with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import at, describe
from compute.optimizers.objective import Parameters, ProgramObjective

MARGIN = 0.25  # of the trace's extent that is added on each side
LEAST = 1.0  # extent of a grid, where the trace stands still
FARTHEST = 1e150  # of a grid from zero
PLACE = re.compile(r"(\w+)(?:\[(\d+(?:\s*,\s*\d+)*)\])?", re.ASCII)

Place = tuple[str, tuple[int, ...]]
"""An entry of a parameter: its name and index."""


@dataclass(frozen=True)
class Surface:
    """The loss at the points of a grid: `loss[i][j]` at the i-th of the first axis and the j-th of the
    second.

    The other entries of parameters stand at the trace's end.
    """

    axes: tuple[str, str]
    points: tuple[Array, Array]
    loss: Array


class Extent:
    """How far two entries went, step by step."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self.low, self.high = [np.inf, np.inf], [-np.inf, -np.inf]

    def see(self, parameters: Parameters) -> None:
        for axis, (name, index) in enumerate(self.places):
            worth = float(parameters[name][index])
            if abs(worth) < FARTHEST:  # where a trace diverges to is not where it is to be looked at
                self.low[axis], self.high[axis] = min(self.low[axis], worth), max(self.high[axis], worth)


def places_of(named: Sequence[str] | None, parameters: Parameters) -> list[Place]:
    """The two entries that a surface runs over; if none are named, all that there are.

    Raises QuestionErrors where these are not two entries.
    """
    everything = [(name, at) for name, one in parameters.items() for at in np.ndindex(one.shape)]
    if named is None:
        if len(everything) != 2:
            message = "needs two entries of parameters to run over"
            expected = 'two parameters that are numbers, one of two entries, or "over": ["w[0]", "b"]'
            raise at(("surface",), message, expected, f"{len(everything)} in all")
        return everything
    found = []
    for number, text in enumerate(named):
        place = place_of(text)
        if place not in everything or place in found:
            expected = "two different entries such as " + " and ".join(map(entry_name, everything[:2]))
            raise at(("surface", "over", number), "is no entry of a parameter", expected, describe(text))
        found.append(place)
    return found


def place_of(text: str) -> Place:
    """The entry of a name such as `w[0, 1]`; one without a name where it is none."""
    match = PLACE.fullmatch(text)
    if match is None:
        return "", ()
    return match[1], tuple(int(one) for one in match[2].split(",")) if match[2] else ()


def entry_name(place: Place) -> str:
    """An entry by name, such as `w[0,1]`."""
    name, index = place
    return name + (f"[{','.join(map(str, index))}]" if index else "")


@np.errstate(all="ignore")
def surface(
    objective: ProgramObjective,
    end: Parameters,
    extent: Extent,
    points: int,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Surface:
    """The loss of all data on a grid that holds the trace with a margin, or over ranges by entry."""
    lines = []
    for axis, place in enumerate(extent.places):
        low, high = extent.low[axis], extent.high[axis]
        if low > high:  # nothing finite was seen
            low = high = 0.0
        wide = max(high - low, 0.0)
        margin = MARGIN * wide if wide > 0 else LEAST / 2
        said = (ranges or {}).get(entry_name(place))
        low, high = said or (low - margin, high + margin)
        lines.append(np.linspace(low, high, points))
    loss = np.empty((points, points))
    dtype = next(iter(end.values())).dtype
    base = {name: np.array(one, dtype=dtype) for name, one in end.items()}
    for i, first in enumerate(lines[0]):
        for j, second in enumerate(lines[1]):
            for (name, index), worth in zip(extent.places, (first, second), strict=True):
                base[name][index] = worth
            loss[i, j] = float(objective.loss(base))
    first_place, second_place = extent.places
    return Surface((entry_name(first_place), entry_name(second_place)), (lines[0], lines[1]), loss)
