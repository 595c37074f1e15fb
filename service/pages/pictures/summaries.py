"""Pictures of the summary of a class."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from service.pages.blocks import Picture
from service.pages.pictures.charts import BarChart, Chart
from service.pages.pictures.tensors import MOST_PLACES

SHARES = 100  # percent


def draw_summary(summary: Mapping[str, Any]) -> list[Picture]:
    """Return the pictures of a summary: the distribution of marks, and the mean share of marks by item."""
    charts: list[Chart] = []
    scores, items = summary["scores"], summary["items"]
    if scores["count"]:
        counts = scores["histogram"]
        width = SHARES // len(counts)
        labels = [f"{width * place} to {width * (place + 1)} %" for place in range(len(counts))]
        charts.append(
            BarChart("Distribution of marks", "marks", "submissions", labels, np.array(counts, dtype=float))
        )
    graded = [item for item in items if item["max_score"]]
    if len(graded) > 1:
        shown = graded[:MOST_PLACES]
        shares = np.array([SHARES * item["mean"] / item["max_score"] for item in shown])
        more = len(graded) - len(shown)
        remark = f"{more} more items are not drawn" if more else ""
        charts.append(BarChart("Mean marks by item", "item", "percent", [*map(_name, shown)], shares, remark))
    return [Picture(chart) for chart in charts]


def _name(item: Mapping[str, Any]) -> str:
    title = f"gradient of {item['name']}" if item["of"] == "gradient" else str(item["name"])
    return f"{item['question']}: {title}" if "question" in item else title
