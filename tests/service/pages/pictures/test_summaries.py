"""The pictures of the summary of a class."""

import json

import pytest

from service.pages.pictures.charts import BarChart
from service.pages.pictures.summaries import draw_items, draw_marks, draw_mistakes
from tests.conftest import Client

QUESTION = {"operation": "activation", "function": "relu", "x": [-1, 2]}


def test_marks_are_drawn_as_bars(client: Client) -> None:
    rubric = {"rubric": "q", "question": QUESTION, "marks": {"output": 3, "derivative": 1}}
    right, wrong = {"output": [0, 2], "derivative": [0, 1]}, {"output": [0, 2], "derivative": [1, 0]}
    lines = [rubric, *({"id": place, "rubric": "q", "answer": answer}
                       for place, answer in enumerate([right, right, wrong]))]  # fmt: skip
    body = "".join(f"{json.dumps(line)}\n" for line in lines)
    headers = {"content-type": "application/x-ndjson"}
    response = client.post("/v1/grade/batch", content=body, headers=headers)
    summary = json.loads(response.text.splitlines()[-1])["summary"]
    marks, items = (
        picture.chart for picture in (*draw_marks(summary["scores"]), *draw_items(summary["items"]))
    )
    assert isinstance(marks, BarChart) and isinstance(items, BarChart)
    assert marks.values.tolist() == summary["scores"]["histogram"]
    assert dict(zip(marks.labels, marks.values, strict=True))["90 to 100 %"] == 2
    shares = dict(zip(items.labels, items.values, strict=True))
    assert shares["output"] == 100
    assert shares["derivative"] == pytest.approx(200 / 3)


def test_a_class_without_marks_has_no_picture() -> None:
    assert draw_marks({"count": 0}) == draw_items([]) == draw_mistakes([]) == []


def test_long_lists_are_cut() -> None:
    [picture] = draw_mistakes([{"code": f"mistake_{place}", "count": 100 - place} for place in range(50)])
    chart = picture.chart
    assert isinstance(chart, BarChart)
    assert chart.values.tolist() == [*range(100, 52, -1)]
    assert chart.remark == "2 more are not drawn"
