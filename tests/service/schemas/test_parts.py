"""Schemas of what is sent for parts say what the service takes."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import has_state_dict
from service.app import app
from service.schemas.naming import camel_case
from tests.service.layers import LAYER, STATE, X

SCHEMAS: dict[str, Any] = json.loads(json.dumps(app.openapi()))["components"]["schemas"]
COMPOSITES = {name: one for name, one in CATALOGUE.items() if one.parts}


def check(title: str, sent: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{title}", "components": {"schemas": SCHEMAS}}
    Draft202012Validator(schema).validate(sent)


def test_there_are_composites() -> None:
    assert {"encoder_layer", "encoder", "decoder_layer", "decoder", "transformer"} <= set(COMPOSITES)


@pytest.mark.parametrize("name", COMPOSITES)
def test_requests_refer_to_their_parts(name: str) -> None:
    properties = SCHEMAS[camel_case(name) + "Request"]["properties"]
    for part, declared in COMPOSITES[name].parts.items():
        field = properties[part]
        assert declared.meaning in field["description"]
        if declared.is_list:
            assert field["type"] == "array"
            field = field["items"]
        one = SCHEMAS[field["$ref"].rpartition("/")[2]]
        assert list(one["properties"]) == [*declared.inputs, *declared.parts]
        assert one["additionalProperties"] is False
        for inner, tensor in declared.inputs.items():
            kind = "MaskTensor" if tensor.mask else "Tensor"
            assert one["properties"][inner]["$ref"] == f"#/components/schemas/{kind}"
            assert one["properties"][inner]["description"]
    assert ("state_dict" in properties) == has_state_dict(COMPOSITES[name])
    if "state_dict" in properties:
        assert properties["state_dict"]["$ref"].endswith("StateDict")


def test_parts_reach_all_the_way_down() -> None:
    """What a transformer takes for its encoder's layers is what an encoder takes for them."""
    encoder = SCHEMAS["TransformerOfEncoder"]["properties"]
    assert encoder["layer"]["items"]["$ref"] == "#/components/schemas/EncoderOfLayer"
    layer = SCHEMAS["EncoderOfLayer"]["properties"]
    assert layer["attention"]["$ref"] == "#/components/schemas/EncoderLayerOfAttention"
    assert "w_q" in SCHEMAS["EncoderLayerOfAttention"]["properties"]
    assert "x" not in SCHEMAS["EncoderLayerOfAttention"]["properties"]


def test_words_are_true_of_the_part() -> None:
    """Layers have no layout; they do have orientation, and require weights that attention alone does not."""
    inputs = {
        name: one["description"] for name, one in SCHEMAS["EncoderLayerOfAttention"]["properties"].items()
    }
    assert inputs["w_q"].endswith("Shape (d, heads*d_k) or (heads, d, d_k).")
    assert "transposed by layout" in SCHEMAS["SelfAttentionRequest"]["properties"]["w_q"]["description"]
    assert "transposed by orientation" in inputs["dropout_mask"]
    assert inputs["b_q"].endswith("Optional; by default: none.")
    assert "Optional" not in inputs["w_v"]


@pytest.mark.parametrize(
    "sent",
    [
        {"x": X, "layer": [LAYER, LAYER]},
        {"x": X, "state_dict": {f"layers.0.{name}": one for name, one in STATE.items()}},
        {"x": X, "layer": [{**LAYER, "attention_dropout_mask": [[True, False]]}], "dropout_rate": 0.5},
    ],
)
def test_what_is_taken_fits_the_schema(sent: dict[str, Any]) -> None:
    check("EncoderRequest", sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"x": X, "layer": None},
        {"x": X, "layer": LAYER},
        {"x": X, "layer": [[LAYER]]},
        {"x": X, "layer": [{**LAYER, "attention": 3}]},
        {"x": X, "layer": [{**LAYER, "attention": {"w_z": [[1]]}}]},
        {"x": X, "layer": [{**LAYER, "attention": {"w_q": None}}]},
        {"x": X, "state_dict": [1]},
    ],
)
def test_what_is_refused_does_not(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check("EncoderRequest", sent)


def test_full_names_fit_the_schema() -> None:
    weight = [[1, 0], [0, 1]]
    check("EncoderRequest", {"x": X, "layer[0].attention.w_q": weight, "final_norm.gain": [1, 1]})
    check("EncoderLayerRequest", {"x": X, "attention.w_q": weight})
    shape = {"shape": ["d", "d"]}
    check("CostRequest", {"operation": "transformer", "encoder.layer[2].attention.w_q": shape})
    check("CompareRequest", {"operation": "encoder", "layer[0].attention.w_q": weight, "changes": {"x": X}})
    for name in ("layer[00].attention.w_q", "layer.attention.w_q", "layer[0]", "attention.w_q"):
        with pytest.raises(ValidationError):
            check("EncoderRequest", {"x": X, name: weight})
    with pytest.raises(ValidationError):
        check("EncoderRequest", {"x": X, "layer[0].attention.w_q": None})


def test_shapes_take_letters() -> None:
    part = {"attention": {"w_q": {"shape": ["d", "d"]}}}
    check("CostRequest", {"operation": "encoder", "layer": [part], "layers": "L"})
    with pytest.raises(ValidationError):
        check("EncoderRequest", {"layer": [part]})
