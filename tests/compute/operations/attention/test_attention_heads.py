"""Attention that cuts its inputs into heads, against heads that are sent as an axis of their own."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan

RNG = np.random.default_rng(83)
N, M, D_K, D_V = 4, 5, 3, 2


def cut(array: Any, heads: int) -> Any:
    """(..., n, heads*d) as (..., heads, n, d)."""
    *outer, n, width = array.shape
    return np.moveaxis(array.reshape(*outer, n, heads, width // heads), -2, -3)


def side_by_side(array: Any) -> Any:
    """(..., heads, n, d) as (..., n, heads*d)."""
    *outer, heads, n, width = array.shape
    return np.moveaxis(array, -3, -2).reshape(*outer, n, heads * width)


@pytest.mark.parametrize("outer", [(), (2,)])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, None), (4, 2), (4, 1), (1, None)])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("settings", [{}, {"causal": True}, {"window": (1, 2), "orientation": "key_query"}])
def test_heads_side_by_side_are_heads_as_an_axis(
    outer: tuple[int, ...], heads: int, kv_heads: int | None, layout: str, settings: dict[str, Any]
) -> None:
    shared = heads if kv_heads is None else kv_heads
    inputs = {
        "query": RNG.standard_normal((*outer, N, heads * D_K)),
        "key": RNG.standard_normal((*outer, M, shared * D_K)),
        "value": RNG.standard_normal((*outer, M, shared * D_V)),
    }
    upstream = RNG.standard_normal((*outer, N, heads * D_V))

    def turn(array: Any) -> Any:
        return array.swapaxes(-1, -2) if layout == "columns" else array

    said = {**settings, "layout": layout, "heads": heads} | ({"kv_heads": kv_heads} if kv_heads else {})
    found = answer(
        "attention",
        {name: turn(one) for name, one in inputs.items()},
        said,
        upstream={"output": turn(upstream)},
    )
    parts = {name: cut(one, heads if name == "query" else shared) for name, one in inputs.items()}
    whole = answer("attention", parts, settings, upstream={"output": cut(upstream, heads)})
    scores = whole.values["weights"] if heads > 1 else whole.values["weights"][..., 0, :, :]
    np.testing.assert_allclose(found.values["weights"], scores, rtol=1e-12)
    np.testing.assert_allclose(
        turn(found.values["output"]), side_by_side(whole.values["output"]), rtol=1e-12, atol=1e-14
    )
    for name in inputs:
        expected = side_by_side(whole.gradients[name])
        np.testing.assert_allclose(turn(found.gradients[name]), expected, rtol=1e-11, atol=1e-13)
    assert ("head_query" in found.values) == (heads > 1)
    if heads > 1:
        np.testing.assert_array_equal(turn(found.values["head_value"]), parts["value"])


def test_one_head_is_labelled_as_it_was() -> None:
    inputs = {name: np.ones((2, 2)) for name in ("query", "key", "value")}
    graph = plan("attention", inputs).graph
    labels = {name: graph.names[name].axes for name in (*inputs, "output")}
    assert labels == {
        "query": ("n", "d_k"), "key": ("m", "d_k"), "value": ("m", "d_v"), "output": ("query", "d_v"),
    }  # fmt: skip
    graph = plan("attention", inputs, {"heads": 2}).graph
    assert graph.names["output"].axes == ("query", "heads*d_v")
    assert graph.names["head_outputs"].axes == ("heads", "query", "d_v")


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"heads": 3}, "query"), ({"heads": 4, "kv_heads": 3}, "key"), ({"kv_heads": 2}, "key")],
)
def test_heads_that_do_not_fit_are_refused(settings: dict[str, int], field: str) -> None:
    inputs = {name: np.ones((2, 8)) for name in ("query", "key", "value")}
    with pytest.raises(QuestionErrors) as caught:
        plan("attention", inputs, settings)
    assert field in {error.path[0] for error in caught.value.errors}


def test_the_cost_is_that_of_smaller_heads() -> None:
    shapes = {name: Tensor((10, 12)) for name in ("query", "key", "value")}
    cost, _, _ = describe_cost("attention", shapes, {"heads": 3})
    assert cost.multiply_adds == 2 * 10 * 10 * 12
    assert cost.comparisons == 3 * 10 * 10


def test_a_scale_may_use_the_names_of_the_inputs_and_no_other() -> None:
    inputs = {"query": np.ones((2, 4)), "key": np.ones((3, 4)), "value": np.ones((3, 4))}
    for scale in ("1/sqrt(d_k)", "1/d_v", "n/m", "1/heads"):
        plan("attention", inputs, {"scale": scale, "heads": 2})
    with pytest.raises(QuestionErrors) as caught:
        plan("attention", inputs, {"scale": "1/sqrt(d)"})
    [error] = caught.value.errors
    assert error.expected == "a finite constant, which may use d_k, d_v, heads, kv_heads, m, n"
    tokens = {"x": np.ones((2, 4)), "w_q": np.ones((4, 2)), "w_k": np.ones((4, 2))}
    assert answer("self_attention", tokens, {"scale": "1/sqrt(d)"}).values["scaled_scores"][0][0] == 16
