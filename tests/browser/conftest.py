"""One browser and one service for all tests of pages in a browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.driver import Browser, Record, find_chromium, open_browser
from tests.service.servers import UVICORN, serving

Open = Callable[..., Record]


@pytest.fixture(scope="session")
def watched() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip("Chromium is not installed")
    with open_browser() as browser:
        browser.watch()
        yield browser


@pytest.fixture(scope="session")
def address(watched: Browser) -> Iterator[str]:
    """Yield the address of a running service."""
    with serving(UVICORN, workers=0, exact_workers=1, exact_seconds=60) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def browser(watched: Browser) -> Browser:
    """Return the browser as a test expects it, whatever the test before has set."""
    watched.set_media()
    watched.set_size(1280, 1000)
    return watched


@pytest.fixture
def open_document(browser: Browser, address: str) -> Open:
    """Return a function that opens the answer to a question as a page, with everything unfolded."""

    def open_it(path: str, question: dict[str, Any]) -> Record:
        record = browser.open(f"{address}{path}?format=html", question)
        browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        return record

    return open_it
