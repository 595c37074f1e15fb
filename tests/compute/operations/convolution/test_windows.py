"""Local attention as a band: the same numbers as all pairs under a mask, in linear time and memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(61)
STAGES = ("scores", "scaled_scores", "capped_scores", "masked_scores", "weights")


def posed(n: int, m: int, heads: int = 2) -> dict[str, Any]:
    shapes = {"query": (heads, n, 3), "key": (heads, m, 3), "value": (heads, m, 2)}
    return {name: RNG.standard_normal(shape) for name, shape in shapes.items()}


def in_reach(n: int, m: int, left: int, right: int) -> Any:
    """Pair by pair, as the question states it."""
    return np.array([[-left <= key - query <= right for key in range(m)] for query in range(n)])


def banded(dense: Any, left: int, right: int, outside: float) -> Any:
    *outer, n, m = dense.shape
    band = np.full((*outer, n, left + right + 1), float(outside))
    for query in range(n):
        for offset in range(left + right + 1):
            if 0 <= query - left + offset < m:
                band[..., query, offset] = dense[..., query, query - left + offset]
    return band


@pytest.mark.parametrize(("n", "m"), [(7, 7), (3, 9), (9, 3), (1, 5), (40, 50)])
@pytest.mark.parametrize(("left", "right"), [(0, 0), (2, 2), (1, 4), (12, 0), (60, 60)])
@pytest.mark.parametrize("orientation", ["query_key", "key_query"])
def test_the_stages_are_the_bands_of_those_over_all_pairs(
    n: int, m: int, left: int, right: int, orientation: str
) -> None:
    inputs = posed(n, m)
    upstream = {"output": RNG.standard_normal((2, n, 2))}
    settings: dict[str, Any] = {"softcap": 2, "orientation": orientation}
    mask = in_reach(n, m, left, right)

    def turn(one: Any) -> Any:
        return one.swapaxes(-1, -2) if orientation == "key_query" else one

    dense = answer("attention", inputs | {"mask": turn(mask)}, settings, upstream=upstream)
    local = answer("attention", inputs, settings | {"window": (left, right)}, upstream=upstream)
    for stage in STAGES:
        outside = -np.inf if stage == "masked_scores" else 0
        expected = banded(turn(dense.values[stage]), left, right, outside)
        np.testing.assert_allclose(turn(local.values[stage]), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(local.values["output"], dense.values["output"], rtol=1e-12, atol=1e-14)
    for name in inputs:
        np.testing.assert_allclose(local.gradients[name], dense.gradients[name], rtol=1e-11, atol=1e-13)
    expected = banded(turn(dense.gradients["weights"]), left, right, 0)
    np.testing.assert_allclose(turn(local.gradients["weights"]), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(6, 5), (1, 5), (6, 1), (5,), (), (2, 6, 5)])
@pytest.mark.parametrize("kind", ["boolean", "real"])
def test_masks_are_over_all_pairs(shape: tuple[int, ...], kind: str) -> None:
    inputs = posed(6, 5)
    mask = RNG.random(shape) < 0.7 if kind == "boolean" else RNG.standard_normal(shape)
    inside = in_reach(6, 5, 1, 2)
    together = mask & inside if kind == "boolean" else np.where(inside, mask, -np.inf)
    upstream = {"output": RNG.standard_normal((2, 6, 2))}
    dense = answer("attention", inputs | {"mask": together}, upstream=upstream)
    local = answer("attention", inputs | {"mask": mask}, {"window": (1, 2)}, upstream=upstream)
    np.testing.assert_allclose(local.values["output"], dense.values["output"], rtol=1e-12, atol=1e-14)
    for name in ("query", "key", "value"):
        np.testing.assert_allclose(local.gradients[name], dense.gradients[name], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_lies_outside_the_window_spoils_nothing(bad: float) -> None:
    inputs = posed(40, 40)
    inputs["value"][:, 20] = bad
    inputs["key"][:, 20, 0] = bad
    found = answer("attention", inputs, {"window": 2}).values
    spoiled = ~np.isfinite(found["output"]).all(axis=(0, 2))
    assert list(np.flatnonzero(spoiled)) == [18, 19, 20, 21, 22]
    assert np.isfinite(found["weights"][:, :18]).all()
    assert np.isfinite(found["weights"][:, 23:]).all()


def test_an_infinite_query_finds_no_key_beyond_the_ends() -> None:
    inputs = posed(3, 3)
    inputs["query"][:, 0] = np.inf
    scores = answer("attention", inputs, {"window": 1}).values["scores"]
    np.testing.assert_array_equal(scores[:, 0, 0], 0)


def test_causal_windows_look_back_only() -> None:
    inputs = posed(6, 6)
    both = answer("attention", inputs, {"window": 2, "causal": True}).values
    back = answer("attention", inputs, {"window": (2, 0)}).values
    assert both["scores"].shape == (2, 6, 3)
    np.testing.assert_array_equal(both["output"], back["output"])
    assert plan("attention", inputs, {"window": 2, "causal": True}).conventions["window"] == [2, 0]


def test_banded_weights_can_be_given() -> None:
    inputs = posed(6, 6)
    whole = answer("attention", inputs, {"window": 1})
    given = {"weights": whole.values["weights"], "value": inputs["value"]}
    again = answer("attention", {}, {"window": 1}, given=given)
    np.testing.assert_array_equal(again.values["output"], whole.values["output"])
    with pytest.raises(QuestionErrors, match="weights"):
        plan("attention", inputs, {"window": 2}, given={"weights": whole.values["weights"]})
    unknown = plan("attention", {}, {"window": 1}, given={"scores": whole.values["scores"]}).unknown
    assert "masked_scores" in unknown  # where the keys end is not known


def test_axes_say_that_they_are_a_band() -> None:
    steps = {one.name: one for one in plan("attention", posed(4, 4), {"window": 1}).steps}
    assert steps["weights"].axes == ["batch", "query", "offset"]
    turned = plan("attention", posed(4, 4), {"window": 1, "orientation": "key_query"}).steps
    assert {one.name: one for one in turned}["weights"].axes == ["batch", "offset", "query"]


@pytest.mark.parametrize(
    ("n", "m", "left", "right"),
    [(7, 7, 2, 2), (7, 7, 0, 0), (3, 9, 1, 4), (9, 3, 1, 4), (4, 4, 30, 2), (5, 2, 0, 9), (2, 9, 9, 9)],
)
def test_comparisons_are_counted(n: int, m: int, left: int, right: int) -> None:
    shapes = {"query": Tensor((n, 3)), "key": Tensor((m, 3)), "value": Tensor((m, 2))}
    cost, _, _ = describe_cost("attention", shapes, {"window": (left, right)})
    assert cost.comparisons == n * (left + right + 1)
    assert cost.all_comparisons == n * m
    assert cost.exact_comparisons == in_reach(n, m, left, right).sum()


def test_memory_grows_with_the_length_and_not_its_square() -> None:
    peaks = []
    for n in (2048, 4096):
        inputs = {name: RNG.standard_normal((n, 8)) for name in ("query", "key", "value")}
        prepared = plan("attention", inputs, {"window": 4}, upstream={"output": inputs["value"]})
        tracemalloc.start()
        prepared.answer(inputs, {}, {"output": inputs["value"]})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2.5 * peaks[0]
    assert peaks[1] < 4096 * 4096  # bytes, where all pairs would take eight for each of several stages


def test_entropy_and_argmax_are_there_on_request() -> None:
    inputs = posed(6, 5)
    assert "entropy" not in answer("attention", inputs).values
    cases: list[tuple[dict[str, Any], Any]] = [
        ({}, 0),
        ({"window": (1, 2)}, np.arange(6) - 1),
        ({"window": 2, "orientation": "key_query"}, np.arange(6) - 2),
    ]
    for settings, start in cases:
        found = answer("attention", inputs, settings, select=["*", "entropy", "argmax"]).values
        weights = found["weights"]
        if "orientation" in settings:
            weights = weights.swapaxes(-1, -2)
        np.testing.assert_array_equal(found["argmax"], weights.argmax(-1) + start)
        logs = np.log(np.where(weights > 0, weights, 1))
        np.testing.assert_allclose(found["entropy"], -(weights * logs).sum(-1), rtol=1e-13)


def test_a_query_that_attends_to_nothing_has_no_argmax() -> None:
    mask = np.array([[True, True], [False, False]])
    inputs = {"query": np.ones((2, 1)), "key": np.ones((2, 1)), "value": np.ones((2, 1)), "mask": mask}
    upstream = {"entropy": np.ones(2)}
    found = answer("attention", inputs, upstream=upstream, select=["entropy", "argmax", "scores"])
    np.testing.assert_array_equal(found.values["argmax"], [0, -1])
    np.testing.assert_allclose(found.values["entropy"], [np.log(2), 0])
    assert np.isfinite(found.gradients["scores"]).all()


@pytest.mark.parametrize("scale", [1e6, -1e6, 0, 1e-300])
def test_any_scale_is_stable(scale: float) -> None:
    inputs = {"query": np.array([[1.0]]), "key": np.array([[1.0], [-1], [0.5]]), "value": np.eye(3)}
    found = answer("attention", inputs, {"scale": scale}, upstream={"output": np.eye(3)[:1]})
    expected = {1e6: [1, 0, 0], -1e6: [0, 1, 0]}.get(scale, [1 / 3] * 3)
    np.testing.assert_allclose(found.values["output"], [expected], rtol=1e-15)
    assert all(np.isfinite(one).all() for one in found.gradients.values())
