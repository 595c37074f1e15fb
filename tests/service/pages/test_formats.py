"""Every answer as a document: negotiation, content, and safety of what is sent."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from httpx import Response

from service.arrays import pack_arrays
from service.endpoints import ENDPOINTS
from tests.conftest import EXAM, Client
from tests.service.pages.documents import HOSTILE, Outline, grade_hostile

BODY: dict[str, Any] = {
    "x": [[0.5, -1.25, 3.0], [1.0, 1.0, 1.0]],
    "upstream": {"output": [[1, 0, 0], [0, 1, 0]]},
}


def post(client: Client, path: str, body: Any, query: str = "", accept: str = "*/*") -> Response:
    return client.post(f"{path}{query}", json=body, headers={"accept": accept})


@pytest.mark.parametrize(
    ("accept", "query", "expected"),
    [
        ("*/*", "", "application/json"),
        ("application/json, text/html;q=0.9", "", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "text/html; charset=utf-8"),
        ("text/markdown", "", "text/markdown; charset=utf-8"),
        ("application/x-tex", "", "application/x-tex; charset=utf-8"),
        ("text/html;q=0", "", "application/json"),
        ("text/html", "?format=json", "application/json"),
        ("*/*", "?format=tex", "application/x-tex; charset=utf-8"),
    ],
)
def test_the_parameter_goes_before_the_header(client: Client, accept: str, query: str, expected: str) -> None:
    response = post(client, "/v1/softmax", BODY, query, accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == expected
    assert "Accept" in response.headers["vary"]


def test_an_unknown_format_is_refused(client: Client) -> None:
    response = post(client, "/v1/softmax", BODY, "?format=htm")
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"] == "/query/format"
    assert error["expected"] == "one of: json, html, markdown, tex, vegalite"


def test_problems_stay_problems(client: Client) -> None:
    response = post(client, "/v1/softmax", {"x": [[1], [2, 3]]}, accept="text/html")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_a_page_holds_the_numbers_of_the_answer(client: Client) -> None:
    page = Outline(post(client, "/v1/softmax", BODY, "?format=html").text)
    answer = post(client, "/v1/softmax", BODY).json()
    tables = page.numbers()
    for array in (BODY["x"], answer["values"]["output"], answer["gradients"]["x"]):
        rounded = [[float(f"{entry:.4g}") for entry in row] for row in array]
        assert rounded in tables


def test_packed_inputs_are_shown(client: Client) -> None:
    body = pack_arrays({"x": np.array(BODY["x"])}) | {"encoding": "packed"}
    page = Outline(post(client, "/v1/softmax", body, "?format=html").text)
    assert BODY["x"] in page.numbers()


def test_a_page_loads_nothing_and_runs_nothing(client: Client) -> None:
    response = post(client, "/v1/self_attention", EXAM, "?format=html")
    page = Outline(response.text)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(page.tags)
    assert not [
        name for name, _ in page.attributes if name in ("src", "href", "style") or name.startswith("on")
    ]
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.tags["style"] == 1


def test_headings_descend_one_level_at_a_time(client: Client) -> None:
    page = Outline(post(client, "/v1/self_attention", EXAM, "?format=html").text)
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_the_exam_question_is_small(client: Client) -> None:
    body = {**EXAM, "upstream": {"output": [[1], [0]]}}
    assert len(post(client, "/v1/self_attention", body, "?format=html").content) < 30_000


def test_a_long_tensor_is_folded(client: Client) -> None:
    x = np.arange(60 * 50).reshape(60, 50).tolist()
    text = post(client, "/v1/activation", {"function": "relu", "x": x}, "?format=markdown").text
    assert f"{np.linalg.norm(x):.4g}" == "9.484e+04"
    assert "60 × 50 entries from 0 to 2999, norm 9.484·10⁴" in text
    assert len(text) < 4_000


def test_exact_numbers_are_mathematics(client: Client) -> None:
    body = {"x": [[0, "sqrt(2)"]], "arithmetic": "exact"}
    markdown = post(client, "/v1/softmax", body, "?format=markdown").text
    assert r"$\frac{1}{e^{- \sqrt{2}} + 1}$" in markdown
    assert "as decimals" in markdown
    html = post(client, "/v1/softmax", body, "?format=html").text
    assert "<mfrac>" in html
    assert "<code>\\frac" not in html


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["html", "markdown", "tex"])
def test_hostile_text_stays_text(client: Client, text: str, form: str) -> None:
    """An answer that a student wrote comes back as text, if at all."""
    response = post(client, "/v1/grade", grade_hostile(text), f"?format={form}")
    assert response.status_code in (200, 422)
    if response.status_code == 422:
        return
    if form == "html":
        page = Outline(response.text)
        assert {"script", "img", "a", "b"}.isdisjoint(page.tags)
    if form == "tex":
        assert response.text.count(r"\end{document}") == 1
        assert r"\input" not in response.text
    if form == "markdown":
        outside = re.sub(r"(`+).*?\1", "", response.text)  # code is shown as it is
        assert not re.search(r"(?<!\\)<(script|img)", outside)
        assert not re.search(r"(?<!\\)\]\(javascript", outside)


def test_every_computation_has_documents_or_a_protocol() -> None:
    without = {name for name, endpoint in ENDPOINTS.items() if endpoint.page is None}
    assert without == {"evaluate", "lambda_feedback"}
