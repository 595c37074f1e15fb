"""Reading of the pictures that tests look at."""

import re
import xml.etree.ElementTree as ET

from service.pages.pictures.charts import Chart
from service.pages.pictures.svg import write_svg

Rectangle = tuple[float, float, float, float]
Point = tuple[float, float]
KINDS = ("input", "parameter", "value", "given", "unknown")  # of boxes


class Drawing:
    """A picture, parsed."""

    def __init__(self, chart: Chart) -> None:
        self.text = write_svg(chart)
        self.root = ET.fromstring(self.text)  # which fails for text that is not escaped
        self.width, self.height = map(float, self.root.attrib["viewBox"].split()[2:])

    def find_paths(self, kind: str, within: "ET.Element | None" = None) -> list[str]:
        """Return the data of paths of a class."""
        found = (self.root if within is None else within).iter("path")
        return [path.attrib["d"] for path in found if path.attrib.get("class") == kind]

    def read_cells(self) -> list[dict[tuple[int, int], int]]:
        """Return, for each panel, the level of each shaded cell by row and column."""
        panels = []
        for group in self.root.iter("g"):
            if "scale" not in group.attrib.get("transform", ""):
                continue
            cells: dict[tuple[int, int], int] = {}
            for path in group.iter("path"):
                kind = path.attrib["class"]
                level = int(kind[1:]) * (1 if kind[0] == "p" else -1)
                for column, row, wide in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path.attrib["d"]):
                    for at in range(int(column), int(column) + int(wide)):
                        assert (int(row), at) not in cells
                        cells[int(row), at] = level
            panels.append(cells)
        return panels

    def read_grid(self, panel: int = 0) -> tuple[Point, Point]:
        """Return the place of a panel's first cell, and the size of a cell."""
        groups = [group for group in self.root.iter("g") if "scale" in group.attrib.get("transform", "")]
        x, y, width, height = map(float, re.findall(r"[\d.]+", groups[panel].attrib["transform"]))
        return (x, y), (width, height)

    def read_rectangles(self, kind: str) -> list[Rectangle]:
        """Return the rectangles of the paths of a class: x, y, width and height."""
        found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", "".join(self.find_paths(kind)))
        return [(float(x), float(y), float(width), float(height)) for x, y, width, height in found]

    def read_labels(self) -> list[tuple[float, float, str]]:
        """Return the texts that are not turned, with their places."""
        return [
            (float(text.attrib["x"]), float(text.attrib["y"]), text.text or "")
            for text in self.root.iter("text")
            if "x" in text.attrib
        ]

    def read_points(self, kind: str) -> list[Point]:
        """Return the points of the paths of a class."""
        found = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", "".join(self.find_paths(kind)))
        return [(float(x), float(y)) for x, y in found]
