"""Convolutions and poolings, forward and backward, against PyTorch's recorded answers in float64."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.oracles.layers import AVERAGE, CONV, COUNTS, MAXIMUM, NORM, TRANSPOSED, UNPOOL, layer
from tests.oracles.recorded import Recorded, agree, blocks, check_each, described

RECORDED = Recorded("layers")
NAMES = {
    CONV: "conv", TRANSPOSED: "conv_transpose", MAXIMUM: "max_pool", AVERAGE: "average_pool", NORM: "lp_pool",
    UNPOOL: "max_unpool",
}  # fmt: skip


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in layer(kind, 0).inputs.values()) for kind in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert sum(COUNTS.values()) == len(RECORDED) >= 500


@pytest.mark.parametrize("block", blocks(COUNTS, NAMES))
def test_output_and_all_gradients(block: Any) -> None:
    """By the windows as columns if they are requested, and otherwise in blocks."""
    check_each(block, check)


def check(index: int, kind: int, seed: int) -> None:
    posed = layer(kind, seed)
    differentiated = [name for name in ("x", "kernel", "bias") if name in posed.inputs]
    for select in (None, ["output", *differentiated]):
        shape = (
            plan(posed.operation, posed.inputs, posed.attributes, select=select).graph.names["output"].shape
        )
        sizes: Any = shape
        upstream = (np.arange(int(np.prod(sizes))) % 7 - 3.0).reshape(sizes)
        found = answer(
            posed.operation, posed.inputs, posed.attributes, upstream={"output": upstream}, select=select
        )
        tensors = {"output": found.values["output"]}
        tensors |= {f"the gradient of {name}": found.gradients[name] for name in differentiated}
        agree(tensors, RECORDED[index], 1e-11, described(posed, select=select))


@pytest.mark.parametrize("block", blocks({CONV: 60, TRANSPOSED: 60}, NAMES))
def test_the_layer_as_one_matrix(block: Any) -> None:
    check_each(block, check_matrix)


def check_matrix(_: int, kind: int, seed: int) -> None:
    posed = layer(kind, seed)
    inputs = {name: one for name, one in posed.inputs.items() if name != "bias"}
    plane = 2 if posed.operation.endswith("2d") else 1
    batch = inputs["x"].ndim - plane == 2
    sample = inputs["x"][0] if batch else inputs["x"]
    found = answer(posed.operation, inputs, posed.attributes, select=["output", "kernel_matrix"]).values
    first = found["output"][0] if batch else found["output"]
    flat = found["kernel_matrix"] @ sample.ravel()
    np.testing.assert_allclose(flat, first.ravel(), rtol=1e-11, atol=1e-12, err_msg=described(posed))


@pytest.mark.parametrize("block", blocks({TRANSPOSED: 60}, NAMES))
def test_a_transposed_layer_is_its_turned_kernel_times_patches(block: Any) -> None:
    check_each(block, check_patches)


def check_patches(_: int, kind: int, seed: int) -> None:
    posed = layer(kind, seed)
    inputs = {name: one for name, one in posed.inputs.items() if name != "bias"}
    plane = 2 if posed.operation.endswith("2d") else 1
    found = answer(posed.operation, inputs, posed.attributes, select=["output", "patches"]).values
    kernel, groups = inputs["kernel"], posed.attributes.get("groups", 1)
    channels, filters = (*kernel.shape[:-plane], 1, 1)[:2]
    weights = kernel.reshape(groups, channels // groups, filters, -1)
    rows = weights.swapaxes(1, 2)[..., ::-1].reshape(groups, filters, -1)
    product = (rows if groups != 1 else rows[0]) @ found["patches"]
    output = found["output"]
    np.testing.assert_allclose(
        product.reshape(output.shape), output, rtol=1e-11, atol=1e-12, err_msg=described(posed)
    )


def test_patches_of_a_transposed_layer_differentiate() -> None:
    inputs = {"x": np.arange(1.0, 4), "kernel": np.ones(2)}
    settings = {"stride": 2, "padding": 1, "output_padding": 1}
    patches = answer("conv_transpose1d", inputs, settings, select=["patches"]).values["patches"]
    np.testing.assert_array_equal(patches, [[1, 0, 2, 0, 3], [0, 2, 0, 3, 0]])
    upstream = {"patches": np.arange(10.0).reshape(2, 5)}
    found = answer("conv_transpose1d", inputs, settings, upstream=upstream, select=["x", "patches"])
    np.testing.assert_array_equal(found.gradients["x"], [0, 2 + 6, 4 + 8])
