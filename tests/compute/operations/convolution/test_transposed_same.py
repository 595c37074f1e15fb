"""Padding same of transposed convolutions, against loops and as the adjoint of the convolution."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer

RNG = np.random.default_rng(77)


def by_loops(x: Any, kernel: Any, stride: tuple[int, int], dilation: tuple[int, int]) -> Any:
    """Each entry times the kernel, added where it falls; then cut to the stride times the input.

    x: (channels, rows, columns); kernel: (channels, filters, rows, columns).
    """
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape[2:], strict=True)]
    sizes = [s * n for s, n in zip(stride, x.shape[1:], strict=True)]
    before = [max(0, r - s) // 2 for r, s in zip(reach, stride, strict=True)]
    output = np.zeros((kernel.shape[1], *sizes))
    for c, i, j in np.ndindex(*x.shape):
        for f, k, m in np.ndindex(*kernel.shape[1:]):
            row = stride[0] * i + dilation[0] * k - before[0]
            column = stride[1] * j + dilation[1] * m - before[1]
            if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                output[f, row, column] += x[c, i, j] * kernel[c, f, k, m]
    return output


CASES = [
    (shape, window, stride, dilation)
    for shape, window, stride, dilation in product(
        [(3, 4), (1, 2)], [(3, 2), (1, 4)], [(1, 1), (2, 3), (5, 2)], [(1, 1), (2, 3)]
    )
]


@pytest.mark.parametrize(("shape", "window", "stride", "dilation"), CASES)
def test_two_axes_are_those_of_loops(
    shape: tuple[int, int], window: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> None:
    x, kernel = RNG.standard_normal((2, *shape)), RNG.standard_normal((2, 3, *window))
    settings: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": "same"}
    upstream = RNG.standard_normal((3, stride[0] * shape[0], stride[1] * shape[1]))
    found = answer(
        "conv_transpose2d",
        {"x": x, "kernel": kernel},
        settings,
        upstream={"output": upstream},
        select=["*", "patches", "kernel_matrix"],
    )
    output = found.values["output"]
    np.testing.assert_allclose(output, by_loops(x, kernel, stride, dilation), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose((found.gradients["x"] * x).sum(), (upstream * output).sum(), rtol=1e-10)
    turned = kernel[:, :, ::-1, ::-1].swapaxes(0, 1).reshape(3, -1)
    np.testing.assert_allclose(
        turned @ found.values["patches"], output.reshape(3, -1), rtol=1e-11, atol=1e-12
    )
    column = found.values["kernel_matrix"] @ x.reshape(-1)
    np.testing.assert_allclose(column, output.reshape(-1), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "window", "stride", "dilation"), list(product([1, 4], [1, 2, 5], [1, 2, 4], [1, 3]))
)
def test_one_axis_is_the_adjoint_of_the_convolution(
    size: int, window: int, stride: int, dilation: int
) -> None:
    """The convolution with padding same takes the output's length back to the input's."""
    x, kernel, other = (RNG.standard_normal(one) for one in (size, window, size * stride))
    settings: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": "same"}
    output = answer("conv_transpose1d", {"x": x, "kernel": kernel}, settings).values["output"]
    assert output.shape == (size * stride,)
    back = answer("conv1d", {"x": other, "kernel": kernel}, settings).values["output"]
    assert back.shape == x.shape
    np.testing.assert_allclose(output @ other, x @ back, rtol=1e-11, atol=1e-13)


def test_the_odd_entry_is_cut_behind() -> None:
    """Conv1DTranspose(1, 4, strides=1, padding="same"): one entry is cut before and two behind."""
    found = answer("conv_transpose1d", {"x": [1.0, 0, 0], "kernel": [1.0, 2, 3, 4]}, {"padding": "same"})
    np.testing.assert_array_equal(found.values["output"], [2, 3, 4])
    found = answer("conv_transpose1d", {"x": [1.0, 5], "kernel": [1.0, 2]}, {"padding": "same", "stride": 3})
    np.testing.assert_array_equal(found.values["output"], [1, 2, 0, 5, 10, 0])
    valid = answer("conv_transpose1d", {"x": [1.0, 5], "kernel": [1.0, 2]}, {"padding": "valid", "stride": 3})
    np.testing.assert_array_equal(valid.values["output"], [1, 2, 0, 5, 10])


def test_lengths_in_letters() -> None:
    inputs = {"x": Tensor((Polynomial.symbol("W"),)), "kernel": Tensor((3,))}
    _, steps, _ = describe_cost("conv_transpose1d", inputs, {"padding": "same", "stride": 2})
    assert steps[-1].shape == ["2*W"]
    inputs["kernel"] = Tensor((Polynomial.symbol("k"),))
    _, steps, _ = describe_cost("conv_transpose1d", inputs, {"padding": "same"})
    assert steps[-1].shape == ["W"]
    with pytest.raises(QuestionErrors) as caught:
        describe_cost("conv_transpose1d", inputs, {"padding": "same", "stride": 2})
    assert caught.value.errors[0].path == ("padding",)
