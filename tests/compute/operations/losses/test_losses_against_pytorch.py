"""Linear layers, embeddings and losses, forward and backward, against recorded answers of PyTorch."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.oracles.losses import COUNTS, differentiated, loss
from tests.oracles.recorded import Recorded, agree, blocks, check_each, described

RECORDED = Recorded("losses")


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in loss(name, 0).inputs.values()) for name in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED)
    assert min(COUNTS.values()) >= 20


@pytest.mark.parametrize("block", blocks(COUNTS))
def test_output_and_all_gradients(block: Any) -> None:
    """By every named step, since all are asked for, and without those that need not be named."""
    check_each(block, check)


def check(index: int, name: str, seed: int) -> None:
    posed = loss(name, seed)
    wanted = differentiated(posed)
    for select in (None, ["output", *wanted]):
        prepared = plan(posed.operation, posed.inputs, posed.attributes, select=select)
        sizes: Any = prepared.graph.names["output"].shape
        upstream = (np.arange(int(np.prod(sizes))) % 7 - 3.0).reshape(sizes)
        found = answer(
            posed.operation, posed.inputs, posed.attributes, upstream={"output": upstream}, select=select
        )
        tensors = {"output": found.values["output"]}
        for one in wanted:
            assert found.gradients[one].shape == posed.inputs[one].shape, (described(posed), one)
            tensors[f"the gradient of {one}"] = found.gradients[one]
        agree(tensors, RECORDED[index], 1e-11, described(posed, select=select))
