"""Costs as documents."""

from tests.conftest import Client
from tests.service.pages.documents import Outline

LETTERS = {
    "operation": "self_attention", "x": {"shape": ["n", "d"]},
    **{name: {"shape": ["d", "d"]} for name in ("w_q", "w_k", "w_v")},
}  # fmt: skip


def test_polynomials_and_their_growth_are_mathematics(client: Client) -> None:
    text = client.post("/v1/cost?format=markdown", json=LETTERS).text
    assert "$3 d^{2} n + 2 d n^{2}$, which grows as $O(d^{2} n + n^{2} d)$" in text
    assert "$n \\times d$" in text


def test_numbers_have_a_row_for_each_step_and_readable_bytes(client: Client) -> None:
    body = {"operation": "linear", "x": {"shape": [512, 1024]}, "w": {"shape": [1024, 256]}}
    page = Outline(client.post("/v1/cost?format=html", json=body).text)
    answer = client.post("/v1/cost", json=body).json()
    steps = page.tables[-1]
    assert sum(bool(row) and row[0] != "" for row in steps[1:]) == len(answer["steps"])
    text = client.post("/v1/cost?format=markdown", json=body).text
    assert "134,217,728" in text, "512 x 1024 x 256 multiply-adds"
    assert f"{answer['cost']['bytes']:,}, {answer['cost']['bytes'] / 2**20:.4g} MiB" in text


def test_columns_without_numbers_are_left_out(client: Client) -> None:
    body = {"operation": "linear", "x": {"shape": [2, 3]}, "w": {"shape": [3, 4]}}
    steps = client.post("/v1/cost?format=markdown", json=body).text.partition("## Step by step")[2]
    assert "multiply-adds" in steps
    assert "comparisons" not in steps
