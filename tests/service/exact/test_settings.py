"""Settings of exact questions: symbols, large numbers, and what does not fit."""

from typing import Any

import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols, value
from compute.arithmetic.expressions import parse
from tests.conftest import Ask, errors

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
