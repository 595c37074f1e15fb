"""Variants over HTTP: the same for ever, distinct, as hard as their template, and solved rightly."""

import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.endpoints import ENDPOINTS
from service.settings import Settings
from tests.conftest import Ask, errors

EXAMPLE = Path("openapi/examples/softmax_variants.json")
ATTENTION: dict[str, Any] = {
    "operation": "self_attention",
    "x": [[1, 0, 2], [-1, 1, 0], [0, 2, 1]],
    "w_q": [[1, 0, 1, -1], [0, 1, -1, 0], [1, 1, 0, 2]],
    "w_k": [[0, 1, 1, 0], [1, 0, -1, 1], [-1, 1, 0, 1]],
    "w_v": [[0.1, 0.2], [-0.3, 0.1], [0.2, 0.4]],
}
INPUTS = ("x", "w_q", "w_k", "w_v")
PROGRAM: dict[str, Any] = {
    "operation": "graph", "program": ["h = relu(x @ w)", "y = sum(h)"],
    "inputs": {"x": [[1, -2]], "w": [[1, 2], [3, 4]]}, "upstream": {"y": 1},
}  # fmt: skip
MARKER = "zzqy"


def draw(**document: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        ENDPOINTS["variants"].understand(document, Settings().limits).answer()
    )
    return answer


def test_a_recorded_answer_pins_generator_1() -> None:
    recorded = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    answer = draw(**recorded["request"])
    assert answer["generator"] == 1
    assert [one["changed"] for one in answer["variants"]] == [
        {"x": [0, "log(3)", "log(7)"]},
        {"x": ["log(3)", "log(5)", "log(9)"]},
    ]
    for one, again in zip(answer["variants"], recorded["response"]["variants"], strict=True):
        assert one["values"]["output"] == pytest.approx(again["values"]["output"], rel=1e-14)


def test_a_question_and_a_seed_suffice_and_give_the_same_bytes(ask: Ask) -> None:
    first, second = (ask("/v1/variants", question=ATTENTION, seed=5) for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.content == second.content
    assert first.json()["variants"][0]["found"]


def test_a_thousand_variants_are_distinct_and_equally_hard() -> None:
    answer = draw(question=ATTENTION, seed=1, count=1000)
    found = answer["variants"]
    assert all(one["found"] for one in found)
    assert draw(question=ATTENTION, seed=1, count=3)["variants"] == found[:3]
    assert len({json.dumps(one["changed"], sort_keys=True) for one in found}) == 1000
    template = answer["template"]
    for one in found:
        inputs, values = one["difficulty"]["inputs"], one["difficulty"]["values"]
        for measure in ("entries", "negative", "zero", "long"):
            assert inputs[measure] == template["inputs"][measure]
        assert inputs["significant_digits"] == 1
        assert template["values"]["largest"] / 2 <= values["largest"] <= template["values"]["largest"] * 2
        assert np.max(one["values"]["weights"]) <= 0.999
        tables = [np.array(one["changed"][name]) for name in INPUTS]
        x, w_q, w_k, w_v = tables
        scores = x @ w_q @ (x @ w_k).T / 2
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(one["values"]["output"], weights @ (x @ w_v), rtol=1e-9, atol=1e-12)


def test_friendly_scores_give_weights_that_are_fractions() -> None:
    answer = draw(question={"operation": "softmax", "x": [1, 2, 4]}, seed=3, count=20, friendly=True)
    for one in answer["variants"]:
        numbers = [int(re.sub(r"\D", "", str(entry)) or 0) or 1 for entry in one["changed"]["x"]]
        expected = [float(Fraction(number, sum(numbers))) for number in numbers]
        assert one["values"]["output"] == pytest.approx(expected, rel=1e-12)


def test_friendly_values_have_few_digits() -> None:
    answer = draw(question=ATTENTION, seed=2, count=20, friendly=True, difficulty="any")
    for one in answer["variants"]:
        tables = [
            [[Fraction(str(entry)) for entry in row] for row in one["changed"][name]] for name in INPUTS
        ]
        x, w_q, w_k, _ = (np.array(table, dtype=object) for table in tables)
        for score in (x @ w_q @ (x @ w_k).T / 2).reshape(-1):
            thousandths = score * 1000
            assert thousandths.denominator == 1
            assert len(str(abs(int(thousandths))).rstrip("0")) <= 4


def test_roots_that_are_irrational_are_not_friendly() -> None:
    wide = {**ATTENTION, "w_q": [[1, 2]] * 3, "w_k": [[1, 1], [2, 1], [0, 1]]}
    [one] = draw(question=wide, seed=1, friendly=True, difficulty="any", tries=10)["variants"]
    assert not one["found"]
    assert one["failed"] == {"friendly": 10}
    assert "question" not in one


def test_norms_are_integers_where_they_are_asked_for() -> None:
    answer = draw(
        question=ATTENTION, seed=1, count=5, difficulty="any",
        inputs={"x": {"from": -4, "to": 4, "integer_norms": True, "nonzero": True}},
    )  # fmt: skip
    for one in answer["variants"]:
        for row in one["changed"]["x"]:
            squares = sum(entry**2 for entry in row)
            assert math.isqrt(squares) ** 2 == squares
            assert 0 not in row


def test_a_mistaken_answer_is_named(ask: Ask) -> None:
    marks = {"weights": 2, "output": 1}
    fields = {"question": ATTENTION, "marks": marks, "distinguishes": ["attention.no_scale"]}
    [one] = draw(**fields, seed=4)["variants"]
    assert set(one["values"]) == set(marks)
    x, w_q, w_k, _ = (np.array(one["changed"][name]) for name in INPUTS)
    scores = x @ w_q @ (x @ w_k).T
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    graded = ask(
        "/v1/grade", question=one["question"], marks=marks, answer={"weights": weights.tolist()}
    ).json()
    assert "attention.no_scale" in json.dumps(graded)
    checked = ask("/v1/grade/check", question=one["question"], marks=marks).json()
    assert "attention.no_scale" not in [
        finding["at"] for finding in checked["findings"] if finding["code"] != "mistakes_alike"
    ]
    right = ask("/v1/grade", question=one["question"], marks=marks, answer=one["values"]).json()
    assert right["score"] == right["max_score"] == 3


def test_a_hidden_mistake_is_reported_and_nothing_is_relaxed() -> None:
    narrow = {**ATTENTION, "w_q": [[1], [2], [0]], "w_k": [[1], [-1], [1]]}
    answer = draw(question=narrow, seed=1, distinguishes=["attention.no_scale"], difficulty="any", tries=7)
    [one] = answer["variants"]
    assert (one["found"], one["tries"]) == (False, 7)
    assert one["failed"] == {"distinguishes:attention.no_scale": 7}


def test_an_input_with_one_entry_left_repeats() -> None:
    question = {"operation": "softmax", "x": [1, 1]}
    [one] = draw(question=question, seed=1, tries=4)["variants"]
    assert one["failed"] == {"distinct": 4}


def test_programs_vary_and_have_gradients() -> None:
    answer = draw(question=PROGRAM, seed=3, count=10, no_ties=True, distinguishes="none")
    for one in answer["variants"]:
        x, w = (np.array(one["question"]["inputs"][name]) for name in ("x", "w"))
        assert (x @ w != 0).all()
        np.testing.assert_allclose(one["gradients"]["w"], x.T @ (x @ w > 0))


def test_logits_become_logarithms() -> None:
    question = {"operation": "cross_entropy", "logits": [[1, 2, 4]], "target": [2]}
    answer = draw(question=question, seed=1, friendly=True)
    assert answer["domains"]["logits"]["unit"] == "logarithm"


def test_indices_stay() -> None:
    question = {"operation": "cross_entropy", "logits": [[1, 2, 4], [0, 1, 3]], "target": [0, 2]}
    answer = draw(question=question, seed=1, count=3)
    assert set(answer["domains"]) == {"logits"}
    assert all(one["question"]["target"] == [0, 2] for one in answer["variants"] if one["found"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"seed": -1}, "/seed"),
        ({"seed": MARKER}, "/seed"),
        ({"count": 0}, "/count"),
        ({"count": 1001}, "/count"),
        ({"generator": 2}, "/generator"),
        ({"vary": [MARKER]}, "/vary/0"),
        ({"inputs": {MARKER: {}}}, None),
        ({"vary": ["x"], "inputs": {"w_q": {}}}, "/inputs/w_q"),
        ({"inputs": {"x": {"from": 3, "to": 2}}}, "/inputs/x"),
        ({"inputs": {"x": {"from": 0, "to": 0, "nonzero": True}}}, "/inputs/x"),
        ({"inputs": {"x": {"from": 3}}}, "/inputs/x/to"),
        ({"inputs": {"x": {"from": -3, "to": 2, "logarithms": True}}}, "/inputs/x/from"),
        ({"distinguishes": [MARKER]}, "/distinguishes/0"),
        ({"distinguishes": ["conv.stride_ignored"]}, "/distinguishes/0"),
        ({"marks": {MARKER: 1}}, None),
        ({"question": {"operation": MARKER}}, "/question/operation"),
        ({"question": {**ATTENTION, "arithmetic": "exact"}}, "/question/arithmetic"),
        ({"question": {**ATTENTION, "x": [[MARKER]]}}, None),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(ask: Ask, fields: dict[str, Any], pointer: str | None) -> None:
    response = ask("/v1/variants", **{"question": ATTENTION, "seed": 1, **fields})
    found = errors(response)
    assert not [one for one in found.values() if MARKER in one["message"] + one["received"]]
    assert pointer is None or pointer in found


def test_too_many_tries_are_refused_before_any_is_made(ask: Ask) -> None:
    response = ask("/v1/variants", question=ATTENTION, seed=1, count=1000, tries=1000)
    assert "/count" in errors(response, 413)
