"""Variants of questions as documents."""

from typing import Any

from tests.conftest import Client
from tests.service.pages.documents import Outline

BODY: dict[str, Any] = {"question": {"operation": "softmax", "x": [1, 2, 4]}, "seed": 1, "count": 2}


def show(client: Client, body: dict[str, Any], form: str = "html") -> str:
    response = client.post(f"/v1/variants?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response.text


def test_each_variant_is_a_question_with_its_solution_folded(client: Client) -> None:
    text = show(client, BODY)
    page, answer = Outline(text), client.post("/v1/variants", json=BODY).json()
    for variant in answer["variants"]:
        assert [[float(entry) for entry in variant["question"]["x"]]] in page.numbers()
        assert [[float(f"{entry:.4g}") for entry in variant["values"]["output"]]] in page.numbers()
    assert text.count("<summary><h3>Solution</h3></summary>") == 2


def test_a_variant_that_is_not_found_counts_the_constraints(client: Client) -> None:
    body = {**BODY, "inputs": {"x": {"from": 1, "to": 1}}, "tries": 5, "count": 1, "no_ties": True}
    text = show(client, body, "markdown")
    answer = client.post("/v1/variants", json=body).json()["variants"][0]
    assert not answer["found"]
    assert "None of 5 tries holds every constraint." in text
    [(name, times)] = answer["failed"].items()
    assert f"`{name}`: {times}: " in text


def test_domains_and_constraints_are_in_words(client: Client) -> None:
    body = {**BODY, "inputs": {"x": {"from": -3, "to": 3, "decimals": 1, "nonzero": True}}}
    text = show(client, body, "markdown")
    assert "`x`: numbers with 1 decimals from -3 to 3, without 0" in text
    assert "`distinct`: it is neither the template nor an earlier variant" in text
    logarithms = show(client, {**BODY, "friendly": True}, "markdown")
    assert "`x`: logarithms of integers from 1 to 9" in logarithms


def test_programs_and_traces_are_restated(client: Client) -> None:
    program = {"operation": "graph", "program": ["y = 2 * x"], "inputs": {"x": [1, 2]}}
    assert "```\ny = 2 * x\n```" in show(client, {"question": program, "seed": 1}, "markdown")
    trace = {
        "operation": "optimizer/trace", "program": ["f = x**2"], "start": {"x": 2}, "steps": 1,
        "optimizer": {"name": "gradient_descent", "learning_rate": 0.5},
    }  # fmt: skip
    text = show(client, {"question": trace, "seed": 1}, "markdown")
    assert "by gradient descent, 1 step." in text
    assert "`x` at the start = " in text
