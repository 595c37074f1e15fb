"""Attention, forward and backward, against PyTorch's recorded answers in float64."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer
from tests.oracles.cases import (
    ATTENTION,
    COUNTS,
    CROSS_ATTENTION,
    MULTIHEAD,
    ROTARY,
    SELF_ATTENTION,
    WINDOWED,
    case,
)
from tests.oracles.recorded import Recorded, agree, blocks, check_each, described

RECORDED = Recorded("attention")
NAMES = {
    ATTENTION: "attention",
    SELF_ATTENTION: "self_attention",
    MULTIHEAD: "multihead",
    CROSS_ATTENTION: "cross_attention",
    WINDOWED: "windowed",
    ROTARY: "rotary",
}


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in case(kind, 0).inputs.values()) for kind in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED)


@pytest.mark.parametrize("block", blocks(COUNTS, NAMES))
def test_output_and_all_gradients(block: Any) -> None:
    check_each(block, check)


def check(index: int, kind: int, seed: int) -> None:
    posed = case(kind, seed)
    found = answer(posed.operation, posed.inputs, posed.attributes, upstream={"output": posed.upstream})
    tensors = {"output": found.values["output"]}
    for name in posed.differentiated:
        assert np.shape(found.gradients[name]) == posed.inputs[name].shape, (described(posed), name)
        tensors[f"the gradient of {name}"] = found.gradients[name]
    agree(tensors, RECORDED[index], 1e-12, described(posed))
