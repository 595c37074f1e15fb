"""Settings of exact questions: symbols, large numbers, and invalid ones."""

import json
from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.expressions import parse
from tests.conftest import Ask, Client, errors

EXACT: dict[str, Any] = {"arithmetic": "exact"}


def number(text: str) -> Any:
    return value(parse(text, 10_000), Symbols())


def test_settings_may_hold_symbols(ask: Ask) -> None:
    fields = {"query": [["q"]], "key": [["k1"], ["k2"]], "value": [[1], [0]], **EXACT}
    answer = ask("/v1/attention", **fields, scale="beta").json()
    expected = number("exp(beta*q*k1)/(exp(beta*q*k1) + exp(beta*q*k2))")
    found = number(answer["values"]["output"][0][0])
    assert sympy.simplify(found - expected) == 0
    assert answer["conventions"]["scale"] == "beta"
    assert "/scale" in errors(ask("/v1/attention", **fields, scale="_b"))
    assert "/scale" in errors(ask("/v1/attention", query=[[1]], key=[[1]], value=[[1]], scale="beta"))


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"encoding": "packed"}, "/encoding"),
        ({"assumptions": {"a": ["great"]}}, "/assumptions/a/0"),
        ({"assumptions": {"a": ["positive", "negative"]}}, "/assumptions/a"),
        ({"abbreviate": ["x"]}, "/abbreviate/0"),
        ({"abbreviate": ["q"]}, "/abbreviate/0"),
        ({"abbreviate": ["a"]}, "/abbreviate/0"),
        ({"arithmetic": "float64", "assumptions": {"a": ["positive"]}, "inputs": {"x": 1}}, "/assumptions"),
        ({"arithmetic": "float64", "abbreviate": ["y"], "inputs": {"x": 1}}, "/abbreviate"),
        ({"arithmetic": "float64"}, "/inputs/x"),
        ({"program": ["a = x + 1", "y = a * 2"], "abbreviate": ["a"]}, "/abbreviate/0"),
    ],
)
def test_settings_that_do_not_fit(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    question: dict[str, Any] = {"program": ["y = x * 2"], "inputs": {"x": "a"}, **EXACT}
    assert pointer in errors(ask("/v1/graph", **(question | fields)))


NINES = "9" * 4_290  # fewer would be an integer that Python reads, and more one that JSON's reader refuses


@pytest.mark.parametrize(
    "number",
    [
        f"{NINES}9999999999.5", f"0.{NINES}9999999999", f"1e{NINES}9999999999", "1e999999999", "1E-999999999",
        "1e401", f"1e{'0' * 5_000}1", NINES, f'"1e{"9" * 1_990}"', '"1e999999999"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["inputs", "given", "upstream"])
def test_numbers_of_too_many_digits(client: Client, field: str, number: str) -> None:
    question = {"program": ["h = x * 2", "y = h + 1"], "inputs": {"x": "a"}, **EXACT}
    name = {"inputs": "x", "given": "h", "upstream": "y"}[field]
    body = json.dumps({**question, field: {name: "HERE"}}).replace('"HERE"', number)
    response = client.post("/v1/graph", content=body, headers={"content-type": "application/json"})
    assert "digits" in errors(response)[f"/{field}/{name}"]["message"]
    assert len(response.content) < 1_000


@pytest.mark.parametrize("number", ["1e400", "-1e400", f"1{'0' * 400}", '"1e401"'])
@pytest.mark.parametrize("arithmetic", ["exact", "float64"])
def test_settings_beyond_any_number(client: Client, arithmetic: str, number: str) -> None:
    tensors = "".join(f'"{name}": [[1]], ' for name in ("query", "key", "value"))
    body = f'{{{tensors}"scale": {number}, "arithmetic": "{arithmetic}"}}'
    response = client.post("/v1/attention", content=body, headers={"content-type": "application/json"})
    assert errors(response)["/scale"]["received"] in ("a very large number", "text of 5 characters")


def test_roots_of_integers_with_two_large_factors(ask: Ask) -> None:
    """SymPy 1.14 fails on this one when its cache has factors."""
    root = "sqrt(20249999999999999988750000000000000001)"
    answer = ask("/v1/graph", program=["y = x**2", "z = 2 * x"], inputs={"x": root}, **EXACT).json()
    assert answer["values"] == {"y": "20249999999999999988750000000000000001", "z": f"2*{root}"}
