"""Receptive fields, against the pixels that change a network written in NumPy."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.network_costs import cost_of_operation, cost_of_program
from compute.readings.receptive_fields import Field

Array = Any
k, n = Polynomial.symbol("k"), Polynomial.symbol("n")


def windows(x: Array, size: int, stride: int, padding: int, dilation: int, fill: float = 0) -> list[Array]:
    """Return the entries that each window along the only axis reads."""
    padded = np.pad(x, padding, constant_values=fill)
    count = (len(padded) - dilation * (size - 1) - 1) // stride + 1
    return [padded[at * stride : at * stride + dilation * (size - 1) + 1 : dilation] for at in range(count)]


def convolve(x: Array, size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """Return a convolution whose weights are all different and positive."""
    weights = 1 + np.arange(size) / 7
    return np.array([float(weights @ one) for one in windows(x, size, stride, padding, dilation)])


def average(x: Array, size: int, stride: int, padding: int = 0) -> Array:
    return np.array([float(one.mean()) for one in windows(x, size, stride, padding, 1)])


def read(network: Any, pixels: int, at: int) -> list[int]:
    """Return the pixels that an output depends on."""
    x = np.random.default_rng(0).uniform(1, 2, pixels)
    before = network(x)[at]
    moved = [network(x + np.eye(pixels)[pixel])[at] for pixel in range(pixels)]
    return [pixel for pixel in range(pixels) if moved[pixel] != before]


def residual(x: Array) -> Array:
    return convolve(convolve(x, 3, padding=1), 3, padding=1) + x


def downsampled(x: Array) -> Array:
    return convolve(convolve(x, 3, stride=2, padding=1), 3, padding=1) + convolve(x, 1, stride=2)


NETWORKS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "dilated": (
        lambda x: convolve(convolve(x, 3, padding=1), 3, padding=2, dilation=2),
        ("h = conv1d(x, k3, padding=1)", "y = conv1d(h, k3, padding=2, dilation=2)"),
    ),
    "pooled": (
        lambda x: average(np.maximum(convolve(x, 5, stride=2, padding=2), 0), 3, 2, 1),
        (
            "h = relu(conv1d(x, k5, stride=2, padding=2))",
            "y = average_pool1d(h, size=3, stride=2, padding=1)",
        ),
    ),
    "residual": (residual, ("y = conv1d(conv1d(x, k3, padding=1), k3, padding=1) + x",)),
    "downsampled": (
        downsampled,
        ("h = conv1d(conv1d(x, k3, stride=2, padding=1), k3, padding=1)", "y = h + conv1d(x, k1, stride=2)"),
    ),
    "even": (
        lambda x: average(convolve(average(x, 2, 2), 3, padding=1), 2, 2),
        (
            "p = average_pool1d(x, size=2)",
            "h = conv1d(p, k3, padding=1)",
            "y = average_pool1d(h, size=2)",
        ),
    ),
    "sliced": (lambda x: convolve(x, 3)[2::3], ("h = conv1d(x, k3)", "y = h[2::3]")),
    "reversed": (lambda x: convolve(x[::-1], 3)[::-1], ("h = conv1d(x[::-1], k3)", "y = h[::-1]")),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_fields_are_the_pixels_that_matter(name: str) -> None:
    network, program = NETWORKS[name]
    pixels = 32
    kernels = {f"k{size}": Tensor((size,)) for size in (1, 3, 5) if any(f"k{size}" in one for one in program)}
    found = cost_of_program(program, {"x": Tensor((pixels,)), **kernels}, None, (), "x")
    assert found.receptive_fields is not None
    name_of_last, fields = found.receptive_fields[-1]
    assert name_of_last == "y"
    [field] = fields.values()
    size, stride, start = int(str(field.size)), int(str(field.stride)), int(str(field.start))
    outputs = len(network(np.ones(pixels)))
    assert found.output.shape == (outputs,)
    for at in range(outputs):
        seen = read(network, pixels, at)
        first, last = start + stride * at, start + stride * at + size - 1
        assert all(first <= pixel <= last for pixel in seen)
        assert seen[0] == max(first, 0)
        assert seen[-1] == min(last, pixels - 1)


def fields_of(program: tuple[str, ...], **shapes: Any) -> list[tuple[str, list[Field]]]:
    tensors = {name: Tensor(shape) for name, shape in shapes.items()}
    found = cost_of_program(program, tensors, None, (), "x").receptive_fields
    assert found is not None
    return [(name, list(fields.values())) for name, fields in found]


def test_a_dense_layer_sees_everything_and_an_image_has_two_axes() -> None:
    program = (
        "h = conv2d(x, k, padding=1)",
        "p = max_pool2d(h, size=2)",
        "f = flatten(p)",
        "y = linear(f, w)",
    )
    found = dict(fields_of(program, x=(3, 8, 12), k=(4, 3, 3, 5), w=(80, 2)))
    assert found["h"] == [Field(3, 1, -1, -2), Field(5, 1, -1, -1)]
    assert found["p"] == [Field(4, 2, -1, -2), Field(6, 2, -1, -1)]
    assert found["y"] == found["f"] == [Field(8, 0, 0, None, True), Field(12, 0, 0, None, True)]


def test_pixels_that_no_window_reaches_are_not_everything() -> None:
    """A stride of 4 over 11 pixels leaves the last two out."""
    dense = dict(fields_of(("h = conv1d(x, k, stride=4)", "y = linear(h, w)"), x=(11,), k=(1,), w=(3, 2)))
    assert dense["y"] == [Field(9, 0, 0, None, False)]


def test_a_global_pooling_sees_everything() -> None:
    program = ("h = conv2d(x, k, padding=1)", "p = average_pool2d(h)", "y = linear(flatten(p), w)")
    found = dict(fields_of(program, x=(3, 8, 12), k=(4, 3, 3, 3), w=(4, 2)))
    assert found["p"] == found["y"] == [Field(8, 0, 0, None, True), Field(12, 0, 0, None, True)]


def test_fields_in_letters() -> None:
    found = dict(fields_of(("h = conv1d(x, a)", "y = conv1d(h, a)"), x=(n,), a=(k,)))
    assert found["h"] == [Field(k, 1, 0, -1)]
    assert found["y"] == [Field(2 * k - 1, 1, 0, -1)]


def test_stacked_local_attention_widens_its_window() -> None:
    program = ("h = self_attention(x, w, w, window=2)", "y = self_attention(h, w, w, window=2)")
    found = dict(fields_of(program, x=(30, 4), w=(4, 4)))
    assert found["h"] == [Field(5, 1, -2, -2)]
    assert found["y"] == [Field(9, 1, -4, -2)]
    whole = dict(fields_of(("y = self_attention(x, w, w)",), x=(30, 4), w=(4, 4)))
    assert whole["y"][0] == Field(30, 0, 0, None, True)


def test_statistics_of_a_batch_are_constants_and_those_of_a_sample_are_not() -> None:
    shapes = {"x": (2, 3, 9, 9), "a": (3, 3, 3, 3), "g": (3,), "b": (3,)}
    of_batch = dict(fields_of(("y = batch_norm(conv2d(x, a, padding=1), g, b)",), **shapes))
    assert of_batch["y"] == [Field(3, 1, -1, -2), Field(3, 1, -1, -1)]
    letters = shapes | {"x": (Polynomial.symbol("B"), 3, n, n)}
    of_batch = dict(fields_of(("y = batch_norm(conv2d(x, a, padding=1), g, b)",), **letters))
    assert of_batch["y"] == [Field(3, 1, -1, -2), Field(3, 1, -1, -1)]
    of_sample = dict(fields_of(("y = instance_norm(conv2d(x, a, padding=1), g, b)",), **shapes))
    assert [field.everything for field in of_sample["y"]] == [True, True]


def test_an_operation_has_fields_too() -> None:
    found = cost_of_operation("max_pool2d", {"x": Tensor((3, 8, 8))}, {"size": 3, "stride": 2}, "x")
    assert found.receptive_fields is not None
    [(name, fields)] = found.receptive_fields
    assert name == "output"
    assert list(fields.values()) == [Field(3, 2, 0, -2), Field(3, 2, 0, -1)]


def test_upsampling_has_a_fraction_as_stride_and_covers_what_is_read() -> None:
    program = ("h = conv1d(x, k, stride=2, padding=1)", "y = conv_transpose1d(h, k4, stride=2, padding=1)")
    [_, (_, [field])] = fields_of(program, x=(1, 16), k=(1, 1, 3), k4=(1, 1, 4))
    assert (str(field.size), field.stride) == ("6", 1)


def test_the_image_has_to_be_an_input() -> None:
    for name in ("y", "nothing"):
        with pytest.raises(QuestionErrors) as raised:
            cost_of_program(("y = 2 * x",), {"x": Tensor((3,))}, None, (), name)
        assert raised.value.errors[0].path == ("receptive_field",)
