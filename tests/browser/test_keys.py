"""The explorer asks for an API key where the service wants one, and keeps it for the tab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.guarding.keys import make_key
from tests.browser.driver import Browser
from tests.browser.test_explorer import EXAM, SHOWN, write_fragment
from tests.service.servers import UVICORN, serving

DIALOG = "document.querySelector('dialog[open]')"


@pytest.fixture
def guarded(browser: Browser, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Yield the address of a service with a key, and the key."""
    secret, entry = make_key("course")
    file = tmp_path / "keys.yaml"
    file.write_text(entry, encoding="utf-8")
    with serving(UVICORN, workers=0, exact_workers=1, key_file=file) as port:
        yield f"http://127.0.0.1:{port}", secret


def give(browser: Browser, key: str) -> None:
    browser.wait_for(DIALOG)
    browser.evaluate(f"{DIALOG}.querySelector('input').value = '{key}'")
    browser.evaluate(f"{DIALOG}.querySelector('button').click()")


def test_a_key_is_asked_for_until_it_is_known(browser: Browser, guarded: tuple[str, str]) -> None:
    address, secret = guarded
    question = f"{address}/#{write_fragment(EXAM)}"
    browser.open(question)
    give(browser, "wrong")
    browser.wait_for(f"{DIALOG}?.textContent.includes('does not know')")
    give(browser, secret)
    browser.wait_for(f"document.querySelector('{SHOWN}')")
    assert not browser.evaluate(f"Boolean({DIALOG})")
    browser.open("about:blank")
    browser.open(question)  # in the same tab
    browser.wait_for(f"document.querySelector('{SHOWN}')")
    assert not browser.evaluate(f"Boolean({DIALOG})")
    assert not any(secret in text for text in browser.record.messages)


def test_without_a_key_the_refusal_says_what_is_needed(browser: Browser, guarded: tuple[str, str]) -> None:
    address, _ = guarded
    browser.open(f"{address}/#{write_fragment(EXAM)}")
    browser.wait_for(DIALOG)
    browser.evaluate(f"[...{DIALOG}.querySelectorAll('button')].at(-1).click()")
    browser.wait_for("document.querySelector('[role=alert]')")
    assert "API key" in browser.evaluate("document.querySelector('[role=alert]').textContent")
