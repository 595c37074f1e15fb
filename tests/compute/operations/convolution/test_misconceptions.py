"""Known mistakes in convolutions, against loops in plain NumPy, in an operation and inside a program."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.grading.computations import Slot
from compute.grading.graphs import GradedQuestion, GraphComputation, Mistake, plan_graded
from compute.graph.spec import Tensor
from compute.question.plan import Question
from tests.compute.mistakes import compute

RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 5, 6))
KERNEL = RNG.normal(size=(3, 2, 2, 3))
BIAS = RNG.normal(size=3)
G = RNG.normal(size=(3, 4, 4))
LINE, TAPS = RNG.normal(size=6), RNG.normal(size=3)
PLACES = ["operation", "program"]


def padded(x: np.ndarray, padding: Any) -> np.ndarray:
    return np.pad(x, ((0, 0), *padding))


def convolved(
    x: np.ndarray, kernel: np.ndarray, stride: Any = (1, 1), padding: Any = ((0, 0), (0, 0))
) -> np.ndarray:
    """Sum window by window."""
    x, (filters, _, h, w) = padded(x, padding), kernel.shape
    rows, columns = (x.shape[1] - h) // stride[0] + 1, (x.shape[2] - w) // stride[1] + 1
    output = np.zeros((filters, rows, columns))
    for f, i, j in np.ndindex(output.shape):
        top, left = i * stride[0], j * stride[1]
        output[f, i, j] = (x[:, top : top + h, left : left + w] * kernel[f]).sum()
    return output


def gradients(kernel: np.ndarray, g: np.ndarray = G) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x and of the kernel, added window by window, for stride 1 without padding."""
    of_x, of_kernel = np.zeros(X.shape), np.zeros(KERNEL.shape)
    for f, i, j in np.ndindex(g.shape):
        of_x[:, i : i + 2, j : j + 3] += g[f, i, j] * kernel[f]
        of_kernel[f] += g[f, i, j] * X[:, i : i + 2, j : j + 3]
    return of_x, of_kernel


def layer(code: str | None, place: str, bias: bool = True, of: tuple[str, ...] = (), **settings: Any) -> Any:
    """Return the output, or the gradients of these inputs."""
    inputs = {"x": X, "kernel": KERNEL} | ({"bias": BIAS} if bias else {})
    program: tuple[str, ...] = ()
    if place == "program":
        written = [*inputs, *(f"{name}={_as_list(value)}" for name, value in settings.items())]
        program, settings = (f"output = 1 * conv2d({', '.join(written)})",), {}
    found = compute(
        code, "conv2d", inputs, ["output"], gradients=of, upstream={"output": G} if of else {},
        program=program, **settings,
    )  # fmt: skip
    return [found.gradients[name] for name in of] if of else found.values["output"]


def _as_list(setting: Any) -> str:
    return str(setting).replace("(", "[").replace(")", "]")


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape != other.shape or not np.allclose(one, other, rtol=1e-3, atol=1e-3)


OUTPUTS: dict[str, Any] = {
    "conv.kernel_flipped": lambda: convolved(X, KERNEL[..., ::-1, ::-1]) + BIAS[:, None, None],
    "conv.first_channel_only": lambda: convolved(X[:1], KERNEL[:, :1]) + BIAS[:, None, None],
    "conv.divided_by_taps": lambda: convolved(X, KERNEL) / 12 + BIAS[:, None, None],
    "conv.channels_averaged": lambda: convolved(X, KERNEL) / 2 + BIAS[:, None, None],
    "conv.bias_per_tap": lambda: convolved(X, KERNEL) + 12 * BIAS[:, None, None],
    "conv.bias_left_out": lambda: convolved(X, KERNEL),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", OUTPUTS)
def test_a_mistaken_output(code: str, place: str) -> None:
    assert layer(None, place) == pytest.approx(convolved(X, KERNEL) + BIAS[:, None, None])
    mistaken, expected = layer(code, place), OUTPUTS[code]()
    assert mistaken == pytest.approx(expected)
    assert differ(mistaken, layer(None, place))


@pytest.mark.parametrize("place", PLACES)
def test_gradients_follow_a_flipped_kernel(place: str) -> None:
    of_x, of_kernel = layer("conv.kernel_flipped", place, of=("x", "kernel"))
    expected = gradients(KERNEL[..., ::-1, ::-1])
    assert of_x == pytest.approx(expected[0])
    assert of_kernel == pytest.approx(expected[1][..., ::-1, ::-1])


@pytest.mark.parametrize("place", PLACES)
def test_a_kernel_that_is_not_turned_back(place: str) -> None:
    code = "conv.gradient_input_kernel_flipped"
    of_x, of_kernel = layer(code, place, of=("x", "kernel"))
    right = gradients(KERNEL)
    assert of_x == pytest.approx(gradients(KERNEL[..., ::-1, ::-1])[0])
    assert of_kernel == pytest.approx(right[1])
    assert differ(of_x, right[0])
    assert layer(code, place) == pytest.approx(layer(None, place))


def test_a_mistaken_gradient_of_the_input_goes_on_to_what_comes_before() -> None:
    inputs = {"v": LINE, "k": TAPS}
    found = compute(
        "conv.gradient_input_kernel_flipped", "", inputs, ["z"], gradients=["v"],
        upstream={"z": [1.0, 2.0, 3.0, 4.0]}, program=("a = exp(v)", "z = conv1d(a, k)"),
    )  # fmt: skip
    full = np.convolve([1.0, 2.0, 3.0, 4.0], TAPS[::-1])
    assert found.gradients["v"] == pytest.approx(full * np.exp(LINE))
    assert found.values["z"] == pytest.approx(np.convolve(np.exp(LINE), TAPS[::-1], "valid"))
    assert differ(full, np.convolve([1.0, 2.0, 3.0, 4.0], TAPS))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("conv.gradient_kernel_flipped", lambda g: g[..., ::-1, ::-1]),
        ("conv.gradient_kernel_averaged", lambda g: g / 16),
    ],
)
def test_a_mistaken_gradient_of_the_kernel(code: str, change: Any, place: str) -> None:
    of_x, of_kernel = layer(code, place, of=("x", "kernel"))
    right = gradients(KERNEL)
    assert of_x == pytest.approx(right[0])
    assert of_kernel == pytest.approx(change(right[1]))
    assert differ(of_kernel, right[1])


@pytest.mark.parametrize("place", PLACES)
def test_an_averaged_gradient_of_the_bias(place: str) -> None:
    of_x, of_bias = layer("conv.gradient_bias_averaged", place, of=("x", "bias"))
    assert of_x == pytest.approx(gradients(KERNEL)[0])
    assert of_bias == pytest.approx(G.mean(axis=(1, 2)))


@pytest.mark.parametrize("code", ["conv.bias_per_tap", "conv.bias_left_out", "conv.gradient_bias_averaged"])
def test_a_bias_that_a_program_adds(code: str) -> None:
    found = compute(
        code, "", {"x": LINE, "k": TAPS, "b": 0.3}, ["z"], gradients=["b"],
        upstream={"z": [1.0, 2.0, 3.0, 4.0]}, program=("z = conv1d(x, k) + b",),
    )  # fmt: skip
    times, gradient = {"conv.bias_per_tap": (3, 30), "conv.bias_left_out": (0, None)}.get(code, (1, 2.5))
    assert found.values["z"] == pytest.approx(np.convolve(LINE, TAPS[::-1], "valid") + times * 0.3)
    assert found.gradients.get("b") == pytest.approx(gradient)


def test_biases_along_the_batch_or_along_the_last_axis() -> None:
    x, bias = RNG.normal(size=(2, 2, 5)), np.array([0.5, -1.5])
    kernel = RNG.normal(size=(2, 2, 3))
    code, right = "conv.bias_wrong_axis", np.zeros((2, 2, 3))
    for n, f, t in np.ndindex(right.shape):
        right[n, f, t] = (x[n, :, t : t + 3] * kernel[f]).sum()
    batch = {"x": x, "kernel": kernel, "bias": bias}
    found = compute(code, "conv1d", batch, ["output"]).values["output"]
    assert found == pytest.approx(right + bias[:, None, None])
    assert differ(found, right + bias[:, None])
    one = {"x": x[0, :, :4], "kernel": kernel, "bias": bias}
    found = compute(code, "conv1d", one, ["output"]).values["output"]
    assert found == pytest.approx(right[0, :, :2] + bias)


@pytest.mark.parametrize("place", PLACES)
def test_padding_behind_the_input_only(place: str) -> None:
    padding = ((1, 0), (1, 1))
    mistaken = layer("conv.padding_behind_only", place, padding=padding)
    expected = convolved(X, KERNEL, padding=((0, 1), (0, 2))) + BIAS[:, None, None]
    assert mistaken == pytest.approx(expected)
    assert differ(mistaken, layer(None, place, padding=padding))


RESHAPED: dict[str, tuple[dict[str, Any], Any]] = {
    "conv.padding_ignored": ({"padding": 1}, {}),
    "conv.stride_ignored": ({"stride": 2}, {}),
    "conv.stride_in_one_direction": ({"stride": 2}, {"stride": (1, 2)}),
    "conv.axes_exchanged": ({"stride": (2, 1)}, {"stride": (1, 2)}),
    "conv.ceiling_window": ({"stride": 2}, {"stride": (2, 2), "padding": ((0, 1), (0, 1))}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", RESHAPED)
def test_another_number_of_windows(code: str, place: str) -> None:
    settings, geometry = RESHAPED[code]
    mistaken = layer(code, place, **settings)
    expected = convolved(X, KERNEL, **geometry) + BIAS[:, None, None]
    assert mistaken == pytest.approx(expected)
    assert differ(mistaken, layer(None, place, **settings))


def test_another_number_of_windows_fits_no_upstream_gradient() -> None:
    inputs, upstream = {"x": LINE, "kernel": TAPS}, {"output": [1.0, 2.0]}
    with pytest.raises(QuestionErrors):
        compute("conv.stride_ignored", "conv1d", inputs, ["output"], upstream=upstream, stride=2)


def test_values_of_another_shape_are_not_put_in_the_place_of_mistaken_ones() -> None:
    question = Question(
        operation="graph", inputs=(("x", Tensor((6,))), ("k", Tensor((3,)))),
        program=("z = conv1d(x, k, stride=2)", "h = max_pool1d(z, size=2)"),
    )  # fmt: skip
    z, h = Slot("value", "z"), Slot("value", "h")
    plan = plan_graded(GradedQuestion(question, (z, h), Mistake(("conv.stride_ignored",))))
    computation = GraphComputation(plan, {"x": LINE, "k": TAPS}, {})
    right = np.convolve(LINE, TAPS[::-1], "valid")
    expected = right.reshape(2, 2).max(axis=1)
    assert computation.expected(h, {}) == pytest.approx(expected)
    assert computation.expected(h, {z: right[::2]}) == pytest.approx(expected)
    assert computation.expected(h, {z: -right}) == pytest.approx((-right).reshape(2, 2).max(axis=1))


def test_padding_that_changes_no_number_of_windows() -> None:
    inputs = {"x": LINE, "kernel": TAPS}
    found = compute("conv.padding_ignored", "conv1d", inputs, ["output"], padding=(1, 0), stride=2)
    assert found.values["output"] == pytest.approx(np.convolve(LINE, TAPS[::-1], "valid")[::2])


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("conv.padding_ignored", {}),
        ("conv.padding_behind_only", {"padding": (0, 1)}),
        ("conv.stride_ignored", {}),
        ("conv.stride_in_one_direction", {"stride": 2}),
        ("conv.ceiling_window", {}),
        ("conv.first_channel_only", {}),
        ("conv.channels_averaged", {}),
        ("conv.bias_left_out", {}),
        ("conv.bias_wrong_axis", {}),
    ],
)
def test_a_mistake_that_cannot_be_made(code: str, settings: Any) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "conv1d", {"x": LINE, "kernel": TAPS}, ["output"], **settings)
