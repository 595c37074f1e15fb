"""Activations, gated units and softmaxes, forward and backward, against PyTorch's recorded answers."""

from pathlib import Path

import numpy as np
import pytest

from compute.operations import CATALOGUE
from compute.primitives.activations.declaration import ACTIVATIONS
from tests import oracles
from tests.compute.asking import answer
from tests.oracles.activations import FUNCTIONS, all_questions
from tests.oracles.cases import Array

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("activations.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
POSED = all_questions()
# What PyTorch does not have, or not in this form; it is held against definitions elsewhere.
OTHERS = {"log_relu", "thresholded_relu", "shrink", "scaled_tanh", "affine"}


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [float(one.upstream.sum()) for one in POSED[:: len(POSED) // 50]]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(POSED) == len(ENDS) >= 900
    assert {*FUNCTIONS} == ({*ACTIVATIONS, "prelu"} - OTHERS)
    assert {one.operation for one in POSED} <= {*CATALOGUE}


@pytest.mark.parametrize("start", range(0, len(POSED), 20))
def test_output_and_gradients(start: int) -> None:
    for index in range(start, min(start + 20, len(POSED))):
        question = POSED[index]
        expected = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
        found = answer(
            question.operation, question.inputs, question.attributes, upstream={"output": question.upstream}
        )
        wanted = ["x", "slope"] if question.attributes.get("function") == "prelu" else ["x"]
        parts = [found.values["output"], *(found.gradients[one] for one in wanted)]
        place = 0
        for part in parts:
            recorded = expected[place : place + part.size]
            place += part.size
            size = max(1.0, np.abs(recorded[np.isfinite(recorded)]).max(initial=0))
            np.testing.assert_allclose(
                part.ravel(), recorded, rtol=1e-11, atol=1e-11 * size, err_msg=str(question)
            )
        assert place == expected.size
        if question.operation == "activation":
            derivative = found.values["derivative"] * question.upstream
            np.testing.assert_allclose(derivative, found.gradients["x"], rtol=1e-12, atol=1e-14)
