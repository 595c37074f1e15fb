"""Notes on random questions about every operation: none where all is well, and nothing left unsaid."""

import re
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.question.answer import Answer
from tests.compute.asking import answer, plan
from tests.compute.readings.notes.questions import QUESTIONS, upstream

PARTICULAR = {
    "max_unpool2d", "embedding", "cross_entropy", "nll", "binary_cross_entropy", "kl_divergence",
    "hinge_embedding", "hinge", "multi_margin", "cosine", "gaussian_nll", "poisson_nll", "rnn", "lstm", "gru",
}  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_false_alarm(name: str) -> None:
    case = QUESTIONS[name]
    for arithmetic in ("float64", "float32"):
        found = answer(
            case.operation,
            case.inputs,
            case.attributes,
            upstream=upstream(case),
            arithmetic=arithmetic,
        )
        about_shapes = {"nothing_to_attend", "causal_alignment", "band", "rows_left_out"}
        assert {note.code for note in found.notes} <= about_shapes
        assert not found.spoiled_gradients


@pytest.mark.parametrize("name", QUESTIONS)
def test_everything_spoiled_is_accounted_for(name: str) -> None:
    case = QUESTIONS[name]
    rng = np.random.default_rng(len(name))
    inputs = {one: array.copy() for one, array in case.inputs.items()}
    changed = [one for one, array in inputs.items() if array.dtype == np.float64 and one != "mask"]
    handed = upstream(case)
    for array in (*(inputs[one] for one in rng.choice(changed, 2)), *handed.values()):
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e200])
    try:
        found = answer(case.operation, inputs, case.attributes, upstream=handed)
    except QuestionErrors:  # where entries are places, classes, lengths or probabilities
        assert case.operation in PARTICULAR
        return
    values, gradients = set[str](), set[str]()
    for note in found.notes:
        if note.code == "non_finite":
            values |= {note.at, *note.spoiled}
        elif note.code == "non_finite_gradient":
            gradients.add(note.at)
            values.update(note.spoiled)
        gradients.update(note.spoiled_gradients)
    graph = plan(case.operation, inputs, case.attributes, upstream=handed).graph
    first = {name: str(value.name) for name, value in graph.names.items()}
    meant = {name for name, value in graph.names.items() if value.may_be_infinite}
    assert values - meant == {first[one] for one in found.spoiled} - meant
    assert gradients == {first[one] for one in found.spoiled_gradients}
    check_nan(found)


def check_nan(found: Answer) -> None:
    """Whatever a note says has become NaN holds NaN."""
    for note in found.notes:
        for name in re.findall(r"In (\S+) it becomes NaN", note.message):
            assert name not in found.values or np.isnan(found.values[name]).any(), note.message


INFINITE = [
    ("binary_cross_entropy", {"probabilities": [1.0], "target": [0.0]}, {}),
    ("binary_cross_entropy", {"probabilities": [0.0], "target": [1.0]}, {}),
    ("binary_cross_entropy", {"logits": [-np.inf], "target": [1.0]}, {}),
    ("cross_entropy", {"logits": [[-np.inf, 1.0]], "target": [0]}, {}),
    ("cross_entropy", {"logits": [[-np.inf, 1.0]], "target": [[1.0, 0.0]]}, {}),
    ("cross_entropy", {"logits": [[-np.inf, 1.0]], "target": [0]}, {"label_smoothing": 0.1}),
    ("kl_divergence", {"prediction": [[1.0, 0.0]], "target": [[0.5, 0.5]]}, {}),
    ("poisson_nll", {"prediction": [0.0], "target": [1.0]}, {"prediction_is_log": False}),
]
FINITE = [
    ("binary_cross_entropy", {"probabilities": [1.0, 0.3], "target": [1.0, 0.0]}, {}),
    ("binary_cross_entropy", {"probabilities": [0.0, 0.3], "target": [0.0, 1.0]}, {}),
    ("binary_cross_entropy", {"logits": [np.inf, -np.inf], "target": [1.0, 0.0]}, {}),
    ("kl_divergence", {"prediction": [[0.5, 0.5]], "target": [[1.0, 0.0]]}, {}),
    ("poisson_nll", {"prediction": [0.0, 1.0], "target": [0.0, 1.0]}, {"prediction_is_log": False}),
]


@pytest.mark.parametrize(("operation", "inputs", "attributes"), INFINITE)
def test_an_infinite_loss_is_not_said_to_be_nan(
    operation: str, inputs: dict[str, Any], attributes: dict[str, Any]
) -> None:
    arrays = {name: np.asarray(one) for name, one in inputs.items()}
    for select in (None, ("output",)):
        found = answer(operation, arrays, attributes, select=select)
        assert found.values["output"] == np.inf
        assert found.notes
        assert not any("NaN" in note.message for note in found.notes)


@pytest.mark.parametrize(("operation", "inputs", "attributes"), FINITE)
def test_an_infinite_logarithm_that_weighs_nothing_is_not_noted(
    operation: str, inputs: dict[str, Any], attributes: dict[str, Any]
) -> None:
    arrays = {name: np.asarray(one) for name, one in inputs.items()}
    for select in (None, ("output",)):
        found = answer(operation, arrays, attributes, select=select, upstream={"output": np.ones(())})
        assert np.isfinite(found.values["output"])
        assert all(note.message.startswith("came in as") for note in found.notes)
