"""Checked rubrics as documents."""

from typing import Any

from tests.conftest import EXAM, Client

QUESTION = {name: EXAM[name] for name in ("x", "w_q", "w_k", "w_v")} | {"operation": "self_attention"}
BODY: dict[str, Any] = {"question": QUESTION, "marks": {"weights": 2, "output": 2}}


def show(client: Client, body: dict[str, Any], form: str = "html") -> str:
    response = client.post(f"/v1/grade/check?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response.text


def test_hidden_mistakes_have_the_change_that_shows_them(client: Client) -> None:
    text = show(client, BODY)
    findings = client.post("/v1/grade/check", json=BODY).json()["findings"]
    for finding in findings:
        assert finding["at"] in text
        if "note" in finding:
            assert finding["note"][1:].replace("'", "&#x27;") in text
    assert any("change" in finding for finding in findings)
    assert '<p class="warning"><strong>Hidden mistake.</strong>' in text
    assert "Add 1 to entry (0, 0) of <code>w_q</code>." in text


def test_errors_of_the_rubric_come_first(client: Client) -> None:
    body = {
        **BODY,
        "marks": {"weights": 2, "nothing": 1},
        "total": 9,
        "answer": {"weights": [[0, 0], [0, 0]]},
    }
    text = show(client, body)
    for word in ("Unknown name.", "Marks do not add up.", "The model answer."):
        assert f'<p class="wrong"><strong>{word}</strong>' in text
    assert text.index("To be mended") < text.index("Mistakes that are not seen")
    assert "the model answer gets</dt><dd>0 of 2" in text


def test_no_weakness_is_said(client: Client) -> None:
    program = {"operation": "graph", "program": ["y = x + 1"], "inputs": {"x": [1, 2.5]}}
    body = {"question": program, "marks": {"y": 1}, "misconceptions": False}
    assert client.post("/v1/grade/check", json=body).json()["findings"] == []
    assert "No weakness was found." in show(client, body)


def test_an_exam_names_the_question(client: Client) -> None:
    text = show(client, {"questions": [{"name": "a", **BODY}]}, "markdown")
    assert "`a: attention.weights_transposed`" in text
    assert "## The question `a`" in text
