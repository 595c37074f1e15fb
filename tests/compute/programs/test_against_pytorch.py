"""Functions of programs, forward and backward, against recorded answers of PyTorch."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.oracles.programs import COUNTS, differentiated, draw_program
from tests.oracles.recorded import Recorded, agree, blocks, check_each
from tests.oracles.recording import sums
from tests.oracles.recurrent import upstream

RECORDED = Recorded("programs")


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = sums(draw_program(name, 0).inputs for name in COUNTS)
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED)


@pytest.mark.parametrize("block", blocks(COUNTS))
def test_output_and_all_gradients(block: Any) -> None:
    check_each(block, check)


def check(index: int, name: str, seed: int) -> None:
    posed = draw_program(name, seed)
    program = posed.attributes["program"]
    shape: Any = plan("graph", posed.inputs, program=program).graph.names["output"].shape
    found = answer("graph", posed.inputs, program=program, upstream={"output": upstream(shape)})
    tensors = {"output": found.values["output"]}
    for one in differentiated(posed):
        assert found.gradients[one].shape == posed.inputs[one].shape, (program, one)
        tensors[f"the gradient of {one}"] = found.gradients[one]
    shapes = ", ".join(f"{one} {tensor.shape}" for one, tensor in posed.inputs.items())
    agree(tensors, RECORDED[index], 1e-12, f"{program[0]} with {shapes}")
