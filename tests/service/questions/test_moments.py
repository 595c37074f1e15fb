"""Moments over HTTP: answers, fields that are refused, and numbers that are too large."""

from typing import Any

import pytest

from tests.conftest import Client

HE: dict[str, Any] = {
    "program": ["h = relu(x @ W1)", "y = h @ W2"],
    "inputs": {"x": {"shape": ["n", "d"]}, "W1": {"shape": ["d", "m"]}, "W2": {"shape": ["m", "k"]}},
    "random": {
        "x": {"mean": 0, "variance": 1},
        "W1": "he_normal",
        "W2": {"distribution": "xavier_uniform", "gain": 1},
    },
}
ONE: dict[str, Any] = {"program": ["y = x + 1"], "inputs": {"x": {"shape": [2]}}}


def test_an_answer(client: Client) -> None:
    response = client.post("/v1/moments", json=HE)
    assert response.status_code == 200, response.text
    answer = response.json()
    values = {row["name"]: row for row in answer["values"]}
    assert list(values) == ["x", "W1", "W2", "h", "y"]
    assert values["h"]["second_moment"] == 1
    assert (values["h"]["line"], values["h"]["shape"]) == (1, ["n", "m"])
    assert values["h"]["assumptions"] == ["entries are taken as normal"]
    assert values["y"]["variance"] == "2*m/(k + m)"
    assert answer["gradients"][0]["name"] == answer["output"]["name"] == "y"


@pytest.mark.parametrize(
    ("distribution", "path"),
    [
        ("he", "/random/x"),
        ({"distribution": "uniform", "mean": 0}, "/random/x"),
        ({"distribution": "uniform", "low": 0}, "/random/x"),
        ({"variance": 1, "std": 1}, "/random/x"),
        ({"distribution": "constant"}, "/random/x"),
        ({"variance": -1}, "/random/x/variance"),
        ({"variance": "exp(v)"}, "/random/x/variance"),
        ({"mean": [1]}, "/random/x"),
        ("he_normal", "/random/x"),
    ],
)
def test_refused_distributions(client: Client, distribution: Any, path: str) -> None:
    response = client.post("/v1/moments", json={**ONE, "random": {"x": distribution}})
    assert response.status_code == 422
    assert all(error["pointer"].startswith(path) for error in response.json()["errors"]), response.text


def test_moments_that_overflow_are_refused(client: Client) -> None:
    body = {**ONE, "program": ["y = x * 1e200"], "random": {"x": {"variance": 1e200}}}
    response = client.post("/v1/moments", json=body)
    assert response.status_code == 422
    assert "too large" in response.text
