"""Places of the boxes and lines of a flow chart, in layers from top to bottom.

The layer of a box is the longest path that leads to it; a box without any stands right above the first one
that uses it. Lines past other boxes get places among these, and all lines from one box share them. Each layer
is ordered by the mean place of its neighbours, and boxes move as close to below their neighbours as the order
allows.

Source: Sugiyama, Tagawa and Toda, Methods for visual understanding of hierarchical system structures (1981).
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

Pair: TypeAlias = tuple[float, float]
"""The first along x, the second along y, in pixels."""

APART, BELOW = 16, 34  # pixels between boxes of a layer, and between layers
PASSING = 6  # the width of a line that passes a layer
SWEEPS = 12  # down and up, to order layers
MOVES, LAST = 10, 2  # down and up, to place boxes: towards one side, and then towards both
STRAIGHT = 6  # how much more a line that goes on counts than one that ends


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a line from one layer to the next. has_head: whether it ends in a box."""

    start: Pair
    end: Pair
    has_head: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The centres of boxes, the lines between layers, and those straight through a layer, in pixels."""

    centres: list[Pair]
    lines: list[Line]
    passing: list[tuple[Pair, Pair]]
    width: float
    height: float


@dataclass(slots=True)
class _Place:
    """A box, or the place where lines from a box pass a layer.

    box: the place of the box among all; None for lines.
    """

    layer: int
    width: float
    box: int | None = None
    x: float = 0.0
    above: "list[_Place]" = field(default_factory=list)
    below: "list[_Place]" = field(default_factory=list)
    order: int = 0


def arrange(sizes: Sequence[Pair], edges: Sequence[tuple[int, int]]) -> Layout:
    """Return the places of boxes and lines.

    sizes: the width and the height of each box.
    edges: pairs of places of boxes, the first before the second.
    """
    layers = _fill_layers(sizes, edges)
    _order(layers)
    _spread(layers)
    return _measure(layers, sizes)


def find_ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the layer of each box."""
    ranks = [0] * count
    uses: list[list[int]] = [[] for _ in range(count)]
    is_source = [True] * count
    for source, target in edges:
        uses[source].append(target)
        is_source[target] = False
    for source in range(count):  # all edges lead to later boxes
        for target in uses[source]:
            ranks[target] = max(ranks[target], ranks[source] + 1)
    for source in range(count):
        if is_source[source] and uses[source]:
            ranks[source] = min(ranks[target] for target in uses[source]) - 1
    return ranks


def _fill_layers(sizes: Sequence[Pair], edges: Sequence[tuple[int, int]]) -> list[list[_Place]]:
    """Return the places of each layer with their neighbours in the layers above and below."""
    ranks = find_ranks(len(sizes), edges)
    boxes = [_Place(ranks[box], sizes[box][0], box) for box in range(len(sizes))]
    layers: list[list[_Place]] = [[] for _ in range(max(ranks, default=0) + 1)]
    for place in boxes:
        layers[place.layer].append(place)
    last: dict[int, list[_Place]] = {}  # the places of the lines from a box, from its own layer down
    for source, target in edges:
        chain = last.setdefault(source, [boxes[source]])
        while len(chain) < ranks[target] - ranks[source]:
            passing = _Place(chain[-1].layer + 1, PASSING)
            layers[passing.layer].append(passing)
            _join(chain[-1], passing)
            chain.append(passing)
        _join(chain[ranks[target] - ranks[source] - 1], boxes[target])
    return layers


def _join(upper: _Place, lower: _Place) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _order(layers: list[list[_Place]]) -> None:
    """Order each layer by the mean place of its neighbours, above and below in turn; keep the best order."""
    _number(layers)
    best, fewest = [[*layer] for layer in layers], count_crossings(layers)
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        for layer in layers[1:] if is_down else reversed(layers[:-1]):
            means = {}
            for place in layer:
                beside = place.above if is_down else place.below
                means[id(place)] = (
                    sum(other.order for other in beside) / len(beside) if beside else float(place.order)
                )
            layer.sort(key=lambda place: means[id(place)])
            _number([layer])
        crossings = count_crossings(layers)
        if crossings < fewest:
            best, fewest = [[*layer] for layer in layers], crossings
    layers[:] = best
    _number(layers)


def _number(layers: list[list[_Place]]) -> None:
    for layer in layers:
        for order, place in enumerate(layer):
            place.order = order


def count_crossings(layers: Sequence[Sequence[_Place]]) -> int:
    """Return how many pairs of lines between neighbouring layers cross."""
    crossings = 0
    for layer in layers:
        ends: list[int] = []
        for place in layer:
            lower = sorted(other.order for other in place.below)
            crossings += sum(len(ends) - bisect_right(ends, end) for end in lower)
            for end in lower:
                insort(ends, end)
    return crossings


def _spread(layers: list[list[_Place]]) -> None:
    """Place boxes side by side, then move each layer towards its neighbours, down and up in turn."""
    for layer in layers:
        _settle(layer, [0.0] * len(layer))
    for move in range(MOVES + LAST):
        is_down = move % 2 == 0
        for layer in layers if is_down else reversed(layers):
            is_last = move >= MOVES
            wanted = [
                _mean(
                    [*place.above, *place.below] if is_last else place.above if is_down else place.below,
                    place,
                )
                for place in layer
            ]
            _settle(layer, wanted)


def _mean(beside: Sequence[_Place], place: _Place) -> float:
    """Return the mean place of neighbours, in which lines that go on count more."""
    if not beside:
        return place.x
    weights = [STRAIGHT if place.box is None and other.box is None else 1 for other in beside]
    return sum(weight * other.x for weight, other in zip(weights, beside, strict=True)) / sum(weights)


def _settle(layer: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Move the places of a layer as close to the wanted ones as their order and widths allow.

    This is isotonic regression: neighbours that want to pass each other are moved together, by their mean.
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + APART)
    groups: list[tuple[float, int]] = []  # the sum of the wanted starts, and the number of places
    for start in (want - offset for want, offset in zip(wanted, offsets, strict=True)):
        total, count = start, 1
        while groups and groups[-1][0] * count >= total * groups[-1][1]:
            total, count = total + groups[-1][0], count + groups[-1][1]
            groups.pop()
        groups.append((total, count))
    starts = [total / count for total, count in groups for _ in range(count)]
    for place, start, offset in zip(layer, starts, offsets, strict=True):
        place.x = start + offset


def _measure(layers: Sequence[Sequence[_Place]], sizes: Sequence[Pair]) -> Layout:
    """Return the layout in pixels from the upper left corner."""
    places = [place for layer in layers for place in layer]
    left = min((place.x - place.width / 2 for place in places), default=0.0) - 1
    width = max((place.x + place.width / 2 for place in places), default=0.0) + 1 - left
    tops, heights, y = [], [], 1.0
    for layer in layers:
        tops.append(y)
        heights.append(max((sizes[place.box][1] for place in layer if place.box is not None), default=0.0))
        y += heights[-1] + BELOW
    middles = [top + height / 2 for top, height in zip(tops, heights, strict=True)]
    centres: list[Pair] = [(0.0, 0.0)] * len(sizes)
    lines: list[Line] = []
    passing: list[tuple[Pair, Pair]] = []
    for place in places:
        x, at = place.x - left, place.layer
        if place.box is None:
            if heights[at]:
                passing.append(((x, tops[at]), (x, tops[at] + heights[at])))
            bottom = tops[at] + heights[at]
        else:
            centres[place.box] = x, middles[at]
            bottom = middles[at] + sizes[place.box][1] / 2
        for lower in place.below:
            if lower.box is None:
                lines.append(Line((x, bottom), (lower.x - left, tops[at + 1]), has_head=False))
            else:
                top = middles[at + 1] - sizes[lower.box][1] / 2
                lines.append(Line((x, bottom), (_find_port(place, lower) - left, top), has_head=True))
    return Layout(centres, lines, passing, width, y - BELOW + 1)


def _find_port(place: _Place, box: _Place) -> float:
    """Return where the line from a place meets the upper side of a box: side by side, in their order."""
    from_left = sorted(box.above, key=lambda other: other.x)
    count = len(from_left)
    step = min(14.0, (box.width - 20) / count)
    return box.x + (next(at for at, other in enumerate(from_left) if other is place) - (count - 1) / 2) * step
