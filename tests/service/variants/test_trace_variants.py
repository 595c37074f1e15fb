"""Variants of optimizer traces: distinct, as hard as their template, and solved as by hand."""

import json
from typing import Any

import numpy as np
import pytest

from tests.conftest import Ask, errors
from tests.service.variants.test_variants import draw

TRACE: dict[str, Any] = {
    "operation": "optimizer/trace",
    "program": ["L = mean((x @ w - y)**2)"],
    "start": {"w": [[2], [-3]]},
    "inputs": {"x": [[1, 2], [3, 1]], "y": [[4], [1]]},
    "steps": 2,
    "optimizer": {"name": "momentum", "learning_rate": 0.1, "momentum": 0.5},
}
SENT: dict[str, Any] = {
    "operation": "optimizer/trace",
    "gradients": [{"x": [1, -2]}, {"x": [3, 1]}],
    "start": {"x": [1, 5]},
    "optimizer": {"name": "rmsprop", "learning_rate": 0.01},
}


def test_values_are_those_of_the_rule_by_hand() -> None:
    answer = draw(question=TRACE, seed=1, count=20)
    assert draw(question=TRACE, seed=1, count=2)["variants"] == answer["variants"][:2]
    found = [one for one in answer["variants"] if one["found"]]
    assert len({json.dumps(one["changed"], sort_keys=True) for one in found}) == len(found) == 20
    largest = answer["template"]["values"]["largest"]
    for one in found:
        question, values = one["question"], one["values"]
        x, y, w = (np.array(question[group][name]) for group, name in
                   (("inputs", "x"), ("inputs", "y"), ("start", "w")))  # fmt: skip
        rate, velocity = question["optimizer"]["learning_rate"], np.zeros((2, 1))
        losses = [np.mean((x @ w - y) ** 2)]
        assert 0.05 <= rate <= 0.2
        for step in (1, 2):
            velocity = 0.5 * velocity + x.T @ (x @ w - y)
            w = w - rate * velocity
            losses.append(np.mean((x @ w - y) ** 2))
            np.testing.assert_allclose(values[f"trace[{step}].parameters.w"], w, atol=1e-12)
            assert (np.abs(velocity) > 1e-9).all()  # everything moves
        assert losses[0] > losses[1] > losses[2]  # as in the template
        assert largest / 2 <= one["difficulty"]["values"]["largest"] <= largest * 2
        assert one["difficulty"]["values"]["significant_digits"] <= 6


def test_variants_of_sent_gradients_are_distinct() -> None:
    answer = draw(question=SENT, seed=3, count=150, tries=200)
    changed = [one["changed"] for one in answer["variants"] if one["found"]]
    assert set(changed[0]) == {"gradients[0].x", "gradients[1].x", "optimizer.learning_rate", "start.x"}
    assert len({json.dumps(one, sort_keys=True) for one in changed}) == 150


def test_a_mistake_is_told_from_a_variants_solution(ask: Ask) -> None:
    marks = {"w[1]": 1, "w[2]": 2}
    fields = {"question": TRACE, "marks": marks, "distinguishes": ["momentum.forgotten"], "seed": 2}
    [one] = draw(**fields)["variants"]
    question = one["question"]
    x, y, w = (np.array(question[group][name]) for group, name in
               (("inputs", "x"), ("inputs", "y"), ("start", "w")))  # fmt: skip
    answer = {}
    for step in (1, 2):  # without momentum
        w = w - question["optimizer"]["learning_rate"] * x.T @ (x @ w - y)
        answer[f"w[{step}]"] = w.tolist()
    graded = ask("/v1/grade", question=question, marks=marks, answer=answer).json()
    assert graded["score"] == 1
    assert "momentum.forgotten" in json.dumps(graded)
    right = ask("/v1/grade", question=question, marks=marks, answer=one["values"]).json()
    assert right["score"] == right["max_score"] == 3


def test_kinks_of_the_program_are_avoided() -> None:
    question = {**TRACE, "program": ["L = mean(relu(x @ w - y))"], "start": {"w": [[2], [3]]},
                "inputs": {"x": [[1, 2], [3, 1]], "y": [[2], [1]]}}  # fmt: skip
    answer = draw(question=question, seed=1, count=5, no_ties=True, difficulty="any", distinguishes="none")
    for one in answer["variants"]:
        inputs, start = one["question"]["inputs"], one["question"]["start"]
        assert (np.array(inputs["x"]) @ np.array(start["w"]) - np.array(inputs["y"]) != 0).all()


def test_indices_stay_and_chosen_inputs_vary() -> None:
    question = {**TRACE, "program": ["L = cross_entropy(x @ w, target=t)"],
                "start": {"w": [[2, 1], [3, -1]]},
                "inputs": {"x": [[1, 2], [2, 1]], "t": [0, 1]}}  # fmt: skip
    answer = draw(question=question, seed=1, distinguishes="none")
    assert set(answer["domains"]) == {"inputs.x", "optimizer.learning_rate", "start.w"}
    answer = draw(question=TRACE, seed=1, vary=["start.w"], distinguishes="none",
                  inputs={"start.w": {"from": -5, "to": 5, "nonzero": True}})  # fmt: skip
    assert set(answer["domains"]) == {"start.w"}


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        ({"substitute": {"trace[1].parameters.w": [[1], [2]]}}, "/question/substitute"),
        ({"stop_when": {"loss": 1}}, "/question/stop_when"),
        ({"steps": 101}, "/question/steps"),
        ({"arithmetic": "exact"}, "/question/arithmetic"),
    ],
)
def test_what_has_no_variants_is_refused(ask: Ask, question: dict[str, Any], pointer: str) -> None:
    response = ask("/v1/variants", question={**TRACE, **question}, seed=1)
    assert pointer in errors(response)
