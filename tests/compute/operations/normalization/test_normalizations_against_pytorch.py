"""Normalizations, forward and backward, against PyTorch's recorded answers in float64."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer
from tests.oracles.cases import Array
from tests.oracles.normalizations import (
    BATCH,
    COUNTS,
    DIFFERENTIATED,
    GROUP,
    INSTANCE,
    LAYER,
    RMS,
    UPDATED,
    normalization,
)
from tests.oracles.recorded import Recorded, agree, blocks, check_each, described

RECORDED = Recorded("normalizations")
NAMES = {
    LAYER: "layer_norm", RMS: "rms_norm", BATCH: "batch_norm", GROUP: "group_norm", INSTANCE: "instance_norm"
}  # fmt: skip


def weights(shape: tuple[int, ...]) -> Array:
    return (np.arange(int(np.prod(shape))) % 7 - 3.0).reshape(shape)


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in normalization(kind, 0).inputs.values()) for kind in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED) >= 200


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("block", blocks(COUNTS, NAMES))
def test_output_gradients_and_running_statistics(block: Any, arithmetic: str) -> None:
    """With every step named, and with rows normalized in one step."""
    check_each(block, partial(check, arithmetic))


def check(arithmetic: str, index: int, kind: int, seed: int) -> None:
    posed = normalization(kind, seed)
    differentiated = [name for name in DIFFERENTIATED if name in posed.inputs]
    updated = posed.attributes.get("training", True) and "running_mean" in posed.inputs
    names = ["output", *(UPDATED if updated else ())]
    for select in (["*", "output", *differentiated], [*names, *differentiated]):
        asked: dict[str, Any] = {"select": select, "arithmetic": arithmetic}
        upstream = {"output": weights(posed.inputs["x"].shape)}
        found = answer(posed.operation, posed.inputs, posed.attributes, upstream=upstream, **asked)
        tensors = {"output": found.values["output"]}
        tensors |= {f"the gradient of {name}": found.gradients[name] for name in differentiated}
        tensors |= {name: found.values[name] for name in names[1:]}
        assert {one.dtype.name for one in tensors.values()} == {arithmetic}
        if arithmetic == "float64":
            tolerance = 1e-11
        else:  # an epsilon that float32 can hardly tell from 0 magnifies its rounding
            tolerance = 2e-3 if posed.attributes.get("epsilon", 1e-5) > 1e-6 else np.inf
        agree(tensors, RECORDED[index], tolerance, described(posed, **asked))
