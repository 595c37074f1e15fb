"""Flow charts as SVG: boxes by kind, with curves between them."""

from collections.abc import Sequence

from service.pages.pictures.charts import FlowChart, FlowNode
from service.pages.pictures.elements import LINE, cut_label, measure_text, px, write_label, write_rectangle
from service.pages.pictures.layers import Layout, Pair, arrange

HEAD = (3.5, 7)  # half the width of the head of an arrow, and its length
LONGEST_NAME = 24  # letters of a line of a name in a box
SLANT = 5  # of the sides of a parameter's box
BOX_CLASSES = {"value": "n", "parameter": "n y", "input": "n i", "given": "n v", "unknown": "n u"}


def arrange_flow(chart: FlowChart) -> tuple[Layout, list[Pair]]:
    """Return the layout of a flow chart, and the width and height of each box."""
    sizes: list[Pair] = []
    for node in chart.nodes:
        lines = [line for line in (*split_name(node.name), node.detail) if line]
        sizes.append((max(map(measure_text, lines)) + 2 * (SLANT + 4), len(lines) * LINE + 6))
    return arrange(sizes, chart.edges), sizes


def split_name(name: str) -> tuple[str, str]:
    """Return the part of a model that a long name begins with, and the rest; no part in a short name.

    The part ends the same, but may begin with dots in the place of outer parts.
    """
    part, _, last = name.rpartition(".")
    if len(name) <= LONGEST_NAME or not part:
        return "", cut_label(name)
    shown = part
    while len(shown) > LONGEST_NAME and "." in shown:
        shown = shown.partition(".")[2]
    return cut_label(shown if shown == part else f"…{shown}"), cut_label(last)


def draw_flow(chart: FlowChart) -> tuple[float, float, str]:
    """Return the width and the height of a flow chart, and its elements."""
    layout, sizes = arrange_flow(chart)
    lines = "".join(_write_curve(line.start, line.end, line.has_head) for line in layout.lines)
    lines += "".join(f"M{px(x)} {px(top)}V{px(bottom)}" for (x, top), (_, bottom) in layout.passing)
    heads = "".join(_write_head(*line.end) for line in layout.lines if line.has_head)
    shapes: dict[str, str] = {}
    names, details = "", ""
    for node, (x, y), (width, height) in zip(chart.nodes, layout.centres, sizes, strict=True):
        outline = _write_outline(node.kind, x - width / 2, y - height / 2, width, height)
        shapes[node.kind] = shapes.get(node.kind, "") + outline
        part, name = split_name(node.name)
        line = y - height / 2 + LINE - 1
        if part:
            details += write_label(x, line, part)
            line += LINE
        names += write_label(x, line, name)
        details += write_label(x, line + LINE, node.detail) if node.detail else ""
    key, width, height = _draw_kinds(chart.nodes, layout.height + 12)
    body = f'<path class="a" d="{lines}"/><path class="f" d="{heads}"/>' if chart.edges else ""
    body += "".join(f'<path class="{BOX_CLASSES[kind]}" d="{shapes[kind]}"/>' for kind in shapes)
    body += f'<g class="c"><g class="b">{names}</g>{details}</g>{key}'
    return max(layout.width, width), height, body


def _write_curve(start: Pair, end: Pair, has_head: bool) -> str:
    """Return a line that leaves and arrives upright, up to the head of its arrow."""
    (x0, y0), (x1, y1) = start, end
    y1 -= HEAD[1] * has_head
    if abs(x1 - x0) < 0.5:
        return f"M{px(x1)} {px(y0)}V{px(y1)}"
    middle = px((y0 + y1) / 2)
    return f"M{px(x0)} {px(y0)}C{px(x0)} {middle} {px(x1)} {middle} {px(x1)} {px(y1)}"


def _write_head(x: float, y: float) -> str:
    half, length = HEAD
    return f"M{px(x)} {px(y)}l-{half} -{length}h{2 * half:g}z"


def _write_outline(kind: str, x: float, y: float, width: float, height: float) -> str:
    """Return the outline of a box, which depends on its kind beside its colour."""
    if kind == "parameter":
        slanted = px(width - SLANT)
        return f"M{px(x + SLANT)} {px(y)}h{slanted}l-{SLANT} {px(height)}h-{slanted}z"
    if kind in ("input", "unknown"):
        r = min(height / 2, LINE)
        across, down = px(width - 2 * r), px(height - 2 * r)
        arc = f"a{px(r)} {px(r)} 0 0 1"
        return (
            f"M{px(x + r)} {px(y)}h{across}{arc} {px(r)} {px(r)}v{down}{arc} -{px(r)} {px(r)}"
            f"h-{across}{arc} -{px(r)} -{px(r)}v-{down}{arc} {px(r)} -{px(r)}z"
        )
    outline = write_rectangle(x, y, width, height)
    return outline + write_rectangle(x + 3, y, width - 6, height) if kind == "given" else outline


def _draw_kinds(nodes: Sequence[FlowNode], top: float) -> tuple[str, float, float]:
    """Return the meaning of outlines below a picture, and how far it reaches; nothing for a single kind."""
    kinds = list(dict.fromkeys(node.kind for node in nodes))
    if len(kinds) < 2:
        return "", 0.0, top - 10
    body, at = "", 1.0
    for kind in kinds:
        body += f'<path class="{BOX_CLASSES[kind]}" d="{_write_outline(kind, at, top, 26, 12)}"/>'
        body += write_label(at + 32, top + 10, kind)
        at += 32 + measure_text(kind) + 16
    return body, at, top + 14
