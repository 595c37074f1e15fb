"""Layers of flow charts: nothing overlaps, lines end at their boxes, and crossings are few."""

import random
from itertools import combinations

import pytest

from service.pages.pictures.layers import APART, Layout, Line, Pair, arrange, find_ranks

Edges = list[tuple[int, int]]


def random_graph(count: int, edges: int, seed: int) -> Edges:
    chosen = random.Random(seed).sample([*combinations(range(count), 2)], edges)
    return sorted(chosen)


GRAPHS: dict[str, tuple[int, Edges]] = {
    "one": (1, []),
    "apart": (4, []),
    "a chain": (5, [(0, 1), (1, 2), (2, 3), (3, 4)]),
    "a long way round": (5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]),
    "many uses": (60, [(0, place) for place in range(1, 60)]),
    "a ladder": (60, [(place, place + 1) for place in range(59)] + [(0, place) for place in range(2, 60)]),
    **{f"random {seed}": (30, random_graph(30, 60, seed)) for seed in range(6)},
    "dense": (60, random_graph(60, 150, 7)),
}


def longest_path(place: int, edges: Edges) -> int:
    return max((1 + longest_path(source, edges) for source, target in edges if target == place), default=0)


def lay_out(count: int, edges: Edges) -> tuple[Layout, list[Pair]]:
    sizes = [(40.0 + 30 * (place % 3), 21.0 + 15 * (place % 2)) for place in range(count)]
    return arrange(sizes, edges), sizes


@pytest.mark.parametrize(("count", "edges"), GRAPHS.values(), ids=GRAPHS)
def test_layers_are_longest_paths(count: int, edges: Edges) -> None:
    ranks = find_ranks(count, edges)
    assert all(ranks[source] < ranks[target] for source, target in edges)
    for place in range(min(count, 12)):
        if any(target == place for _, target in edges):
            assert ranks[place] == longest_path(place, edges)
        elif uses := [ranks[target] for source, target in edges if source == place]:
            assert ranks[place] == min(uses) - 1, "right above its first use"


@pytest.mark.parametrize(("count", "edges"), GRAPHS.values(), ids=GRAPHS)
def test_boxes_and_lines_past_them_do_not_overlap(count: int, edges: Edges) -> None:
    layout, sizes = lay_out(count, edges)
    boxes = [
        (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
        for (x, y), (width, height) in zip(layout.centres, sizes, strict=True)
    ]
    for left, right, top, bottom in boxes:
        assert 0 <= left < right <= layout.width
        assert 0 <= top < bottom <= layout.height
    for one, other in combinations(boxes, 2):
        is_apart = one[1] + APART <= other[0] + 1e-6 or other[1] + APART <= one[0] + 1e-6
        assert is_apart or one[3] < other[2] or other[3] < one[2]
    for (x, top), (_, bottom) in layout.passing:
        assert not any(box[0] < x < box[1] and box[2] < bottom and top < box[3] for box in boxes)


@pytest.mark.parametrize(("count", "edges"), GRAPHS.values(), ids=GRAPHS)
def test_lines_lead_from_each_box_to_those_that_use_it(count: int, edges: Edges) -> None:
    layout, sizes = lay_out(count, edges)
    tops = {place: y - sizes[place][1] / 2 for place, (_, y) in enumerate(layout.centres)}
    bottoms = {place: y + sizes[place][1] / 2 for place, (_, y) in enumerate(layout.centres)}
    onward: dict[Pair, list[Line]] = {}
    for line in layout.lines:
        onward.setdefault(_round(line.start), []).append(line)
    through = {_round(top): _round(bottom) for top, bottom in layout.passing}
    drawn = set()
    for place, (x, _) in enumerate(layout.centres):
        pending = [_round((x, bottoms[place]))]
        while pending:
            for line in onward.get(pending.pop(), ()):
                if line.has_head:
                    [end] = [
                        other
                        for other, (across, _) in enumerate(layout.centres)
                        if abs(tops[other] - line.end[1]) < 1e-6
                        and abs(across - line.end[0]) < sizes[other][0] / 2
                    ]
                    drawn.add((place, end))
                else:
                    pending.append(through[_round(line.end)])
    assert drawn == {*edges}
    assert sum(line.has_head for line in layout.lines) == len(edges)


def _round(point: Pair) -> Pair:
    return round(point[0], 6), round(point[1], 6)


def count_crossings(layout: Layout) -> int:
    """Return how many lines cross, from where they start and end."""
    crossings = 0
    for one, other in combinations(layout.lines, 2):
        overlap = one.start[1] < other.end[1] and other.start[1] < one.end[1]
        if overlap and (one.start[0] - other.start[0]) * (one.end[0] - other.end[0]) < -1e-6:
            crossings += 1
    return crossings


@pytest.mark.parametrize(
    "edges",
    [
        [(0, 5), (1, 4), (2, 3)],  # three lines in the opposite order
        [(0, 4), (0, 6), (1, 5), (2, 4), (3, 5)],  # two groups, shuffled
        [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)],
    ],
)
def test_lines_that_need_not_cross_do_not(edges: Edges) -> None:
    layout, _ = lay_out(1 + max(target for _, target in edges), edges)
    assert count_crossings(layout) == 0


def test_crossings_are_fewer_than_in_the_order_of_computation() -> None:
    edges = [(place, 10 + (7 * place) % 10) for place in range(10)]
    layout, _ = lay_out(20, edges)
    assert count_crossings(layout) == 0


def test_a_chain_is_straight() -> None:
    layout, _ = lay_out(5, GRAPHS["a chain"][1])
    assert len({round(x, 6) for x, _ in layout.centres}) == 1
