"""Positional encodings and rotary positions against their formulas, entry by entry."""

import math
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(71)


def sinusoid(t: int, column: int, dimension: int, base: float = 10000) -> float:
    angle = t / base ** (2 * (column // 2) / dimension)
    return math.cos(angle) if column % 2 else math.sin(angle)


@pytest.mark.parametrize(
    ("length", "dimension", "base"), [(5, 4, None), (3, 5, None), (1, 1, None), (4, 6, 7.5)]
)
def test_sinusoidal(length: int, dimension: int, base: float | None) -> None:
    settings = {"length": length, "dimension": dimension} | ({} if base is None else {"base": base})
    found = answer("positional_encoding", {}, settings).values["output"]
    expected = [[sinusoid(t, i, dimension, base or 10000) for i in range(dimension)] for t in range(length)]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_integer_and_normalized() -> None:
    whole = answer("positional_encoding", {}, {"kind": "integer", "length": 4, "dimension": 2}).values
    np.testing.assert_array_equal(whole["output"], [[1, 1], [2, 2], [3, 3], [4, 4]])
    parts = answer("positional_encoding", {}, {"kind": "normalized", "length": 4}).values["output"]
    np.testing.assert_array_equal(parts, [[0.25], [0.5], [0.75], [1]])


@pytest.mark.parametrize("shift", [0, 1, 3, -2, 9, -9])
def test_one_rotation_carries_every_position(shift: int) -> None:
    settings = {"length": 10, "dimension": 6, "relative_shift": shift}
    found = answer("positional_encoding", {}, settings).values
    rotation = found["rotation"]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-15)
    for t in range(10):
        if 0 <= t + shift < 10:
            truth = [sinusoid(t + shift, column, 6) for column in range(6)]
            np.testing.assert_allclose(rotation @ found["output"][t], truth, atol=1e-14)
    count = 10 - abs(shift)
    assert found["shifted"].shape == found["shift_error"].shape == (count, 6)
    start = max(0, shift)
    np.testing.assert_array_equal(
        found["shift_error"], found["shifted"] - found["output"][start : start + count]
    )
    assert np.abs(found["shift_error"]).max() < 1e-14


@pytest.mark.parametrize(
    ("settings", "field", "expected"),
    [
        ({"length": 4, "dimension": 2, "relative_shift": 4}, "relative_shift", "from -3 to 3"),
        ({"length": 4, "dimension": 2, "relative_shift": -4}, "relative_shift", "from -3 to 3"),
        ({"length": 4, "dimension": 3, "relative_shift": 1}, "dimension", "an even dimension"),
        ({"length": 4, "kind": "integer", "relative_shift": 1}, "relative_shift", "kind sinusoidal"),
        ({"length": 4, "kind": "integer", "base": 10}, "base", "kind sinusoidal"),
        ({"length": 4, "dimension": 2, "base": 0}, "base", "above zero"),
    ],
)
def test_what_has_no_answer_is_refused(settings: dict[str, Any], field: str, expected: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        plan("positional_encoding", {}, settings)
    [error] = caught.value.errors
    assert error.path == (field,)
    assert expected in error.expected


def turned(x: Any, positions: Any, pairing: str, rotated: int, base: float) -> Any:
    """Pair by pair, as the paper writes it."""
    result = x.copy()
    for t, position in enumerate(positions):
        for pair in range(rotated // 2):
            one, other = (2 * pair, 2 * pair + 1) if pairing == "interleaved" else (pair, pair + rotated // 2)
            angle = position * base ** (-2 * pair / rotated)
            a, b = x[..., t, one], x[..., t, other]
            result[..., t, one] = a * math.cos(angle) - b * math.sin(angle)
            result[..., t, other] = a * math.sin(angle) + b * math.cos(angle)
    return result


@pytest.mark.parametrize("pairing", ["interleaved", "half_split"])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize(("width", "rotated"), [(6, None), (7, 4), (6, 2), (2, None)])
@pytest.mark.parametrize("said", [False, True])
def test_rotary(pairing: str, layout: str, width: int, rotated: int | None, said: bool) -> None:
    x = RNG.standard_normal((3, 5, width))
    positions = RNG.uniform(-9, 9, 5) if said else np.arange(5)
    settings: dict[str, Any] = {"pairing": pairing, "layout": layout, "base": 50}
    if rotated is not None:
        settings["rotary_dimension"] = rotated
    turn = layout == "columns"
    inputs = {"x": x.swapaxes(-1, -2) if turn else x} | ({"positions": positions} if said else {})
    found = answer("rotary_embedding", inputs, settings).values["output"]
    expected = turned(x, positions, pairing, rotated or width, 50)
    np.testing.assert_allclose(found.swapaxes(-1, -2) if turn else found, expected, rtol=1e-13, atol=1e-14)


def test_rotary_scores_depend_on_differences_of_positions() -> None:
    inputs = {
        name: RNG.standard_normal(shape) for name, shape in (("x", (4, 6)), ("w_q", (6, 6)), ("w_k", (6, 6)))
    }
    settings = {"rotary": "half_split", "heads": 3}
    here, later = (
        answer("self_attention", inputs | {"positions": np.arange(4.0) + start}, settings).values["scores"]
        for start in (0, 100)
    )
    np.testing.assert_allclose(here, later, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "inputs", "field"),
    [
        ({"rotary": "interleaved", "rotary_dimension": 3}, {}, "rotary_dimension"),
        ({"rotary": "interleaved", "rotary_dimension": 6}, {}, "rotary_dimension"),
        ({"rotary": "interleaved", "rotary_base": -1}, {}, "rotary_base"),
        ({"rotary_dimension": 2}, {}, "rotary_dimension"),
        ({"rotary_base": 10}, {}, "rotary_base"),
        ({}, {"positions": np.arange(3)}, "positions"),
    ],
)
def test_rotary_settings_that_do_not_fit(
    settings: dict[str, Any], inputs: dict[str, Any], field: str
) -> None:
    weights = {"x": np.ones((3, 4)), "w_q": np.eye(4), "w_k": np.eye(4)}
    with pytest.raises(QuestionErrors) as caught:
        plan("self_attention", weights | inputs, settings)
    assert caught.value.errors[0].path == (field,)


def test_an_odd_width_needs_a_rotary_dimension() -> None:
    with pytest.raises(QuestionErrors, match="3 of 3 coordinates"):
        plan("rotary_embedding", {"x": np.ones((2, 3))})


def test_gradients_reach_said_positions() -> None:
    inputs = {"x": RNG.standard_normal((3, 4)), "positions": RNG.uniform(0, 3, 3)}
    upstream = RNG.standard_normal((3, 4))
    found = answer("rotary_embedding", inputs, upstream={"output": upstream}).gradients["positions"]
    for t in range(3):
        ends = []
        for step in (1e-6, -1e-6):
            moved = inputs["positions"].copy()
            moved[t] += step
            moved_output = answer("rotary_embedding", inputs | {"positions": moved}).values["output"]
            ends.append((moved_output * upstream).sum())
        assert found[t] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_positions_for_other_batches_are_refused_by_name() -> None:
    inputs = {"x": np.ones((2, 3, 4)), "positions": np.ones((3, 3))}
    for operation, more in (
        ("rotary_embedding", {}),
        ("self_attention", {"w_q": np.eye(4), "w_k": np.eye(4)}),
    ):
        settings = {"rotary": "interleaved", "heads": 2} if more else {}
        with pytest.raises(QuestionErrors) as caught:
            plan(operation, inputs | more, settings)
        assert caught.value.errors[0].path == ("positions",)


@pytest.mark.parametrize("base", ["d_k", "d", "1/0", 5e-324, 0])
def test_a_base_is_a_plain_constant(base: Any) -> None:
    inputs = {"x": np.ones((3, 4)), "w_q": np.eye(4), "w_k": np.eye(4)}
    with pytest.raises(QuestionErrors) as caught:
        plan("self_attention", inputs, {"rotary": "interleaved", "rotary_base": base})
    assert caught.value.errors[0].path == ("rotary_base",)


def test_turned_queries_are_named_and_labelled_as_queries() -> None:
    inputs = {"x": np.ones((3, 4)), "w_q": np.eye(4), "w_k": np.eye(4)}
    prepared = plan("self_attention", inputs, {"rotary": "interleaved", "heads": 2})
    steps = {one.name: one for one in prepared.steps}
    assert steps["rotated_query"].axes == ["heads", "query", "d_k"]
    assert prepared.graph.aliases()["query_rotation.output"] == "rotated_query"
    assert steps["scores"].formula == r"S = Q' K'^{\top}"
    with pytest.raises(QuestionErrors) as caught:
        plan(
            "self_attention",
            inputs,
            {"rotary": "interleaved"},
            given={"query_rotation.angles": np.ones((2, 2, 2))},
        )
    assert caught.value.errors[0].path == ("given", "query_rotation.angles")
