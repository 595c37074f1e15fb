"""Recurrent layers, forward and backward, against PyTorch's recorded answers in float64."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.oracles.recorded import Recorded, agree, blocks, check_each, described
from tests.oracles.recurrent import COUNT, KINDS, differentiated, recurrent, results, upstream

RECORDED = Recorded("recurrent")
COUNTS = dict.fromkeys(KINDS, COUNT)


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in recurrent(kind, 0).inputs.values()) for kind in KINDS]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED)


@pytest.mark.parametrize("block", blocks(COUNTS))
def test_output_last_states_and_all_gradients(block: Any) -> None:
    """Step by step if all values are requested, and in one scan if none is."""
    check_each(block, check)


def check(index: int, kind: str, seed: int) -> None:
    posed = recurrent(kind, seed)
    names, inputs = results(posed), differentiated(posed)
    for select in (["*", *names, *inputs], [*names, *inputs]):
        graph = plan(posed.operation, posed.inputs, posed.attributes, select=select).graph
        shapes: dict[str, Any] = graph.names
        seeds = {name: upstream(shapes[name].shape) for name in names}
        found = answer(posed.operation, posed.inputs, posed.attributes, upstream=seeds, select=select)
        tensors = {name: found.values[name] for name in names}
        for name in inputs:
            assert np.shape(found.gradients[name]) == posed.inputs[name].shape, (described(posed), name)
            tensors[f"the gradient of {name}"] = found.gradients[name]
        agree(tensors, RECORDED[index], 1e-11, described(posed, select=select))
