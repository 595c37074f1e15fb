"""POST /v1/compare of operations made of others: changes reach into parts, however their weights came."""

from typing import Any

import numpy as np
import pytest

from service.questions.comparisons import understand_comparison
from service.settings import Settings
from tests.conftest import Ask, errors
from tests.service.layers import EYE, LAYER, STATE, X, flat, nested, stored

PATH = "/v1/compare"
OTHER = stored()
BASE = {"operation": "encoder", "x": X, "heads": 2}
WAYS: dict[str, dict[str, Any]] = {
    "nested": {"layer": [LAYER, nested(OTHER)]},
    "flat": {**flat(LAYER, "layer[0]."), **flat(nested(OTHER), "layer[1].")},
    "state_dict": {
        "state_dict": {f"layers.{at}.{name}": one
                       for at, state in enumerate((STATE, OTHER)) for name, one in state.items()}
    },
}  # fmt: skip
HEAD = "layer[0].attention.head_outputs"


def values(ask: Ask, way: str = "nested", **fields: Any) -> Any:
    response = ask(PATH, **BASE | WAYS[way] | fields)
    assert response.status_code == 200, response.text
    return response.json()["values"]


def direct(ask: Ask, **fields: Any) -> Any:
    sent = {name: one for name, one in BASE.items() if name != "operation"} | WAYS["flat"] | fields
    response = ask("/v1/encoder", **sent)
    assert response.status_code == 200, response.text
    return response.json()["values"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "change", "after"),
    [
        ("layer[0].attention.w_q", {"multiply": 2}, (2 * np.array(LAYER["attention"]["w_q"])).tolist()),
        ("layer[0].attention.w_q", EYE, EYE),
        ("layer[1].feed_forward.b_2", {"replace": 0, "at": [1]}, None),
        ("layer[1].attention_norm.gain", [1, 2], [1, 2]),
        ("final_norm.gain", [1, 2], [1, 2]),
    ],
)
def test_weights_of_parts_change(ask: Ask, way: str, name: str, change: Any, after: Any) -> None:
    if after is None:
        after = [nested(OTHER)["feed_forward"]["b_2"][0], 0]
    found = values(ask, way, changes={name: change})
    expected, before = direct(ask, **{name: after}), direct(ask)
    assert {one: found[one]["after"] for one in expected} == expected
    assert {one: found[one]["before"] for one in before} == before
    assert found["output"]["largest_change"] > 0


@pytest.mark.parametrize("way", WAYS)
def test_weights_of_parts_are_taken_away(ask: Ask, way: str) -> None:
    found = values(ask, way, changes={"layer[0].attention.b_o": None})
    assert found["output"]["after"] == direct(ask, **{"layer[0].attention.b_o": None})["output"]
    refused = errors(ask(PATH, **BASE | WAYS[way], changes={"layer[0].attention.w_o": None}))
    assert refused["/changes/layer[0].attention.w_o"]["received"] == "nothing"
    assert "/changes/final_norm.bias" in errors(
        ask(PATH, **BASE | WAYS[way], changes={"final_norm.bias": None})
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("select", [None, ["*"], [HEAD, "layer[*].output"], ["output", HEAD]])
def test_a_head_is_taken_out(ask: Ask, way: str, select: list[str] | None) -> None:
    found = values(ask, way, changes={HEAD: {"at": [1], "multiply": 0}}, select=select)
    heads = np.array(found[HEAD]["difference"])
    assert not heads[0].any()  # what an edit leaves alone is the same to the last digit
    assert not np.array(found[HEAD]["after"])[1].any()
    parts = nested(STATE)
    parts["attention"]["w_o"] = [parts["attention"]["w_o"][0], [0, 0]]  # as if nothing came of it
    name = "layer[1].output" if select and "layer[*].output" in select else "output"
    same = direct(ask, **flat(parts, "layer[0]."))["output"]
    np.testing.assert_allclose(found[name]["after"], same, rtol=1e-12, atol=1e-14)


def test_edits_leave_the_rest_exactly_alone(ask: Ask) -> None:
    changes = {"layer[0].output": {"at": [1], "add": 1}}
    for select in (None, ["layer[0].output", "output"], ["layer[*].output"], ["layer[0].*"]):
        found = values(ask, norm_placement="pre", changes=changes, select=select)["layer[0].output"]
        assert np.array(found["difference"])[[0, 2]].tolist() == [[0, 0], [0, 0]]
        np.testing.assert_allclose(found["difference"][1], [1, 1], rtol=1e-14)


def test_settings_of_parts_change(ask: Ask) -> None:
    for setting in ({"causal": True}, {"norm_placement": "pre"}, {"heads": 1}, {"activation": "gelu"}):
        found = values(ask, changes=setting)
        assert found["output"]["after"] == direct(ask, **setting)["output"]


def test_masks_of_parts_change(ask: Ask) -> None:
    name, mask = "layer[0].feed_forward.dropout_mask", [[True, False, True]]
    found = values(ask, "state_dict", changes={name: mask, "dropout_rate": 0.5})
    assert found["output"]["after"] == direct(ask, dropout_rate=0.5, **{name: mask})["output"]
    edited = values(
        ask, "flat", dropout_rate=0.5, **{name: mask}, changes={name: {"at": [0, 0], "replace": False}}
    )
    other = direct(ask, dropout_rate=0.5, **{name: [[False, False, True]]})["output"]
    assert edited["output"]["after"] == other
    for wrong in ([["NaN", 1, 1]], [[0.5, 1, 1]]):
        changes = {name: wrong, "dropout_rate": 0.5}
        refused = errors(ask(PATH, **BASE | WAYS["nested"], changes=changes))
        assert list(refused) == [f"/changes/{name}"]


def test_gradients_of_parts_are_compared(ask: Ask) -> None:
    response = ask(
        PATH, **BASE | WAYS["state_dict"], upstream={"output": X}, changes={"layer[0].attention.w_q": EYE},
        select=["output", "layer[0].attention.w_v"],
    ).json()  # fmt: skip
    assert list(response["gradients"]) == ["output", "layer[0].attention.w_v"]


@pytest.mark.parametrize(
    ("way", "changes", "pointer", "expected"),
    [
        ("nested", {"layer[0].attention.w_z": 1}, "/changes/layer[0].attention.w_z", "one of"),
        ("nested", {"layer[00].attention.w_q": EYE}, "/changes/layer[00].attention.w_q", "one of"),
        ("nested", {"layer": [LAYER]}, "/changes/layer", "one of"),
        ("state_dict", {"state_dict": {}}, "/changes/state_dict", "one of"),
        ("state_dict", {"layers.0.norm1.weight": [1, 1]}, "/changes/layers.0.norm1.weight", "one of"),
        ("nested", {"layer[0].attention.w_q": [[1, 2, 3]]}, "/changes/layer[0].attention.w_q", "heads = 2"),
        ("nested", {"layer[0].attention.w_q": {"at": [9], "add": 1}}, "/changes/layer[0].attention.w_q/at/0",
         "from 0 to 1"),
        ("nested", {"layer[0].attention.w_q": {"add": [1, 2, 3]}}, "/changes/layer[0].attention.w_q/add",
         "broadcasts to (2, 2)"),
        ("nested", {HEAD: {"at": [2], "multiply": 0}}, f"/changes/{HEAD}/at/0", "from 0 to 1"),
        ("nested", {HEAD: [[1]]}, f"/changes/{HEAD}", "shape"),
        ("nested", {"layer[2].attention.w_q": {"add": 1}}, "/changes/layer[2].attention.w_q", "a tensor"),
        ("nested", {"layers": 1}, "/layer/1/attention/w_q", "no layer[1].attention.w_q"),
        ("flat", {"layers": 1}, "/layer[1].attention.w_q", "no layer[1].attention.w_q"),
        ("state_dict", {"layers": 1}, "/state_dict/layers.1.self_attn.in_proj_weight", "no layer[1]"),
        ("nested", {"x": [[1, 2, 3]]}, "/layer/0/attention/w_q", "d = 3"),
        ("state_dict", {"x": [[1, 2, 3]]}, "/state_dict/layers.0.self_attn.in_proj_weight", "d = 3"),
        ("nested", {"final_norm.gain": {"add": 1}}, "/changes/final_norm.gain", "a tensor"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_changes_of_parts(
    ask: Ask, way: str, changes: dict[str, Any], pointer: str, expected: str
) -> None:
    found = errors(ask(PATH, **BASE | WAYS[way], changes=changes))
    assert pointer in found
    assert expected in found[pointer]["expected"]


def test_large_models_are_compared_by_what_is_selected() -> None:
    """What the base would send back alone does not matter; what the comparison sends back does."""
    tokens, width = 700, 8
    weight = np.eye(width).tolist()
    layer = {
        "attention": {f"w_{name}": weight for name in "qkvo"},
        "attention_norm": {"gain": [1] * width},
        "feed_forward": {"w_1": weight, "w_2": weight},
        "feed_forward_norm": {"gain": [1] * width},
    }
    document = {
        "operation": "encoder", "x": np.ones((tokens, width)).tolist(), "layer": [layer] * 3, "heads": 1,
        "changes": {"layer[0].attention.head_outputs": {"multiply": 0}},
    }  # fmt: skip
    question = understand_comparison({**document, "select": ["output"]}, Settings().limits)
    assert question.before.plan.predicted.answer > Settings().limits.answer
    assert b'"output"' in question.answer()
