"""Documents of every kind, checked by the rules of axe-core in the colors of day and night."""

import json
from importlib.metadata import PackageNotFoundError, files
from typing import Any, Literal

import pytest

from tests.browser.conftest import Open
from tests.browser.driver import Browser
from tests.browser.kinds import read_kinds

# A package that is installed for this one file, without the browser that it is otherwise for.
PACKAGE, FILE = "axe-playwright-python", "axe.min.js"
RULES: dict[Literal["light", "dark"], str] = {
    "light": "{}",
    "dark": "{runOnly: ['color-contrast']}",  # the others do not look at colors
}
RUN = """axe.run(document, OPTIONS).then(found => found.violations.map(one => ({
    rule: one.id, help: one.help, nodes: one.nodes.slice(0, 3).map(node => node.failureSummary + node.html)
})))"""


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core."""
    try:
        [file] = [one for one in files(PACKAGE) or [] if one.name == FILE]
    except PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed; `make test` installs it")
    return file.read_text(encoding="utf-8")


def find_violations(browser: Browser, axe: str) -> list[Any]:
    """Return what axe-core finds on the current page, in both color schemes."""
    browser.evaluate(f"{axe};null")
    found = []
    for scheme, options in RULES.items():
        browser.set_media(scheme)
        browser.settle()
        found += [{"scheme": scheme, **one} for one in browser.evaluate(RUN.replace("OPTIONS", options))]
    return found


@pytest.mark.parametrize("name", read_kinds())
def test_documents_are_accessible(open_document: Open, browser: Browser, axe: str, name: str) -> None:
    example = read_kinds()[name]
    open_document(example["path"], example["request"])
    assert not (found := find_violations(browser, axe)), json.dumps(found, indent=1)


def test_the_marks_of_a_class_are_accessible(browser: Browser, address: str, axe: str) -> None:
    grades = [grade_line(f"s-{place}", place % 4, is_gradable=place != 3) for place in range(12)]
    record = browser.open(f"{address}/v1/grade/summary?format=html", "\n".join(map(json.dumps, grades)))
    assert record.messages == []
    assert browser.evaluate("document.querySelectorAll('svg').length") == 3
    assert not (found := find_violations(browser, axe)), json.dumps(found, indent=1)
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


def test_violations_are_found(browser: Browser, axe: str) -> None:
    browser.open("data:text/html,<title>x</title><p style='color:silver'>faint<img src=data:,>")
    rules = {one["rule"] for one in find_violations(browser, axe)}
    assert {"color-contrast", "html-has-lang", "image-alt"} <= rules
