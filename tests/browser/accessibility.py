"""The rules of axe-core, applied to the page that a browser shows."""

from functools import cache
from importlib.metadata import PackageNotFoundError, files
from typing import Any, Literal

import pytest

from tests.browser.driver import Browser

# A package that is installed for this one file, without the browser that it is otherwise for.
PACKAGE, FILE = "axe-playwright-python", "axe.min.js"
RULES: dict[Literal["light", "dark"], str] = {
    "light": "{}",
    "dark": "{runOnly: ['color-contrast']}",  # the others do not look at colors
}
RUN = """axe.run(document, OPTIONS).then(found => found.violations.map(one => ({
    rule: one.id, help: one.help, nodes: one.nodes.slice(0, 3).map(node => node.failureSummary + node.html)
})))"""


@cache
def _read_axe() -> str:
    """Return the source of axe-core; without it, the test that needs it is skipped."""
    try:
        [file] = [one for one in files(PACKAGE) or [] if one.name == FILE]
    except PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed; `make test` installs it")
    return file.read_text(encoding="utf-8")


def find_violations(browser: Browser) -> list[Any]:
    """Return what axe-core finds on the current page, in both color schemes."""
    browser.evaluate(f"{_read_axe()};null")
    found = []
    for scheme, options in RULES.items():
        browser.set_media(scheme)
        browser.settle()
        found += [{"scheme": scheme, **one} for one in browser.evaluate(RUN.replace("OPTIONS", options))]
    return found
