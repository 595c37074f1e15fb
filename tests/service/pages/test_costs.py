"""Costs as documents."""

from tests.conftest import Client
from tests.service.networks import lenet
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


def test_a_network_is_a_table_of_its_lines_with_their_sums(client: Client) -> None:
    page = Outline(client.post("/v1/cost?format=html", json=lenet()).text)
    table = page.tables[0]
    assert table[1] == [
        "sigmoid(conv2d(x, k1, b1, padding=2))", "6 × 28 × 28", "156", "117,600", "9,408", "4,704",
    ]  # fmt: skip
    assert table[-1][2:4] == ["61,706", "416,520"]
    assert len(table) == 1 + len(lenet()["program"]) + 1
    text = client.post("/v1/cost?format=markdown", json=lenet()).text
    heads = "| value | computed as | output shape | parameters | multiply-adds | elementwise operations |"
    assert heads in text
    assert "| `pool2` | 16 | 4 | $-2$ |" in text
    assert "| `dense1` | everything |" in text
    assert client.post("/v1/cost?format=tex", json=lenet()).status_code == 200


def test_axes_with_different_fields_have_columns_of_their_own(client: Client) -> None:
    shapes = {"x": {"shape": [9, 9]}, "k": {"shape": [3, 5]}}
    body = {"program": ["y = conv2d(x, k)"], "inputs": shapes, "receptive_field": "x"}
    text = client.post("/v1/cost?format=markdown", json=body).text
    assert "size along axis 0" in text and "size along axis 1" in text
    assert "| `y` | 3 | 1 | 0 | 5 | 1 | 0 |" in text


def test_keys_and_values_have_a_table(client: Client) -> None:
    body = {**LETTERS, "heads": 4, "kv_heads": 1, "bytes_per_number": 2}
    body |= {"x": {"shape": ["n", 64]}, "w_q": {"shape": [64, 64]}, "w_k": {"shape": [64, 16]}}
    body |= {"w_v": {"shape": [64, 16]}}
    text = client.post("/v1/cost?format=markdown", json=body).text
    assert "| `self_attention` | 1 | 1 | 1 | $n$ | 16 | 16 | $64 n$ |" in text


def test_what_a_program_holds_is_escaped(client: Client) -> None:
    body = {"program": ["y = x * 2 # <b>bold</b>"], "inputs": {"x": {"shape": ["n"]}}}
    assert "<b>" not in client.post("/v1/cost?format=html", json=body).text
