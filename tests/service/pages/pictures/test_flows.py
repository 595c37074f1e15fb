"""Flow charts as SVG: names in their boxes, heads at the ends of arrows, and kinds."""

import re

import pytest

from service.pages.pictures.charts import FlowChart, FlowNode
from service.pages.pictures.flows import arrange_flow, split_name
from tests.service.pages.pictures.drawings import KINDS, Drawing


def flow_chart(edges: list[tuple[int, int]], count: int, kind: str = "value") -> FlowChart:
    nodes = [FlowNode(f"name_{place}", kind, "(2, 2)" * (place % 2)) for place in range(count)]
    return FlowChart("T", nodes, edges, "")


@pytest.mark.parametrize("kind", KINDS)
def test_names_stand_in_their_boxes(kind: str) -> None:
    chart = flow_chart([(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)], 4, kind)
    drawing, (layout, sizes) = Drawing(chart), arrange_flow(chart)
    labels = {text: (x, y) for x, y, text in drawing.read_labels()}
    for node, (x, y), (width, height) in zip(chart.nodes, layout.centres, sizes, strict=True):
        across, down = labels[node.name]
        assert across == pytest.approx(x, abs=0.1)
        assert y - height / 2 < down - 8
        assert down < y + height / 2
        assert 6 * len(node.name) < width
        assert 0 <= x - width / 2 < x + width / 2 <= drawing.width
        assert y + height / 2 <= drawing.height


def test_every_arrow_has_a_head_at_its_box() -> None:
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)]
    chart = flow_chart(edges, 5)
    (layout, sizes), [heads] = arrange_flow(chart), Drawing(chart).find_paths("f")
    ends = [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)l", heads)]
    assert len(ends) == len(edges)
    for place, ((x, y), (width, height)) in enumerate(zip(layout.centres, sizes, strict=True)):
        at_box = [end for end in ends if abs(end[1] - (y - height / 2)) < 0.2 and abs(end[0] - x) < width / 2]
        assert len(at_box) == sum(target == place for _, target in edges)


def test_kinds_are_explained_if_there_are_several() -> None:
    nodes = [FlowNode(kind[0], kind) for kind in KINDS]
    labels = [text for _, _, text in Drawing(FlowChart("T", nodes, [], "")).read_labels()]
    assert labels[-len(KINDS) :] == [*KINDS]
    assert len(Drawing(flow_chart([], 2)).read_labels()) == 3


@pytest.mark.parametrize(
    ("name", "part", "last"),
    [
        ("attention.weights", "", "attention.weights"),
        ("feed_forward_norm.normalized", "feed_forward_norm", "normalized"),
        ("encoder.layer[0].attention_norm.gain", "…layer[0].attention_norm", "gain"),
        ("x" * 40, "", "x" * 35 + "…"),
    ],
)
def test_long_names_are_split(name: str, part: str, last: str) -> None:
    assert split_name(name) == (part, last)
