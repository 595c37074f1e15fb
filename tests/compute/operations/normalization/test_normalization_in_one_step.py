"""Normalizations in one step equal those step by step, digit by digit."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.readings.formulas import write_formula
from tests.compute.asking import answer, arrays, plan
from tests.compute.operations.normalization.test_normalization import EPSILON, drawn
from tests.oracles import textbook_normalizations as textbook


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("operation", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize(
    ("shape", "over", "parameters"),
    [
        ((5, 7), 1, ("gain", "bias")),
        ((1, 1), 1, ("gain", "bias")),
        ((4,), 1, ("bias",)),
        ((2, 3, 4), 2, ("gain",)),
        ((2, 3, 4), 3, ()),
        ((3000, 40), 1, ("gain", "bias")),
        ((3, 70000), 1, ("gain", "bias")),
    ],
)
def test_in_one_step_it_is_its_composition(
    operation: str, shape: tuple[int, ...], over: int, parameters: tuple[str, ...], arithmetic: str
) -> None:
    inputs = {"x": drawn(*shape, mean=0.5)}
    inputs |= {name: drawn(*shape[-over:], seed=len(name)) for name in parameters}
    upstream = {"output": drawn(*shape, seed=9)}
    settings = {"axis": -over, "epsilon": "1/100"}
    answers = []
    for select in (["output", *inputs], ["normalized", "output", *inputs]):
        asked = plan(operation, inputs, settings, upstream=upstream, select=select, arithmetic=arithmetic)
        steps = [value.primitive.name for value in asked.graph.values if value.primitive]
        assert ("normalized_groups" in steps) == ("normalized" not in select)
        answers.append(asked.answer(arrays(inputs, arithmetic), {}, arrays(upstream, arithmetic)))
    one, composed = answers
    np.testing.assert_array_equal(one.values["output"], composed.values["output"])
    assert one.gradients.keys() >= inputs.keys()
    for name in inputs:
        np.testing.assert_array_equal(one.gradients[name], composed.gradients[name], err_msg=name)


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize(
    ("operation", "settings"),
    [
        ("layer_norm", {}), ("rms_norm", {}), ("batch_norm", {}), ("group_norm", {"groups": 2}),
        ("instance_norm", {}),
    ],
)  # fmt: skip
def test_entries_far_from_zero_keep_their_digits(
    operation: str, settings: dict[str, Any], arithmetic: str
) -> None:
    x = np.arange(40000.0, 40096.0).reshape(4, 4, 6)
    upstream = {"output": drawn(4, 4, 6, seed=1)}
    found = [
        answer(operation, {"x": x}, settings, upstream=upstream, select=select, arithmetic=arithmetic)
        for select in (["output", "x"], None)
    ]
    axes = {"layer_norm": (2,), "batch_norm": (0, 2), "instance_norm": (2,)}.get(operation)
    wide = x.astype(np.longdouble)
    if operation == "group_norm":
        wide, axes = wide.reshape(4, 2, 12), (2,)
    if axes is None:
        expected = wide / np.sqrt((wide**2).mean(axis=-1, keepdims=True))
    else:
        centered = wide - wide.mean(axis=axes, keepdims=True)
        expected = centered / np.sqrt((centered**2).mean(axis=axes, keepdims=True) + EPSILON)
    digits = 1e-14 if arithmetic == "float64" else 1e-6
    for one in found:
        np.testing.assert_allclose(one.values["output"], expected.reshape(x.shape), rtol=digits, atol=digits)
        np.testing.assert_array_equal(one.values["output"], found[1].values["output"])
        np.testing.assert_array_equal(one.gradients["x"], found[1].gradients["x"])


@pytest.mark.parametrize(
    ("axes", "gain", "at_once"),
    [
        (0, (4,), False), (0, (1, 3, 1), True), ((0, 2), (4, 5), False), ((0, 2), (1, 3, 1), True),
        ((0, 1), (4, 3), False), (1, (3,), False), ((1, 2), (3, 5), True), ((1, 2), (5,), True),
        ((0, 1, 2), (4, 3, 5), True), (-1, (4, 1, 5), True), (-1, (3, 5), True), (-1, (4, 3, 5), True),
    ],
)  # fmt: skip
def test_gains_of_any_shape_and_axes(axes: Any, gain: tuple[int, ...], at_once: bool) -> None:
    inputs = {"x": drawn(4, 3, 5), "gain": drawn(*gain, seed=1), "bias": drawn(*gain, seed=2)}
    settings = {"axis": -1} if axes == -1 else {"axes": axes}
    upstream = {"output": drawn(4, 3, 5, seed=9)}
    answers = []
    for select in (["output", *inputs], ["normalized", "output", *inputs]):
        asked = plan("layer_norm", inputs, settings, upstream=upstream, select=select)
        steps = [value.primitive.name for value in asked.graph.values if value.primitive]
        assert ("normalized_groups" in steps) == (at_once and "normalized" not in select)
        answers.append(asked.answer(arrays(inputs), {}, upstream))
    one, composed = answers
    np.testing.assert_array_equal(one.values["output"], composed.values["output"])
    for name in inputs:
        np.testing.assert_array_equal(one.gradients[name], composed.gradients[name], err_msg=name)


CHANNELS = [
    ("batch_norm", (5, 3), {}, True),
    ("batch_norm", (5, 3, 4), {}, True),
    ("batch_norm", (2, 3, 4, 2), {"channel_axis": 2}, True),
    ("batch_norm", (2, 3, 4), {"channel_axis": -1}, True),
    ("batch_norm", (3, 5), {"channel_axis": 0}, True),
    ("batch_norm", (3000, 40), {}, True),
    ("batch_norm", (3, 4, 30000), {}, True),
    ("batch_norm", (2, 70000), {}, True),
    ("group_norm", (2, 6, 4), {"groups": 1}, True),
    ("group_norm", (2, 6, 4, 3), {"groups": 3}, True),
    ("group_norm", (2, 6, 1), {"groups": 2}, True),
    ("group_norm", (6, 5), {"groups": 3, "channel_axis": 0}, True),
    ("group_norm", (2, 3, 6, 4), {"groups": 3, "channel_axis": 2}, False),
    ("group_norm", (30, 40, 200), {"groups": 8}, True),
    ("group_norm", (2, 6), {"groups": 3}, True),
    ("group_norm", (2, 4, 6), {"groups": 3, "channel_axis": -1}, False),
    ("instance_norm", (2, 3, 4), {}, True),
    ("instance_norm", (2, 3, 4), {"channel_axis": 0}, True),
    ("instance_norm", (2, 3, 4, 5), {"channel_axis": 2}, False),
    ("instance_norm", (2, 3, 4), {"channel_axis": -1}, False),
]


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("parameters", [("gain", "bias"), ("gain",), ("bias",), ()])
@pytest.mark.parametrize(("operation", "shape", "settings", "at_once"), CHANNELS)
def test_channels_in_one_step_are_their_composition(
    operation: str,
    shape: tuple[int, ...],
    settings: dict[str, Any],
    at_once: bool,
    parameters: tuple[str, ...],
    arithmetic: str,
) -> None:
    """Groups along axes that are not adjacent are normalized step by step."""
    inputs = {"x": drawn(*shape, mean=0.5)}
    channels = shape[settings.get("channel_axis", 1)]
    inputs |= {name: drawn(channels, seed=len(name)) for name in parameters}
    upstream = {"output": drawn(*shape, seed=9)}
    answers = []
    for select in (["output", *inputs], ["normalized", "output", *inputs]):
        asked = plan(
            operation, inputs, {**settings, "epsilon": "1/100"}, upstream=upstream, select=select,
            arithmetic=arithmetic,
        )  # fmt: skip
        steps = [value.primitive.name for value in asked.graph.values if value.primitive]
        assert ("normalized_groups" in steps) == (at_once and "normalized" not in select)
        answers.append(asked.answer(arrays(inputs, arithmetic), {}, arrays(upstream, arithmetic)))
    one, composed = answers
    np.testing.assert_array_equal(one.values["output"], composed.values["output"])
    for name in inputs:
        np.testing.assert_array_equal(one.gradients[name], composed.gradients[name], err_msg=name)


def test_a_batch_in_one_step_is_refused_as_it_is_step_by_step() -> None:
    """Values that are not requested are checked too; requested running statistics are returned."""
    single = {"x": drawn(1, 3), "running_variance": np.ones(3)}
    for select in (["output"], None):
        with pytest.raises(QuestionErrors) as caught:
            plan("batch_norm", single, select=select)
        assert caught.value.errors[0].path == ("x",)
        with pytest.raises(QuestionErrors) as caught:
            plan("batch_norm", {"x": drawn(4, 3)}, {"momentum": 2}, select=select)
        assert caught.value.errors[0].path == ("momentum",)
        assert plan("layer_norm", {"x": drawn(4, 3)}, select=select).conventions["variance"]
        assert plan("batch_norm", {"x": drawn(4, 3)}, select=select).conventions["variance"]
    many = {"x": drawn(4, 3), "running_mean": np.ones(3)}
    found = answer("batch_norm", many, select=["output", "new_running_mean"]).values
    np.testing.assert_allclose(found["new_running_mean"], 0.9 + 0.1 * many["x"].mean(axis=0))


def test_entries_far_from_zero_keep_their_digits_in_one_step() -> None:
    x = drawn(6, 50, mean=1e6)
    upstream = {"output": drawn(6, 50, seed=1)}
    found = [
        answer("layer_norm", {"x": x}, upstream=upstream, select=select)
        for select in (["output", "x"], ["normalized", "output", "x"])
    ]
    exact = textbook.layer_norm(x, (1,), 1.0, 0.0, EPSILON)["output"]
    for one in found:
        np.testing.assert_allclose(one.values["output"], exact, atol=1e-8)
        np.testing.assert_allclose(one.gradients["x"], found[1].gradients["x"], atol=1e-8)


@pytest.mark.parametrize(
    ("operation", "above", "square"),
    [
        ("layer_norm", r"X - \operatorname{mean}\left(X\right)", r"\operatorname{var}\left(X\right)"),
        ("rms_norm", "X", r"\operatorname{mean}\left(X^{2}\right)"),
    ],
)
def test_the_formula_has_no_gain_of_1_and_no_bias_of_0(operation: str, above: str, square: str) -> None:
    x, one = drawn(3, 4), drawn(4)
    fraction = rf"Y = \frac{{{above}}}{{\sqrt{{{square} + \frac{{1}}{{2}}}}}}"
    for parameters, behind in (
        ({}, ""),
        ({"gain": one}, r" \odot \gamma"),
        ({"bias": one}, r" + \beta"),
        ({"gain": one, "bias": one}, r" \odot \gamma + \beta"),
        ({"gain": 2.0}, r" \cdot \gamma"),
    ):
        asked = plan(operation, {"x": x, **parameters}, {"epsilon": "1/2"}, select=["output"])
        assert write_formula(asked.graph.names["output"]) == fraction + behind
