"""Notes on random questions about every operation: none where all is well, and nothing left unsaid."""

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan
from tests.compute.notes.questions import QUESTIONS, upstream

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
        assert {note.code for note in found.notes} <= {"nothing_to_attend", "causal_alignment", "band"}
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
