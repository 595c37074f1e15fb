"""Reading of Mermaid flowcharts, by a grammar that is narrower than Mermaid's own."""

import re
from dataclasses import dataclass, field

# The signs of Mermaid's grammar are left out of labels, except as numbers of letters: `#34;`.
LABEL = r'"(?P<label>(?:[^"#<>&;`\\{}|%\n]|#\d+;)*)"'
SHAPES = {"[/": ("/]", "parameter"), "([": ("])", "input"), "[[": ("]]", "given"), "[": ("]", "value"),
          "((": ("))", "unknown")}  # fmt: skip
OPENING = "|".join(re.escape(shape) for shape in sorted(SHAPES, key=len, reverse=True))
NODE = re.compile(rf"(?P<id>n\d+)(?P<open>{OPENING}){LABEL}(?P<close>[^\w\s]+)")
EDGE = re.compile(r"(?P<source>n\d+) --> (?P<target>n\d+)")
SUBGRAPH = re.compile(rf"subgraph (?P<id>s\d+)\[{LABEL}\]")


@dataclass
class Flowchart:
    """labels, kinds: by identifier. parts: the titles around each node. edges: pairs of identifiers."""

    labels: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def named_edges(self) -> set[tuple[str, str]]:
        """Return the edges between full names."""
        return {(self.name(source), self.name(target)) for source, target in self.edges}

    def name(self, node: str) -> str:
        """Return the full name of a node: its parts and the first word of its label."""
        return ".".join([*self.parts[node], self.labels[node].split(" ")[0]])


def read_flowchart(text: str) -> Flowchart:
    """Return a flowchart. Fails for a line that the grammar lacks, or an edge without its nodes."""
    first, *lines = text.split("\n")
    assert first == "flowchart LR"
    chart, open_parts, used = Flowchart(), list[str](), set[str]()
    for line in map(str.strip, lines):
        if line == "end":
            open_parts.pop()
        elif match := SUBGRAPH.fullmatch(line):
            assert match["id"] not in used
            used.add(match["id"])
            open_parts.append(_decode(match["label"]))
        elif match := NODE.fullmatch(line):
            closing, kind = SHAPES[match["open"]]
            assert match["close"] == closing and match["id"] not in chart.labels
            chart.labels[match["id"]], chart.kinds[match["id"]] = _decode(match["label"]), kind
            chart.parts[match["id"]] = [*open_parts]
        else:
            edge = EDGE.fullmatch(line)
            assert edge is not None, line
            assert {edge["source"], edge["target"]} <= chart.labels.keys()
            chart.edges.append((edge["source"], edge["target"]))
    assert not open_parts
    return chart


def _decode(label: str) -> str:
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)
