"""Every request in the README and in docs/ is sent, and the answer shown is compared with the real one."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.conftest import Client
from tests.docs.blocks import PAGES, Example, Request, blocks, compare, every_example, is_request, read_shown


def send(client: Client, request: Request) -> httpx.Response:
    """The response of the application in this process."""
    headers = {"content-type": "application/x-www-form-urlencoded"} if request.body else {}
    sent = client._client.request(
        request.method, request.path, headers=headers | request.headers, content=request.body
    )
    return client._runner.run(sent)


@pytest.mark.parametrize("example", every_example())
def test_each_request_has_the_answer_that_is_shown(client: Client, example: Example) -> None:
    response = send(client, example.request)
    while example.request.path == "/health/ready" and response.status_code == 503:
        response = send(client, example.request)  # workers start while the application answers
    if example.shown is None:
        assert response.status_code < 400, response.text
    elif example.shown.info == "json":
        shown = read_shown(example.shown.text)
        actual = response.json()
        is_problem = response.headers["content-type"] == "application/problem+json"
        assert is_problem == is_shown_problem(shown), response.text
        compare(shown, actual, example.where)
    else:
        check_head_and_body(example.shown.text, response, example.where)


def is_shown_problem(shown: Any) -> bool:
    return isinstance(shown, dict) and str(shown.get("type", "")).startswith("/problems/")


def check_head_and_body(shown: str, response: httpx.Response, where: str) -> None:
    """Compare a shown status line, headers and body with a response."""
    head, _, body = shown.partition("\n\n")
    status, *headers = head.splitlines()
    assert status == f"HTTP/1.1 {response.status_code} {response.reason_phrase}", where
    for header in headers:
        name, _, value = header.partition(": ")
        compare(value, response.headers.get(name), f"{where} {name}")
    if not body.strip():
        return
    if response.headers["content-type"] == "application/x-ndjson":
        for line, actual in zip(body.splitlines(), response.text.splitlines(), strict=False):
            compare(read_shown(line), json.loads(actual), where)
        return
    compare(read_shown(body), response.json(), where)


def test_every_answer_stands_behind_its_request() -> None:
    for page in PAGES:
        before: Any = None
        for block in blocks(page):
            if block.info in ("json", "http"):
                assert before is not None and is_request(before), f"{page.name}:{block.line}"
            before = block


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert "//" not in target, f"{page.name}: {target}"
            path, _, anchor = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in _anchors(linked.read_text(encoding="utf-8")), f"{page.name}: {target}"


def _anchors(text: str) -> set[str]:
    """The names of a page's headings in links."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    }
