"""Documents of every kind, checked by the rules of axe-core in the colors of day and night."""

import json
from typing import Any

import pytest

from tests.browser.accessibility import find_violations
from tests.browser.conftest import Open
from tests.browser.driver import Browser
from tests.browser.kinds import read_kinds


@pytest.mark.parametrize("name", read_kinds())
def test_documents_are_accessible(open_document: Open, browser: Browser, name: str) -> None:
    example = read_kinds()[name]
    open_document(example["path"], example["request"])
    assert not (found := find_violations(browser)), json.dumps(found, indent=1)


def test_the_marks_of_a_class_are_accessible(browser: Browser, address: str) -> None:
    grades = [grade_line(f"s-{place}", place % 4, is_gradable=place != 3) for place in range(12)]
    record = browser.open(f"{address}/v1/grade/summary?format=html", "\n".join(map(json.dumps, grades)))
    assert record.messages == []
    assert browser.evaluate("document.querySelectorAll('svg').length") == 3
    assert not (found := find_violations(browser)), json.dumps(found, indent=1)
    browser.set_size(360, 800)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 360


def grade_line(name: str, score: int, *, is_gradable: bool) -> dict[str, Any]:
    """Return a graded line with two items and two known mistakes, as far as a summary reads it."""
    codes = [["attention.no_scale"] * (score < 2), ["softmax.gradient_diagonal"] * (score == 0)]
    return {
        "id": name, "score": score, "max_score": 4, "gradable": is_gradable,
        "items": [
            {"name": item, "of": "value", "score": score // 2, "max_score": 2} for item in ("x", "y")
        ],
        "grader": {"items": [{"misconceptions": [{"code": code} for code in one]} for one in codes]},
    }  # fmt: skip


def test_violations_are_found(browser: Browser) -> None:
    browser.open("data:text/html,<title>x</title><p style='color:silver'>faint<img src=data:,>")
    rules = {one["rule"] for one in find_violations(browser)}
    assert {"color-contrast", "html-has-lang", "image-alt"} <= rules
