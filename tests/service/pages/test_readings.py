"""Readings of an answer in its document: claims, Jacobians, second derivatives and evidence."""

from typing import Any

from tests.conftest import Client
from tests.service.pages.documents import Outline, read_examples

EXAMPLES = dict(read_examples())


def ask(client: Client, name: str, form: str = "html") -> str:
    example = EXAMPLES[name]
    text: str = client.post(f"{example['path']}?format={form}", json=example["request"]).text
    return text


def test_claims_are_written_out_with_their_verdict(client: Client) -> None:
    text = ask(client, "004_1_proof", "markdown")
    request = EXAMPLES["004_1_proof"]["request"]
    for claim, verdict in zip(
        request["claims"], ["It holds.", "It holds.", "It does not hold."], strict=True
    ):
        assert f"**{verdict}** `{claim}`: " in text
    point = EXAMPLES["004_1_proof"]["response"]["claims"][2]["point"]
    above, _, below = point["z0"].partition("/")
    assert rf"at `z0` = $\frac{{{above}}}{{{below}}}$, `z1` = " in text


def test_claims_say_their_tolerance_and_where_they_differ(client: Client) -> None:
    claims = [{"claim": "y == 0.7", "decimals": 1}, {"claim": "y < x", "tolerance": 0.001}, "y == q"]
    request = {"program": ["y = sigmoid(x)"], "given": {"x": [0.5, 0.9]}, "claims": claims}
    text = client.post("/v1/graph?format=markdown", json=request).text
    assert "**It does not hold.** `y == 0.7` to 1 decimal, with a largest difference of" in text
    assert r"at \[0\]." in text
    assert "**It does not hold.** `y < x` within 0.001, with" in text
    assert "**It is unknown.** `y == q`." in text
    open_claim = {
        "program": ["y = exp(x)"],
        "inputs": {"x": "a"},
        "claims": ["y >= x"],
        "arithmetic": "exact",
    }
    text = client.post("/v1/graph?format=markdown", json=open_claim).text
    assert "**It is undecided.** `y >= x`: it holds at " in text


def test_claims_without_a_verdict_are_not_called_wrong(client: Client) -> None:
    question: dict[str, Any] = {
        "program": ["p = softmax(x)", "q = u + 1"], "inputs": {"x": [0, 1]}, "given": {"p": [0.5, 0.5]},
        "claims": ["p[0] == q", "p[0] == 1", "p[0] == 1/2"],
    }  # fmt: skip
    answer = client.post("/v1/graph", json=question).json()
    assert [claim["holds"] for claim in answer["claims"]] == [None, False, True]
    text = client.post("/v1/graph?format=markdown", json=question).text
    verdicts = ["It is unknown.", "It does not hold.", "It holds."]
    for verdict, claim in zip(verdicts, question["claims"], strict=True):
        assert f"**{verdict}** `{claim}`" in text
    assert text.count("does not hold") == 1


def test_exact_jacobians_are_matrices_of_formulas(client: Client) -> None:
    text = ask(client, "004_4_2_jacobian", "markdown")
    assert "### Of `hidden[3]` with respect to `w_h`" in text
    assert "the Jacobian, index 0" in text
    assert r"| 0 | $3 p + 2 \, \mathrm{x1} + \mathrm{x2}$ | $0$ |" in text
    assert "through `preactivation[2]`, index 1" in text


def test_zeros_of_a_jacobian_are_explained(client: Client) -> None:
    text = ask(client, "003_1_jacobian", "markdown")
    assert "Zero where the index of n is beyond that of query." in text
    assert "Zero at key 1 of `scores`, for these numbers." in text


def test_second_derivatives_stand_side_by_side(client: Client) -> None:
    page = Outline(ask(client, "hessian_rosenbrock"))
    assert page.tags["div"] >= 3
    text = ask(client, "hessian_rosenbrock", "markdown")
    assert "| 0 | $802$ | $-400$ |" in text
    assert "the Hessian times the vector" in text


def test_evidence_has_a_row_for_each_gradient(client: Client) -> None:
    answer = EXAMPLES["verify_graph"]["response"]["evidence"]
    page = Outline(ask(client, "verify_graph"))
    [table] = [rows for rows in page.tables if any("agrees" in row for row in rows)]
    rows = [row for row in table if any(row)]
    assert len(rows) == len(answer["gradients"])
    for row, checked in zip(rows, answer["gradients"].values(), strict=True):
        assert row[0] == checked["verdict"]
        assert row[1] == f"{checked['checked']} of {checked['entries']}"
    assert "10⁻⁹" in rows[0]
    assert rows[0][-1] == answer["gradients"]["x"]["reason"]


def test_names_within_sentences_are_code(client: Client) -> None:
    assert "the numbers of <code>point</code> for" in ask(client, "verify_exact")


def test_decimals_that_say_the_same_are_left_out(client: Client) -> None:
    question: dict[str, Any] = {"x": [["1/3", 2]], "arithmetic": "exact", "upstream": {"output": [[1, 0]]}}
    request = {"function": "relu", **question}
    text = client.post("/v1/activation?format=markdown", json=request).text
    assert text.count("as decimals") == 1  # of the output alone


def test_limits_are_written_out_and_those_not_found_are_said(client: Client) -> None:
    text = ask(client, "attention_limits", "markdown")
    assert "### Of `weights` as `beta` goes to `inf`\n\nthe limit\n\n" in text
    asked = {"of": "y", "symbol": "s", "to": 0}
    request = {"program": ["y = 1 / s"], "inputs": {"s": "s"}, "limits": [asked], "arithmetic": "exact"}
    text = client.post("/v1/graph?format=markdown", json=request).text
    assert "**Not found.** Of `y` as `s` goes to `0`." in text
