"""POST /v1/cost: settings in letters, and what a window saves."""

from typing import Any

import pytest

from tests.conftest import Ask, errors

PATH = "/v1/cost"
TOKENS = {name: {"shape": ["T", "d"]} for name in ("query", "key", "value")}


def cost(ask: Ask, **fields: Any) -> Any:
    response = ask(PATH, **fields)
    assert response.status_code == 200, response.text
    return response.json()["cost"]


@pytest.mark.parametrize(
    ("window", "exact", "speedup"),
    [
        ("k", "T + 2*T*k - k**2 - k", "T/(1 + 2*k)"),
        (["k", 0], "T + T*k - k**2/2 - k/2", "T/(1 + k)"),
        (3, "-12 + 7*T", "T/7"),
        ("2*k", "T + 4*T*k - 4*k**2 - 2*k", "T/(1 + 4*k)"),
    ],
)
def test_windows_in_letters(ask: Ask, window: Any, exact: str, speedup: str) -> None:
    found = cost(ask, operation="attention", **TOKENS, window=window)
    assert found["all_comparisons"] == "T**2"
    assert found["exact_comparisons"] == exact
    assert found["speedup"] == speedup


def test_windows_in_numbers(ask: Ask) -> None:
    shapes = {name: {"shape": [100, 8]} for name in TOKENS}
    found = cost(ask, operation="attention", **shapes, window=3)
    assert (found["comparisons"], found["all_comparisons"], found["exact_comparisons"]) == (700, 10000, 688)
    assert found["speedup"] == 100 / 7
    assert "speedup" not in cost(ask, operation="attention", **shapes)


def test_no_exact_count_where_letters_leave_it_open(ask: Ask) -> None:
    found = cost(
        ask,
        operation="attention",
        **TOKENS | {"key": {"shape": ["S", "d"]}, "value": {"shape": ["S", "d"]}},
        window="k",
    )
    assert found["all_comparisons"] == "S*T"
    assert "exact_comparisons" not in found


def test_heads_in_letters(ask: Ask) -> None:
    shapes = {
        "x": {"shape": ["n", "d"]},
        **{name: {"shape": ["d", "d"]} for name in ("w_q", "w_k", "w_v", "w_o")},
    }
    found = cost(ask, operation="self_attention", **shapes, heads="h")
    assert found["comparisons"] == "h*n**2"
    assert found["multiply_adds"] == "4*d**2*n + 2*d*n**2"


def test_encodings_in_letters(ask: Ask) -> None:
    assert cost(ask, operation="positional_encoding", length="n", dimension="d")["parameters"] == 0
    assert "/length" in errors(ask(PATH, operation="positional_encoding"))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"window": "k)"}, "/window"),
        ({"window": "-k"}, "/window"),
        ({"window": [1, "k+j+l+m"]}, "/window"),
        ({"window": -1}, "/window"),
        ({"heads": "h"}, "/heads"),
    ],
)
def test_letters_that_are_none(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    assert pointer in errors(ask(PATH, operation="attention", **TOKENS, **fields))
