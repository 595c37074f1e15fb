"""The summary of a class as a document: the same numbers, names and ids, and nothing active."""

import json
from typing import Any

import pytest
from httpx import Response

from compute.grading.known_mistakes import KNOWN_MISTAKES
from service.pages.blocks import Page
from service.pages.html import write_html
from service.pages.markdown import write_markdown
from service.pages.summaries import MOST_ROWS, build_summary
from tests.conftest import Client
from tests.service.pages.documents import HOSTILE, Outline

QUESTION = {"operation": "activation", "function": "relu", "x": [-1, 2]}
RUBRIC = {"rubric": "q", "question": QUESTION, "marks": {"output": 3, "derivative": 1}}
LINES = {"content-type": "application/x-ndjson"}


def send(client: Client, path: str, *lines: Any, **headers: str) -> Response:
    content = "".join(f"{json.dumps(line)}\n" for line in lines)
    return client.post(path, content=content, headers={**LINES, **headers})


@pytest.fixture
def graded(client: Client) -> list[Any]:
    """Return the graded lines of four submissions, one of which cannot be read and one of which fails."""
    answers: dict[str, Any] = {
        "right": {"output": [0, 2], "derivative": [0, 1]},
        "swapped": {"output": [-1, 0], "derivative": [1, 0]},
        "unread": {"output": "smudge", "derivative": [0, 1]},
    }
    lines = [{"id": name, "rubric": "q", "answer": answer} for name, answer in answers.items()]
    response = send(client, "/v1/grade/batch", RUBRIC, *lines, {"id": "lost", "rubric": "none", "answer": {}})
    *found, _ = map(json.loads, response.text.splitlines())
    return found


def test_a_summary_is_a_page(client: Client, graded: list[Any]) -> None:
    response = send(client, "/v1/grade/summary?format=html", *graded)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "accept" in response.headers["vary"].split(", ")
    page = Outline(response.text)
    assert {"script", "link", "img"}.isdisjoint(page.tags)
    assert page.tags["svg"] == 2
    titles = [title for _, title in page.headings]
    assert titles == [
        "The marks of a class", "Marks", "Item by item", "Mistakes", "For a person to grade",
    ]  # fmt: skip
    assert "unread" in response.text


def test_the_table_of_items_has_the_numbers_of_the_summary(client: Client, graded: list[Any]) -> None:
    response = send(client, "/v1/grade/summary", *graded)
    items = {item["name"]: item for item in json.loads(response.text)["summary"]["items"]}
    page = Outline(send(client, "/v1/grade/summary", *graded, accept="text/html").text)
    rows = [row for row in page.tables[0] if row]
    for row, name in zip(rows, sorted(items), strict=True):
        assert float(row[1]) == items[name]["mean"]
        assert float(row[2]) == items[name]["max_score"]
        assert float(row[3].removesuffix(" %")) == 100 * items[name]["mean"] / items[name]["max_score"]


def test_lines_are_sent_unless_a_document_is_asked_for(client: Client, graded: list[Any]) -> None:
    for query, accept in (("", "*/*"), ("", "application/x-ndjson"), ("?format=json", "text/html")):
        response = send(client, f"/v1/grade/summary{query}", *graded, accept=accept)
        assert response.headers["content-type"] == "application/x-ndjson"
        assert json.loads(response.text)["summary"]["failed"] == 1
    refused = send(client, "/v1/grade/summary?format=pdf", *graded)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/format")


def test_other_forms_hold_the_same(client: Client, graded: list[Any]) -> None:
    markdown = send(client, "/v1/grade/summary?format=markdown", *graded).text
    assert "Submissions by marks" in markdown
    tex = send(client, "/v1/grade/summary?format=tex", *graded).text
    assert tex.rstrip().endswith(r"\end{document}")
    pictures = send(client, "/v1/grade/summary", *graded, accept="application/vnd.vegalite.v6+json").json()
    assert [one["title"] for one in pictures["vconcat"]] == ["Distribution of marks", "Mean marks by item"]


def summarize(items: list[dict[str, Any]], **fields: Any) -> Page:
    """Return the page of a summary with these items."""
    item = {"of": "value", "count": 9, "mean": 1, "max_score": 2, "discrimination": None}
    scores = {"count": 9, "mean": 1.5, "median": None, "quartiles": [None] * 3, "histogram": [9, *[0] * 9]}
    return build_summary({
        "count": 9, "failed": 0, "ungradable": {"count": 0, "ids": []}, "scores": scores,
        "misconceptions": [], "items": [{**item, "tells_nothing": False, **one} for one in items], **fields,
    })  # fmt: skip


def test_items_are_named_by_what_they_tell() -> None:
    text = write_markdown(
        summarize([
            {"name": "strong", "discrimination": 0.31},
            {"name": "weak", "discrimination": 0.29},
            {"name": "reversed", "discrimination": -0.2},
            {"name": "solved", "tells_nothing": True},
        ])
    )  # fmt: skip
    assert "They tell strong answers from weak ones: strong." in text
    assert "did worse here: reversed." in text
    assert "got all of their marks or none: solved." in text


def test_mistakes_have_their_meaning_and_examples() -> None:
    code = "attention.no_scale"
    found = [
        {"code": code, "count": 9, "ids": ["s-1", 7]},
        {"code": "of_another_version", "count": 1, "ids": [2]},
    ]
    page = Outline(write_html(summarize([], misconceptions=found)))
    assert [row for row in page.tables[0] if row] == [
        ["9", "s-1, 7, …", KNOWN_MISTAKES[code].note], ["1", "2", ""],
    ]  # fmt: skip


def test_long_summaries_are_cut() -> None:
    text = write_html(summarize([{"name": f"item_{place}"} for place in range(10_000)]))
    assert len(text) < 60_000
    assert f"{10_000 - MOST_ROWS} more are left out here" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_ids_stay_text(text: str) -> None:
    items = [{"name": "output", "question": text}]
    ungradable = {"count": 1, "ids": [text]}
    page = Outline(write_html(summarize(items, ungradable=ungradable)))
    assert {"script", "img", "a", "b"}.isdisjoint(page.tags)
