"""Comparisons as documents."""

from typing import Any

import pytest

from tests.conftest import EXAM, Client
from tests.service.pages.documents import Outline

SWAPPED = {**EXAM, "operation": "self_attention", "changes": {"x": {"permute": [1, 0]}}}


def show(client: Client, body: dict[str, Any], form: str = "html") -> str:
    response = client.post(f"/v1/compare?format={form}", json=body)
    assert response.status_code == 200, response.text
    return response.text


def test_each_value_is_shown_before_after_and_as_a_difference(client: Client) -> None:
    page = Outline(show(client, SWAPPED))
    answer = client.post("/v1/compare", json=SWAPPED).json()["values"]["output"]
    tables = page.numbers()
    for field in ("before", "after", "difference"):
        assert [[float(f"{entry:.4g}") for entry in row] for row in answer[field]] in tables, field


def test_unchanged_names_are_one_line_and_permutations_are_named(client: Client) -> None:
    text = show(client, SWAPPED, "markdown")
    assert "Unchanged: `scores`, `scaled_scores`, `weights`." in text
    assert "After is before with the slices along query in the order 1, 0." in text
    assert "The slices of `x` along axis 0 are put in the order 1, 0." in text
    assert "### `weights`" not in text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": {"remove": [1]}}, "Slice 1 of `x` along axis 0 is removed."),
        ({"x": {"multiply": 2}}, "2 multiplies each entry of `x`."),
        (
            {"x": {"at": [0, None], "add": 0.01}},
            "0.01 is added to `x` at index 0 of axis 0, every index of axis 1.",
        ),
        ({"x": [[0, 0], [1, 1]]}, "`x` is replaced as a whole."),
        ({"causal": True}, "`causal` is set to `true`."),
        ({"scores": {"multiply": 0}}, "0 multiplies each entry of `scores`. It is taken as changed, and not"),
        ({"scale": "1/2"}, "`scale` is set to `1/2`."),
    ],
)
def test_changes_are_sentences(client: Client, change: dict[str, Any], sentence: str) -> None:
    assert sentence in show(client, {**SWAPPED, "changes": change}, "markdown").replace("\\_", "_")


def test_the_prediction_is_beside_the_change(client: Client) -> None:
    text = show(client, {**SWAPPED, "changes": {"x": {"at": [0, 1], "add": 0.01}}}, "markdown")
    assert "predicted" in text
    assert "The Jacobian predicts the change of a value to first order." in text
    assert "The prediction is off by at most" in text


def test_a_setting_that_follows_is_in_a_table(client: Client) -> None:
    page = Outline(show(client, {**SWAPPED, "changes": {"causal": True}}))
    assert ["false", "query i attends to keys 0 to i"] in page.tables[4]
