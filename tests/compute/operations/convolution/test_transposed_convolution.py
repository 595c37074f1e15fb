"""Lengths and cuts of transposed convolutions, against loops over single entries."""

import itertools
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

X = [1.0, 10.0, 100.0]


def added(x: list[float], kernel: list[float], stride: int, dilation: int, length: int) -> list[float]:
    """Sum each entry of x times the shifted kernel; return the first entries."""
    found = [0.0] * (length + len(x) * stride + dilation * len(kernel))
    for at, one in enumerate(x):
        for tap, weight in enumerate(kernel):
            found[at * stride + tap * dilation] += one * weight
    return found[:length]


@pytest.mark.parametrize(
    ("stride", "dilation", "more"),
    [(1, 2, 1), (1, 4, 3), (2, 3, 2), (3, 2, 2), (3, 1, 2), (2, 5, 4), (1, 1, 0)],
)
def test_entries_behind_are_fewer_than_stride_or_dilation(stride: int, dilation: int, more: int) -> None:
    kernel = [1.0, 2.0, 3.0]
    settings = {"stride": stride, "dilation": dilation, "output_padding": more}
    inputs: dict[str, Any] = {"x": X, "kernel": kernel}
    expected = added(X, kernel, stride, dilation, (len(X) - 1) * stride + 2 * dilation + 1 + more)
    np.testing.assert_array_equal(answer("conv_transpose1d", inputs, settings).values["output"], expected)
    with pytest.raises(QuestionErrors) as caught:
        plan("conv_transpose1d", inputs, {**settings, "output_padding": max(stride, dilation)})
    [error] = caught.value.errors
    assert error.path == ("output_padding",)
    assert (error.expected, error.received) == (
        f"at most {max(stride, dilation) - 1}",
        f"{max(stride, dilation)}",
    )


def test_each_axis_has_its_own_bound() -> None:
    inputs = {"x": np.array([[1.0, 2], [3, 4]]), "kernel": np.ones((2, 2))}
    found = answer("conv_transpose2d", inputs, {"dilation": 2, "output_padding": 1}).values["output"]
    expected = np.zeros((5, 5))
    for row, column in itertools.product((0, 2), repeat=2):
        expected[row : row + 2, column : column + 2] += inputs["x"]
    np.testing.assert_array_equal(found[:4, :4], expected[:4, :4])
    assert found.shape == (5, 5) and not found[4].any() and not found[:, 4].any()
    settings = {"stride": (1, 3), "dilation": (2, 1), "output_padding": (1, 2)}
    assert plan("conv_transpose2d", inputs, settings).steps[-1].shape == [5, 7]
    for more in ((2, 2), (1, 3)):
        with pytest.raises(QuestionErrors):
            plan("conv_transpose2d", inputs, {**settings, "output_padding": more})


@pytest.mark.parametrize(
    ("taps", "stride", "dilation"), [*itertools.product((1, 2, 3, 4, 5), (1, 2, 3, 4), (1, 2, 3))]
)
def test_same_is_the_transpose_of_same_at_every_stride(taps: int, stride: int, dilation: int) -> None:
    """Keras's rule: of the kernel's reach less the stride half is cut before, the larger half behind.

    The matrix is that of conv1d with padding same on an input of this length, transposed.
    """
    kernel = [float(one) for one in range(1, taps + 1)]
    settings = {"stride": stride, "dilation": dilation, "padding": "same"}
    found = answer(
        "conv_transpose1d", {"x": X, "kernel": kernel}, settings, select=["output", "kernel_matrix"]
    )
    cut = max(0, dilation * (taps - 1) + 1 - stride) // 2
    expected = added(X, kernel, stride, dilation, cut + len(X) * stride)[cut:]
    np.testing.assert_array_equal(found.values["output"], expected)
    forward = answer(
        "conv1d", {"x": np.zeros(len(X) * stride), "kernel": kernel}, settings, select=["kernel_matrix"]
    )
    np.testing.assert_array_equal(found.values["kernel_matrix"], forward.values["kernel_matrix"].T)


def test_same_is_among_the_conventions() -> None:
    for padding, said in (("same", True), ("valid", False), (1, False)):
        conventions = plan(
            "conv_transpose1d", {"x": X, "kernel": [1.0, 2, 3]}, {"padding": padding}
        ).conventions
        assert ("same" in conventions) is said
        if said:
            assert "stride times as long as the input" in conventions["same"]
