"""Limits of values, against closed forms and against mpmath with the symbol far on its way."""

from typing import Any

import mpmath
import pytest
import sympy

import compute
from service.exceptions import Refused

EYE = [[1, 0], [0, 1]]
TOKENS, VALUES = [[1, 0], [0, 1], [2, 1]], [[1, 2], [3, 4]]
ATTENTION: dict[str, Any] = {
    "x": TOKENS, "w_q": EYE, "w_k": EYE, "w_v": VALUES, "scale": "beta", "select": ["output"],
}  # fmt: skip
FAR = {"inf": "1e3", "-inf": "-1e3", "0": "1e-30", "1/2": "0.5"}


def limits(operation: str, *wanted: tuple[str, str, float | str], **fields: Any) -> list[Any]:
    asked = [{"of": of, "symbol": symbol, "to": to} for of, symbol, to in wanted]
    found = compute.answer(operation, arithmetic="exact", limits=asked, **fields).document["limits"]
    assert [(one["of"], one["symbol"]) for one in found] == [one[:2] for one in wanted]
    return [one["value"] for one in found]


def attend(beta: Any) -> list[list[Any]]:
    """Self-attention of the tokens, whose queries and keys are the tokens themselves."""
    outputs = []
    for query in TOKENS:
        raised = [mpmath.exp(beta * sum(a * b for a, b in zip(query, key, strict=True))) for key in TOKENS]
        mixed = [
            sum(w * key[at] for w, key in zip(raised, TOKENS, strict=True)) / sum(raised) for at in (0, 1)
        ]
        outputs.append([sum(mixed[row] * VALUES[row][column] for row in (0, 1)) for column in (0, 1)])
    return outputs


@pytest.mark.parametrize("to", list(FAR))
def test_limits_of_attention_are_what_mpmath_finds_near_them(to: str) -> None:
    [output] = limits("self_attention", ("output", "beta", to), **ATTENTION)
    with mpmath.workdps(700):
        for row, near in zip(output, attend(mpmath.mpf(FAR[to])), strict=True):
            for entry, number in zip(row, near, strict=True):
                exact = mpmath.mpf(str(sympy.N(sympy.sympify(entry, {"e": sympy.E}), 40)))
                assert abs(exact - number) < 1e-25


def test_attention_chooses_the_largest_scores_and_shares_ties() -> None:
    tied = {**ATTENTION, "x": [[1, 0], [0, 1], [1, 1]]}
    weights, scores = limits(
        "self_attention", ("weights", "beta", "inf"), ("scaled_scores", "beta", "inf"), **tied
    )
    assert weights == [["1/2", "0", "1/2"], ["0", "1/2", "1/2"], ["0", "0", "1"]]
    infinity = "Infinity"
    assert scores == [[infinity, "0", infinity], ["0", infinity, infinity], [infinity] * 3]


def test_a_temperature_goes_to_0_from_above_if_it_is_positive() -> None:
    asked = [("output", "tau", to) for to in (0, 0.0, "inf")]
    positive = {"tau": ["positive"]}
    found = limits("softmax", *asked, x=[1, 3, 2], scale="1/tau", assumptions=positive)
    assert found == [["0", "1", "0"], ["0", "1", "0"], ["1/3", "1/3", "1/3"]]
    [both_sides] = limits("softmax", ("output", "tau", 0), x=[1, 3, 2], scale="1/tau")
    assert both_sides is None


def test_limits_of_programs_with_symbols_that_stay() -> None:
    program = ["p = softmax(x * [1, 2])", "y = p[0] * a", "z = (exp(x) - 1) / x * a"]
    asked = ("y", "x", "-inf"), ("z", "x", 0), ("p", "x", "Infinity")
    found = limits("graph", *asked, program=program, inputs={"x": "x", "a": "a"})
    assert found == ["a", "a", ["0", "1"]]


def test_limits_see_through_abbreviations() -> None:
    program, inputs = ["z = x / (x + 1)", "y = z + 1"], {"x": "x"}
    assert limits("graph", ("y", "x", "inf"), program=program, inputs=inputs, abbreviate=["z"]) == ["2"]


@pytest.mark.parametrize(
    ("limit", "pointer", "message"),
    [
        ({"of": "weight", "symbol": "beta", "to": "inf"}, "/limits/1/of", "no value of this name"),
        (
            {"of": "weights", "symbol": "alpha", "to": "inf"},
            "/limits/1/symbol",
            "does not depend on the symbol",
        ),
        ({"of": "weights", "symbol": "beta", "to": "gamma"}, "/limits/1/to", "is no number"),
        ({"of": "weights", "symbol": "beta", "to": "1/0"}, "/limits/1/to", "is no number"),
        ({"of": "weights", "symbol": "beta", "to": "1e-500"}, "/limits/1/to", "is no number"),
        ({"of": "weights", "symbol": "beta", "to": "--inf"}, "/limits/1/to", "is no number"),
        ({"of": "weights", "symbol": "beta"}, "/limits/1/to", "is required"),
    ],
)
def test_errors_name_the_field(limit: dict[str, Any], pointer: str, message: str) -> None:
    fields = {**ATTENTION, "limits": [{"of": "weights", "symbol": "beta", "to": 0}, limit]}
    with pytest.raises(Refused) as caught:
        compute.answer("self_attention", arithmetic="exact", **fields)
    [error] = caught.value.errors
    assert error["pointer"] == pointer
    assert message in error["message"]
