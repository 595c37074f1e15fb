"""The driver sees what a page does: else the tests beside it could not fail."""

import urllib.parse

import pytest

from tests.browser.driver import Browser

POLICY = "<meta http-equiv=content-security-policy content=\"default-src 'none'\">"
ELSEWHERE = "http://127.0.0.1:9/picture.png"  # nothing listens there


def page(html: str) -> str:
    return f"data:text/html,{urllib.parse.quote(f'<!doctype html>{html}')}"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script>console.log('hello', 1)</script>", "log: hello 1"),
        ("<script>undefined.x</script>", "exception: TypeError"),
        (f"{POLICY}<script>1</script>", "Content Security Policy"),
        (f"{POLICY}<p style='color:red'>x", "Content Security Policy"),
        (f"<img src={ELSEWHERE}>", "Failed to load"),
    ],
)
def test_messages_are_recorded(browser: Browser, html: str, expected: str) -> None:
    assert expected in "\n".join(browser.open(page(html)).messages)


def test_requests_are_recorded(browser: Browser) -> None:
    address = page(f"<img src={ELSEWHERE}>")
    assert browser.open(address).requests == [address, ELSEWHERE]
    assert browser.open(page("<p>quiet")).requests == [page("<p>quiet")]


def test_keys_arrive(browser: Browser) -> None:
    browser.open(page("<input autofocus><button onclick='this.textContent += document.title'>b</button>"))
    browser.evaluate("document.querySelector('input').focus()")
    browser.press("a")
    browser.write("{µ}")
    assert browser.evaluate("document.querySelector('input').value") == "a{µ}"
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.tagName") == "BUTTON"
    browser.press("Tab", "Shift")
    browser.press("a", "Control")
    browser.press("x")
    assert browser.evaluate("document.querySelector('input').value") == "x"


def test_media_are_emulated(browser: Browser) -> None:
    browser.open(page("<p>x"))
    browser.set_media("dark", "print")
    assert browser.evaluate("matchMedia('print and (prefers-color-scheme: dark)').matches")
    browser.set_media()
    assert browser.evaluate("matchMedia('screen and (prefers-color-scheme: light)').matches")


def test_screenshots_have_the_size_of_the_page(browser: Browser) -> None:
    browser.set_size(400, 300)
    browser.open(page("<body style='margin:0'><div style='height:700px'>"))
    for most, height in ((5000, 700), (500, 500)):
        png = browser.take_screenshot(most)
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert [int.from_bytes(png[at : at + 4], "big") for at in (16, 20)] == [400, height]
