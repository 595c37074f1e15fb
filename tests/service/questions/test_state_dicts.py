"""Weights by PyTorch's names, and what wrong ones get."""

from typing import Any

import numpy as np
import pytest

from tests.conftest import Ask, errors
from tests.service.layers import EYE, STATE, X, packed

SECRET = "sentinel-that-must-not-come-back"


@pytest.mark.parametrize(
    ("changes", "pointer", "expected", "received"),
    [
        ({SECRET: [1]}, SECRET, "one of: self_attn.in_proj_weight", "an unknown name"),
        ({"": [1]}, "", "one of: self_attn.in_proj_weight", "an unknown name"),
        ({"self_attn.nope": [1]}, "self_attn.nope", "self_attn.out_proj.weight", "an unknown name"),
        ({"layers.0.norm1.weight": [1, 1]}, "layers.0.norm1.weight", "norm1.weight", "an unknown name"),
        ({"norm3.weight": [1, 1]}, "norm3.weight", "norm1.weight", "an unknown name"),
        (
            {"self_attn.in_proj_weight": [1] * 6},
            "self_attn.in_proj_weight",
            "each of w_q, w_k, w_v",
            "shape (6)",
        ),
        ({"self_attn.in_proj_weight": [EYE] * 3}, "self_attn.in_proj_weight", "(out, in)", "shape (3, 2, 2)"),
        ({"self_attn.in_proj_weight": [[1, 2]] * 7}, "self_attn.in_proj_weight", "w_q, w_k", "shape (7, 2)"),
        ({"self_attn.in_proj_bias": [1] * 7}, "self_attn.in_proj_bias", "b_q, b_k, b_v", "shape (7)"),
        ({"self_attn.in_proj_bias": 3}, "self_attn.in_proj_bias", "b_q, b_k, b_v", "shape ()"),
        ({"self_attn.in_proj_bias": packed([1] * 7)}, "self_attn.in_proj_bias", "b_q, b_k", "shape (7)"),
        ({"linear1.weight": [1, 2]}, "linear1.weight", "(out, in) for w_1", "shape (2)"),
        ({"linear1.weight": 3}, "linear1.weight", "(out, in) for w_1", "shape ()"),
        ({"linear1.weight": [[1, 2, 3]] * 2}, "linear1.weight", "d = 2 from axis 1", "shape (3, 2)"),
        ({"linear1.weight": packed(np.ones((3, 4)))}, "linear1.weight", "d = 2 from axis 1", "shape (4, 3)"),
        ({"linear1.weight": None}, "linear1.weight", "a number", "null"),
        ({"linear1.weight": {"shape": [3, 2]}}, "linear1.weight", "/v1/cost", "a shape alone"),
        ({"norm1.weight": [True, True]}, "norm1.weight/0", "a number", "a boolean"),
        ({"norm1.weight": packed([1, 1], "|b1", "bool")}, "norm1.weight/dtype", "float64", "text of 4"),
        ({"mlp.0.weight": STATE["linear1.weight"]}, "mlp.0.weight", "one of them", "both"),
        ({"attn.in_proj_weight": STATE["self_attn.in_proj_weight"]}, "attn.in_proj_weight", "one of", "both"),
    ],
)
def test_what_is_wrong_with_a_state_dict(
    ask: Ask, changes: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    response = ask("/v1/encoder_layer", x=X, heads=2, state_dict=STATE | changes)
    found = errors(response)
    assert f"/state_dict/{pointer}" in found
    assert expected in found[f"/state_dict/{pointer}"]["expected"]
    assert received in found[f"/state_dict/{pointer}"]["received"]
    if SECRET not in changes:
        assert SECRET not in response.text


@pytest.mark.parametrize("wrong", [7, [STATE], SECRET, True, [[1]]])
def test_a_state_dict_is_an_object(ask: Ask, wrong: Any) -> None:
    response = ask("/v1/encoder_layer", x=X, state_dict=wrong)
    assert errors(response)["/state_dict"]["expected"] == "an object of tensors by PyTorch's names"
    assert SECRET not in response.text


def test_state_dicts_of_many_wrong_names_get_a_short_answer(ask: Ask) -> None:
    response = ask("/v1/encoder_layer", x=X, state_dict={f"{'n' * 1000}{at}": 1 for at in range(5_000)})
    assert len(errors(response)) == 1  # what is shown of the names is the same
    assert len(response.content) < 30_000
    several = {name: [1] for name in ("self_attn.in_proj_weight", "linear1.weight", "nothing")}
    assert len(errors(ask("/v1/encoder_layer", x=X, state_dict=several))) == 3


def test_weights_come_once(ask: Ask) -> None:
    fields = {"x": X, "heads": 2, "state_dict": STATE}
    assert "/attention.w_q" in errors(ask("/v1/encoder_layer", **fields, **{"attention.w_q": EYE}))
    assert "/attention/w_q" in errors(ask("/v1/encoder_layer", **fields, attention={"w_q": EYE}))
    given = {"attention.w_q": EYE}
    assert "/given/attention.w_q" in errors(ask("/v1/encoder_layer", **fields, given=given))


def test_operations_without_parts_take_state_dicts(ask: Ask) -> None:
    weight = [[1, 2], [3, 4], [5, 6]]
    found = ask("/v1/linear", x=X, state_dict={"weight": weight, "bias": [1, 1, 1]}).json()["values"]
    np.testing.assert_allclose(found["output"], np.array(X) @ np.array(weight).T + 1)
    assert "/w" in errors(ask("/v1/linear", x=X, w=[[1], [2]], state_dict={"weight": [[1, 2]]}))
    assert "/state_dict" in errors(ask("/v1/attention", query=X, state_dict={}))


def test_weights_stand_as_settings_have_them(ask: Ask) -> None:
    """Where settings turn weights, what PyTorch keeps is not turned twice, though square ones would fit."""
    square = [[1, 2], [3, 5]]
    alike = [
        ask("/v1/linear", x=X, state_dict={"weight": square}, **more).json()["values"]["output"]
        for more in ({}, {"weights": "out_in"})
    ]
    assert alike[0] == alike[1] == (np.array(X) @ np.array(square).T).tolist()
    state = {"in_proj_weight": [[1, 2], [3, 5], [0, 1], [2, 2], [1, -1], [4, 1]], "out_proj.weight": square}
    for path, more in (("self_attention", {}), ("cross_attention", {"context": X[:2]})):
        columns = {name: np.transpose(one).tolist() for name, one in {"x": X, **more}.items()}
        rows = ask(f"/v1/{path}", x=X, **more, heads=2, state_dict=state).json()["values"]
        turned = ask(f"/v1/{path}", **columns, heads=2, state_dict=state, layout="columns").json()["values"]
        np.testing.assert_allclose(np.transpose(turned["output"]), rows["output"], rtol=1e-12)
    wide = {"weight": {"shape": ["k", "d"]}}
    shapes: dict[str, Any] = {"operation": "linear", "x": {"shape": ["n", "d"]}, "state_dict": wide}
    costs = [ask("/v1/cost", **shapes, weights=said).json()["cost"] for said in ("in_out", "out_in")]
    assert costs[0]["multiply_adds"] == costs[1]["multiply_adds"] == "d*k*n"
