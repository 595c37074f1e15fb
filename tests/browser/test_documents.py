"""Documents in a browser: nothing is refused, nothing is loaded, and text stays text."""

import re
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.driver import Browser
from tests.service.pages.documents import HOSTILE, grade_hostile, read_examples

ELEMENTS = "[...new Set([...document.querySelectorAll('*')].map(one => one.localName))]"
TEXT = "document.body.textContent"


@pytest.mark.parametrize("example", [pytest.param(one, id=name) for name, one in read_examples()])
def test_each_example_opens(
    open_document: Open, browser: Browser, address: str, example: dict[str, Any]
) -> None:
    record = open_document(example["path"], example["request"])
    assert record.messages == []
    assert record.requests == [f"{address}{example['path']}?format=html"]
    assert browser.evaluate("document.contentType") == "text/html"
    for width in (1280, 360):
        browser.set_size(width, 800)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, (
            "it has to be moved sideways"
        )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(open_document: Open, browser: Browser, text: str) -> None:
    plain = grade_hostile("2")
    assert open_document("/v1/grade", plain).messages == []
    elements = set(browser.evaluate(ELEMENTS))
    record = open_document("/v1/grade", grade_hostile(text))
    assert record.messages == []
    assert len(record.requests) == 1
    assert set(browser.evaluate(ELEMENTS)) <= elements
    assert re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text) in browser.evaluate(TEXT)
