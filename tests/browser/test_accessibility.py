"""Documents of every kind, checked by the rules of axe-core in the colors of day and night."""

import json

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


def test_violations_are_found(browser: Browser) -> None:
    browser.open("data:text/html,<title>x</title><p style='color:silver'>faint<img src=data:,>")
    rules = {one["rule"] for one in find_violations(browser)}
    assert {"color-contrast", "html-has-lang", "image-alt"} <= rules
