"""Pictures of the summary of a class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.pages.blocks import Picture
from service.pages.pictures.charts import BarChart
from service.pages.pictures.tensors import MOST_PLACES

SHARES = 100  # percent


def draw_marks(scores: Mapping[str, Any]) -> list[Picture]:
    """Return the distribution of the marks of a class; nothing if there are none."""
    if not scores["count"]:
        return []
    counts = scores["histogram"]
    width = SHARES // len(counts)
    labels = [f"{width * place} to {width * (place + 1)} %" for place in range(len(counts))]
    return [Picture(BarChart("Distribution of marks", "marks", "submissions", labels, _as_numbers(counts)))]


def draw_items(items: Sequence[Mapping[str, Any]]) -> list[Picture]:
    """Return the mean share of marks of each item; nothing unless there are several."""
    graded = [item for item in items if item["max_score"]]
    shares = [share_of_marks(item) for item in graded]
    return _draw("Mean marks by item", "item", "percent", [*map(name_item, graded)], shares)


def draw_mistakes(mistakes: Sequence[Mapping[str, Any]]) -> list[Picture]:
    """Return the number of submissions with each mistake; nothing unless there are several."""
    codes, counts = ([mistake[field] for mistake in mistakes] for field in ("code", "count"))
    return _draw("Mistakes", "mistake", "submissions", codes, counts)


def _draw(
    title: str, axis: str, measure: str, labels: Sequence[str], values: Sequence[float]
) -> list[Picture]:
    if len(labels) < 2:
        return []
    more = len(labels) - MOST_PLACES
    remark = f"{more} more are not drawn" if more > 0 else ""
    numbers = _as_numbers(values[:MOST_PLACES])
    return [Picture(BarChart(title, axis, measure, labels[:MOST_PLACES], numbers, remark))]


def _as_numbers(values: Sequence[float]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array(values, dtype=float)


def share_of_marks(item: Mapping[str, Any]) -> float:
    """Return the mean marks of an item in percent of those that it has."""
    return float(SHARES * item["mean"] / item["max_score"])


def name_item(item: Mapping[str, Any]) -> str:
    """Return the name of an item with its question in an exam."""
    title = f"gradient of {item['name']}" if item["of"] == "gradient" else str(item["name"])
    return f"{item['question']}: {title}" if "question" in item else title
