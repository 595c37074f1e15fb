"""Convolutions and poolings beyond PyTorch: missing axes, ties, memory, symbolic sizes."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(121)


def test_axes_that_are_missing_are_missing_in_the_answer() -> None:
    x, kernel = RNG.standard_normal((2, 3, 6, 5)), RNG.standard_normal((4, 3, 2, 2))
    whole = answer("conv2d", {"x": x, "kernel": kernel}).values["output"]
    steps = plan("conv2d", {"x": x, "kernel": kernel}).steps
    assert steps[-1].axes == ["batch", "filter", "row", "column"]
    for inputs, expected, axes in (
        ({"x": x[0], "kernel": kernel}, whole[0], ["filter", "row", "column"]),
        ({"x": x, "kernel": kernel[1]}, whole[:, 1], ["batch", "row", "column"]),
        ({"x": x[1], "kernel": kernel[2]}, whole[1, 2], ["row", "column"]),
    ):
        np.testing.assert_allclose(answer("conv2d", inputs).values["output"], expected, rtol=1e-12)
        assert plan("conv2d", inputs).steps[-1].axes == axes


def test_one_axis_is_two_of_which_the_first_stands_still() -> None:
    x, kernel = RNG.standard_normal((3, 9)), RNG.standard_normal((4, 3, 2))
    line = answer("conv1d", {"x": x, "kernel": kernel}, {"stride": 2, "padding": (1, 0)}).values["output"]
    inputs = {"x": x[:, None], "kernel": kernel[:, :, None]}
    plane = answer("conv2d", inputs, {"stride": (1, 2), "padding": ((0, 0), (1, 0))}).values["output"]
    np.testing.assert_allclose(line, plane[:, 0], rtol=1e-13)


def test_patches_can_be_given_without_the_input() -> None:
    whole = answer("conv1d", {"x": [1.0, 2, 3, 4], "kernel": [10.0, 1]})
    given = {"patches": whole.values["patches"]}
    again = answer("conv1d", {"kernel": [10.0, 1]}, given=given)
    np.testing.assert_array_equal(again.values["output"], whole.values["output"])


@pytest.mark.parametrize(
    ("ties", "shares"), [("first", [1, 0, 0]), ("split", [1 / 3] * 3), ("all", [1, 1, 1])]
)
def test_equal_maxima(ties: str, shares: list[float]) -> None:
    x = np.array([[2.0, 1, 2], [0, 2, 1]])
    upstream = {"output": np.array([[6.0]])}
    found = answer("max_pool2d", {"x": x}, {"ties": ties}, upstream=upstream)
    assert found.values["winners"] == [[0]]
    np.testing.assert_allclose(found.gradients["x"][x == 2], np.array(shares) * 6)
    assert not found.gradients["x"][x != 2].any()


def test_the_border_never_wins_and_nan_always_does() -> None:
    low = np.full((3, 3), -np.inf)
    found = answer("max_pool2d", {"x": low}, {"size": 2, "stride": 1, "padding": 1}).values
    assert (found["winners"] >= 0).all()
    assert (found["output"] == -np.inf).all()
    spoiled = answer("max_pool1d", {"x": [1.0, np.nan, 3, 4]}, {"size": 2}).values["output"]
    np.testing.assert_array_equal(spoiled, [np.nan, 4])


def test_winners_can_be_given() -> None:
    x = np.array([[1.0, 5], [3, 2]])
    found = answer("max_pool2d", {"x": x}, given={"winners": np.array([[2]])}, upstream={"output": [[1.0]]})
    assert found.values["output"] == [[3]]
    np.testing.assert_array_equal(found.gradients["x"], [[0, 0], [1, 0]])


def test_what_a_later_maximum_covers_gets_no_gradient() -> None:
    inputs = {"x": np.array([[1.0, 2]]), "winners": np.array([[3.0, 3]])}
    upstream = {"output": np.arange(8.0).reshape(2, 4)}
    found = answer("max_unpool2d", inputs, upstream=upstream)
    np.testing.assert_array_equal(found.values["output"], [[0, 0, 0, 2], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found.gradients["x"], [[0, 3]])


def test_a_large_layer_takes_little_memory_beyond_its_arrays() -> None:
    x, kernel = RNG.standard_normal((1, 32, 112, 112)), RNG.standard_normal((32, 32, 3, 3))
    upstream = {"output": np.ones((1, 32, 112, 112))}
    inputs = {"x": x, "kernel": kernel}
    asked = plan("conv2d", inputs, {"padding": 1}, upstream=upstream, select=["output", "x", "kernel"])
    tracemalloc.start()
    asked.answer(inputs, {}, upstream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20 + 2 * x.nbytes


def test_sizes_in_letters() -> None:
    letters = {name: Polynomial.symbol(name) for name in ("C", "W", "H", "w", "h", "s")}
    shapes = {
        "x": Tensor((letters["C"], letters["W"], letters["H"])),
        "kernel": Tensor((letters["C"], letters["w"], letters["h"])),
    }
    _, steps, _ = describe_cost("conv2d", shapes, {"stride": letters["s"]})
    assert steps[-1].shape == ["1 + floor((W - w)/s)", "1 + floor((H - h)/s)"]
    _, steps, _ = describe_cost("conv2d", shapes, {})
    assert steps[-1].shape == ["1 + W - w", "1 + H - h"]


@pytest.mark.parametrize(
    ("operation", "shapes", "settings", "field"),
    [
        ("conv2d", {"x": (3, 3), "kernel": (4, 1)}, {}, "kernel"),
        ("conv2d", {"x": (3, 3), "kernel": (1, 2, 2)}, {}, "kernel"),
        ("conv2d", {"x": (2, 3, 3), "kernel": (4, 3, 2, 2)}, {}, "x"),
        ("conv2d", {"x": (2, 3, 3), "kernel": (3, 1, 2, 2)}, {"groups": 2}, "kernel"),
        ("conv2d", {"x": (2, 3, 3), "kernel": (4, 2, 2, 2), "bias": (3,)}, {}, "bias"),
        ("conv_transpose1d", {"x": (4,), "kernel": (2,)}, {"output_padding": 1}, "output_padding"),
        ("conv_transpose1d", {"x": (1,), "kernel": (2,)}, {"padding": 1}, "padding"),
        (
            "conv_transpose1d",
            {"x": (1,), "kernel": (2,)},
            {"padding": "same", "stride": 2, "output_padding": 1},
            "output_padding",
        ),
        ("conv1d", {"x": (2, 4), "kernel": (1, 2)}, {"groups": 2}, "groups"),
        ("conv_transpose1d", {"x": (3, 4), "kernel": (3, 1, 2)}, {"groups": 2}, "groups"),
        ("conv_transpose1d", {"x": (2, 4), "kernel": (2, 2)}, {"groups": 2}, "groups"),
        ("lp_pool1d", {"x": (4,)}, {"size": 2, "p": 5e-324}, "p"),
        ("max_unpool2d", {"x": (1, 2), "winners": (1, 2)}, {"size": 1, "padding": 5}, "padding"),
        ("max_pool1d", {"x": (4,)}, {"size": 5}, "size"),
        ("max_pool1d", {"x": (4,)}, {"size": 2, "padding": 2}, "padding"),
        ("max_pool1d", {"x": (1,)}, {"size": 2, "padding": 2, "dilation": 2}, "padding"),
        ("lp_pool1d", {"x": (4,)}, {"size": 2, "p": 0}, "p"),
    ],
)
def test_what_does_not_fit_is_refused(
    operation: str, shapes: dict[str, tuple[int, ...]], settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan(operation, {name: np.ones(shape) for name, shape in shapes.items()}, settings)
    assert field in {error.path[0] for error in caught.value.errors}


@pytest.mark.parametrize("place", [-1, 4, 0.5, np.nan])
def test_places_that_are_none_are_refused(place: float) -> None:
    with pytest.raises(QuestionErrors, match="not a place"):
        answer("max_unpool2d", {"x": [[1.0]], "winners": [[place]]})


@pytest.mark.parametrize(
    ("operation", "shapes", "settings"),
    [
        ("conv1d", {"x": (20_000,), "kernel": (1000,)}, {}),
        ("conv1d", {"x": (20_000,), "kernel": (1000,)}, {"stride": 3}),
        ("conv_transpose1d", {"x": (20_000,), "kernel": (1000,)}, {}),
        ("max_pool1d", {"x": (20_000,)}, {"size": 1000, "stride": 1, "ties": "split"}),
        ("average_pool1d", {"x": (20_000,)}, {"size": 1000, "stride": 1, "count_include_pad": False}),
    ],
)
def test_long_windows_take_little_memory(
    operation: str, shapes: dict[str, tuple[int, ...]], settings: dict[str, Any]
) -> None:
    inputs = {name: RNG.standard_normal(shape) for name, shape in shapes.items()}
    inputs["x"][0] = (
        np.inf if operation == "max_pool1d" else 1.0
    )  # what is not finite takes a path of its own
    output = plan(operation, inputs, settings, select=["output"]).graph.names["output"].shape
    upstream = {"output": np.ones([int(str(size)) for size in output])}
    asked = plan(operation, inputs, settings, upstream=upstream, select=["output", *inputs])
    tracemalloc.start()
    asked.answer(inputs, {}, upstream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_the_gradient_of_patches_takes_no_more_than_they_do() -> None:
    inputs = {"x": RNG.standard_normal(4000), "kernel": RNG.standard_normal(3990)}
    upstream = {"patches": np.ones((3990, 11))}
    asked = plan("conv1d", inputs, upstream=upstream, select=["patches", "x"])
    tracemalloc.start()
    found = asked.answer(inputs, {}, upstream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
    assert found.gradients["x"].sum() == 3990 * 11


@pytest.mark.parametrize(
    ("operation", "shapes", "settings"),
    [
        ("conv2d", {"x": (1, 1), "kernel": (1, 1)}, {"padding": 100_000, "stride": 100_000}),
        ("conv1d", {"x": (3,), "kernel": (2,)}, {"padding": "same", "dilation": 2**31 - 1}),
        ("max_pool2d", {"x": (1, 1)}, {"size": 40_001, "padding": 20_000, "stride": 40_001}),
        ("conv_transpose2d", {"x": (2, 2), "kernel": (1, 1)}, {"stride": 100_000, "padding": 50_000}),
    ],
)
def test_borders_are_predicted(operation: str, shapes: dict[str, Any], settings: dict[str, Any]) -> None:
    inputs = {name: np.ones(shape) for name, shape in shapes.items()}
    assert plan(operation, inputs, settings, select=["output"]).predicted.entries > 10**8


def test_the_matrix_of_a_large_kernel_is_predicted() -> None:
    inputs = {"x": np.ones((1, 1)), "kernel": np.ones((100, 100))}
    asked = plan("conv2d", inputs, {"padding": 99}, select=["kernel_matrix"])
    assert asked.predicted.entries > 10**9


def test_groups_without_the_input() -> None:
    patches = np.array([[[1.0, 2, 3], [2, 3, 4]]] * 2)
    found = answer("conv1d", {"kernel": np.ones((2, 1, 2))}, {"groups": 2}, given={"patches": patches})
    np.testing.assert_array_equal(found.values["output"], [[3, 5, 7]] * 2)


def test_winners_for_ties_that_are_split_are_refused() -> None:
    for ties in ("split", "all"):
        with pytest.raises(QuestionErrors, match="cannot split ties"):
            plan("max_pool1d", {"x": np.ones(4)}, {"size": 2, "ties": ties}, given={"winners": np.zeros(2)})
    with pytest.raises(QuestionErrors, match="winners"):
        plan("max_pool1d", {"x": np.ones(4)}, {"size": 2}, given={"winners": np.zeros((2, 2))})


def test_one_window_that_is_partly_filled() -> None:
    found = answer(
        "max_pool1d", {"x": [1.0, 5, 3, 4, 2]}, {"size": 4, "dilation": 2, "stride": 4, "ceil_mode": True}
    )
    np.testing.assert_array_equal(found.values["output"], [3])


@pytest.mark.parametrize("operation", ["max_pool1d", "max_pool2d"])
def test_the_border_of_a_maximum_is_not_called_zeros(operation: str) -> None:
    """Zeros as padding would be the maximum over negative entries; -infinity is not."""
    said = CATALOGUE[operation].attributes["padding"].declared.meaning
    assert "-Infinity" in said and "zero" not in said.lower()
    shape = (3,) if operation.endswith("1d") else (1, 3)
    padding = 1 if operation.endswith("1d") else (0, 1)
    settings = {"size": 3 if operation.endswith("1d") else (1, 3), "stride": 1, "padding": padding}
    found = answer(operation, {"x": np.array([-3.0, -1, -2]).reshape(shape)}, settings).values["output"]
    np.testing.assert_array_equal(found.ravel(), [-1, -1, -1])
