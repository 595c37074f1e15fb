"""What is sent for the parts of operations, nested or by full names, and what wrong parts get."""

import json
from typing import Any

import pytest

from compute.operations import CATALOGUE
from service.questions.parts import Origins, collect_nested, flatten_document, full_name
from tests.conftest import Ask, Client, errors
from tests.service.layers import EYE, LAYER, ONE, STACK, STATE, X, flat, nested, packed, stored

JSON = {"content-type": "application/json"}
SECRET = "sentinel-that-must-not-come-back"


def changed(*path: str, to: Any) -> dict[str, Any]:
    """A layer with one thing put in."""
    found: Any = json.loads(json.dumps(LAYER))
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = to
    return {"layer": [found]}


def test_four_ways_to_send_the_same_layer(ask: Ask) -> None:
    ways = [
        ONE,
        {"x": X, "heads": 2, **flat(LAYER)},
        {"x": X, "heads": 2, "state_dict": STATE},
        {"x": X, "heads": 2, "state_dict": {name: packed(one) for name, one in STATE.items()}},
        {"x": X, "heads": 2, "attention": LAYER["attention"], "attention_norm.gain": STATE["norm1.weight"],
         "attention_norm.bias": STATE["norm1.bias"],
         "state_dict": {name: one for name, one in STATE.items() if name[:5] in ("linea", "norm2")}},
    ]  # fmt: skip
    first, *others = [ask("/v1/encoder_layer", **way) for way in ways]
    assert first.status_code == 200, first.text
    assert len(first.json()["values"]["output"]) == 3
    for other in others:
        assert other.content == first.content


def test_stacks_too(ask: Ask) -> None:
    other = nested(stored())
    ways = [
        {"layer": [LAYER, other]},
        {**flat(LAYER, "layer[0]."), **flat(other, "layer[1].")},
        {"layer": [LAYER], **flat(other, "layer[1].")},
    ]
    first, *others = [ask("/v1/encoder", x=X, **way).json()["values"] for way in ways]
    assert [name for name in first if name.endswith("attention.output")] == [
        "layer[0].attention.output", "layer[1].attention.output",
    ]  # fmt: skip
    assert all(found == first for found in others)


@pytest.mark.parametrize(
    ("fields", "pointer", "expected", "received"),
    [
        ({"layer": None}, "/layer", "a list of objects", "null"),
        ({"layer": 7}, "/layer", "a list of objects", "the number 7"),
        ({"layer": {}}, "/layer", "a list of objects", "an object"),
        ({"layer": SECRET}, "/layer", "a list of objects", "text of 32"),
        ({"layer": []}, "/layers", "weights for each layer", "nothing"),
        ({"layer": [{}]}, "/layers", "weights for each layer", "nothing"),
        ({"layer": [None]}, "/layer/0", "an object with: ", "null"),
        ({"layer": [[LAYER]]}, "/layer/0", "an object with: ", "a list of 1"),
        ({"layer": [1, 2]}, "/layer/0", "an object with: ", "the number 1"),
        ({"layer": [{}] * 10_001}, "/layer", "10000 at most", "a list of 10001"),
        ({"layer": [LAYER] * 257}, "/layers", "at most 256", "257 layers"),
        ({"layer[9999].attention.w_q": EYE}, "/layers", "at most 256", "10000 layers"),
        ({"layers": 10**18}, "/layers", "an integer from 1", "1000000000000000000"),
        ({"layers": 1000}, "/layers", "at most 256", "1000 layers"),
        ({"layers": "L"}, "/layers", "an integer from 1", "text of 1"),
        (changed("attention", to=None), "/layer/0/attention", "an object with: w_q", "null"),
        (changed("attention", to=3), "/layer/0/attention", "an object with: w_q", "the number 3"),
        (changed("attention", to=[1]), "/layer/0/attention", "an object with: w_q", "a list of 1"),
        (changed("attention", to={}), "/layer/0/attention/w_q", "a tensor (d, heads*d_k)", "nothing"),
        (changed("attention", "w_q", to=None), "/layer/0/attention/w_q", "a number", "null"),
        (changed("attention", "w_q", to={}), "/layer/0/attention/w_q", "exactly the fields", "an object"),
        (changed("attention", "w_q", to=[[1, SECRET], [1, 1]]), "/layer/0/attention/w_q/0/1", "a number",
         "text of 32"),
        (changed("attention", "w_q", to=[[1]]), "/layer/0/attention/w_q", "d = 2 from axis",
         "shape (1, 1)"),
        (changed("attention", "w_q", to=[[[1]] * 2] * 3), "/layer/0/attention/w_q", "heads = 2 from the",
         "shape (3, 2, 1)"),
        (changed("attention", "w_z", to=1), "/layer/0/attention/w_z", "one of: w_q", "an unknown name"),
        (changed("attenton", to={}), "/layer/0/attenton", "one of: attention_dropout_mask", "unknown"),
        (changed("feed_forward", "w_1", to=[[1, 2]]), "/layer/0/feed_forward/w_1", "d = 2", "shape (1, 2)"),
        (changed("feed_forward", "w_gate", to=[[1] * 3] * 2), "/layer/0/feed_forward/w_gate", "gated",
         "shape (2, 3)"),
        (changed("attention_norm", "gain", to=[True, False]), "/layer/0/attention_norm/gain/0", "a number",
         "a boolean"),
        (changed("feed_forward", "dropout_mask", to=[["NaN", 1, 1]]) | {"dropout_rate": 0.5},
         "/layer/0/feed_forward/dropout_mask", "booleans", "the entry NaN at [0, 0]"),
        (changed("feed_forward", "dropout_mask", to=[[0.5, 1, 1]]) | {"dropout_rate": 0.5},
         "/layer/0/feed_forward/dropout_mask", "0 and 1", "the entry 0.5 at [0, 0]"),
        (changed("feed_forward", "dropout_mask", to=[[True, 1, 1]]) | {"dropout_rate": 0.5},
         "/layer/0/feed_forward/dropout_mask/0/0", "booleans throughout", "a boolean"),
        (changed("attention_dropout_mask", to=[[True] * 9]) | {"dropout_rate": 0.5},
         "/layer/0/attention_dropout_mask", "broadcasts to (3, 2)", "shape (1, 9)"),
        (changed("attention_dropout_mask", to=[[True, False]]), "/dropout_rate", "below 1", "nothing"),
        ({"layer[0].attention.w_q": EYE}, "/layer[0].attention.w_q", "one tensor for each", "two"),
        ({"given": {"layer[0].attention.w_q": EYE}}, "/given/layer[0].attention.w_q", "one value", "two"),
        ({"layer[0].attention.w_z": EYE}, "/layer[0].attention.w_z", "layer[0].attention.w_q", "unknown"),
        ({"layer[0].nothing.w_q": EYE}, "/layer[0].nothing.w_q", "layer[0].attention,", "unknown"),
        ({"layer[0].attention.w_q.x": EYE}, "/layer[0].attention.w_q.x", "layer[0].attention.w_k", "unknown"),
        ({"layer[0].x": EYE}, "/layer[0].x", "layer[0].attention", "unknown"),
        ({"layer[00].attention.w_q": EYE}, "/layer[00].attention.w_q", "final_norm", "unknown"),
        ({"layer[-1].attention.w_q": EYE}, "/layer[-1].attention.w_q", "final_norm", "unknown"),
        ({"layer[\u0660].attention.w_q": EYE}, "/layer[\u0660].attention.w_q", "final_norm", "unknown"),
        ({f"layer[{'9' * 5000}].attention.w_q": EYE}, "/layer[" + "9" * 58, "final_norm", "unknown"),
        ({"layer.attention.w_q": EYE}, "/layer.attention.w_q", "one of: layer[0], final_norm", "unknown"),
        ({"layer.0.attention.w_q": EYE}, "/layer.0.attention.w_q", "layer[0]", "unknown"),
        ({"layer[0]": LAYER}, "/layer[0]", "final_norm", "unknown"),
        ({"final_norm.x": EYE}, "/final_norm.x", "one of: final_norm.gain", "unknown"),
        ({".": EYE}, "/.", "final_norm", "unknown"),
        ({"layer[1].attention.w_q": EYE}, "/layer/1/attention/w_k", "a tensor (d, kv_heads*d_k)", "nothing"),
        ({"layers": 2}, "/layer/1/attention/w_q", "a tensor (d, heads*d_k)", "nothing"),
        ({"layer": [LAYER] * 2, "layers": 1}, "/layer/1/attention/w_q", "no layer[1]", "a tensor"),
        ({"given": {f"layer[{'9' * 5000}].output": X}}, "/given/layer[" + "9" * 58, "one of: x", "unknown"),
        ({"given": {f"layer[{'9' * 50}].output": X}}, "/given/layer[" + "9" * 50 + "].output", "one",
         "unknown"),
        ({"given": {"layer[0].attention.w_z": X}}, "/given/layer[0].attention.w_z", "one of: x", "unknown"),
        ({"given": {"layer[0].output": [[1, 2, 3]]}}, "/given/layer[0].output", "shape (", "shape (1, 3)"),
        ({"given": {"layer[0].final_norm.gain": [1, 1]}}, "/given/layer[0].final_norm.gain", "one of",
         "unknown"),
        ({"given": {"final_norm.gain": [1] * 3}}, "/given/final_norm.gain", "broadcasts", "shape (3)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_parts(
    client: Client, fields: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    response = client.post("/v1/encoder", content=json.dumps(STACK | fields), headers=JSON)
    found = errors(response)
    assert pointer in found
    assert expected in found[pointer]["expected"]
    assert received in found[pointer]["received"]
    assert SECRET not in response.text


@pytest.mark.parametrize("depth", [9, 60, 300, 50_000])
def test_nesting_without_end(client: Client, depth: int) -> None:
    for start, end in (('{"attention":', "}"), ("[", "]"), ('[{"attention":', "}]")):
        body = '{"x": [[1]], "layer": [{"attention": ' + start * depth + "1" + end * depth + "}]}"
        response = client.post("/v1/encoder", content=body, headers=JSON)
        found = errors(response, 400 if depth == 50_000 else 422)
        assert all(pointer.startswith("/layer/0/attention") for pointer in found)
        assert len(response.content) < 2_000


def test_weights_can_be_given(ask: Ask) -> None:
    """A given weight is a weight, whether or not the others are there."""
    parts = json.loads(json.dumps(LAYER))
    taken = parts["attention"].pop("w_q")
    found = ask("/v1/encoder_layer", x=X, heads=2, **parts, given={"attention.w_q": taken})
    assert found.json()["values"] == ask("/v1/encoder_layer", **ONE).json()["values"]
    alone = ask("/v1/encoder_layer", x=X, heads=2, given={"attention.w_q": taken}).json()
    assert "attention.query" in alone["values"]
    assert "output" in alone["unknown"]


def test_documents_flatten_to_full_names() -> None:
    operation = CATALOGUE["encoder"]
    document = {"x": 1, "layer": [{"attention": {"w_q": 2}}, {}], "final_norm.gain": 3, "given": {"a": 4}}
    own, groups = collect_nested(operation, document)
    assert own == {"x": 1, "given": {"a": 4}}
    assert groups[("layer", 0, "attention")] == {"w_q": 2}
    assert groups[()] == {"final_norm.gain": 3}
    assert flatten_document(operation, document, {}) == {
        "x": 1, "layer[0].attention.w_q": 2, "final_norm.gain": 3, "given": {"a": 4},
    }  # fmt: skip
    assert full_name(("layer", 0, "attention"), "w_q") == "layer[0].attention.w_q"


def test_faults_stand_where_tensors_do_or_would() -> None:
    origins = Origins(
        {"layer[0].attention.w_q": ("state_dict", "q"), "b": ("given", "b")},
        {"layer[0].attention": ("layer", 0, "attention")},
    )
    assert origins.resolve(("layer[0].attention.w_q", 3)) == ("state_dict", "q", 3)
    assert origins.resolve(("layer[0].attention.w_k",)) == ("layer", 0, "attention", "w_k")
    assert origins.resolve(("layer[1].attention.w_k",)) == ("layer", 1, "attention", "w_k")
    assert origins.resolve(("encoder.layer[12].w", 0)) == ("encoder", "layer", 12, "w", 0)
    assert origins.resolve(("given", "layer[1].output")) == ("given", "layer[1].output")
    assert origins.resolve(("b",)) == ("given", "b")
    assert origins.resolve(()) == ()


def test_a_single_token_has_fewer_axes_than_are_declared(ask: Ask) -> None:
    fields = {"x": [1, 0], "w_1": [[1, 2], [0, 1]], "w_2": [[1], [1]]}
    found = ask("/v1/feed_forward", **fields, upstream={"output": [1]}).json()
    assert [(one["name"], one["axes"]) for one in found["steps"]] == [
        ("preactivation", ["unit"]), ("hidden", ["unit"]), ("output", ["d_o"]),
    ]  # fmt: skip
    wrong = errors(ask("/v1/feed_forward", **fields, upstream={"output": [[1]]}))
    assert wrong["/upstream/output"]["expected"] == "shape (1): d_o = 1"


def test_a_rate_has_to_be_one_and_to_drop_something(ask: Ask) -> None:
    for wrong in (0.5, 10**400, "1/0", "p", -1):
        assert list(errors(ask("/v1/encoder_layer", **ONE, dropout_rate=wrong))) == ["/dropout_rate"]


def test_an_empty_object_at_the_end_of_a_list_is_no_layer_less(ask: Ask) -> None:
    response = ask("/v1/encoder", x=X, heads=2, layer=[LAYER, {}])
    assert response.status_code == 422
    [(pointer, error)] = errors(response).items()
    assert pointer == "/layer/1" and "holds nothing" in error["message"]
    assert list(errors(ask("/v1/encoder", x=X, heads=2, layer=[{}, {}]))) == ["/layer/0", "/layer/1"]
    assert list(errors(ask("/v1/encoder", x=X, heads=2, layer=[{}, LAYER, {}, {}]))) == [
        "/layer/2",
        "/layer/3",
    ]
    known = {"layer[1].output": X}
    response = ask("/v1/encoder", x=X, heads=2, layer=[LAYER, {}], given=known)
    assert response.status_code == 200 and response.json()["conventions"]["layers"] == 2


@pytest.mark.parametrize("flat", [False, True])
def test_all_that_is_missing_has_a_pointer_into_nested_objects(ask: Ask, flat: bool) -> None:
    """RFC 6901: one token for each key and index, however the rest of the weights was sent."""
    sent = {"layer[0].attention.w_q": EYE} if flat else {"layer": [{"attention": {"w_q": EYE}}]}
    found = errors(ask("/v1/encoder", x=X, heads=2, **sent))
    assert [*found] == [
        "/layer/0/attention/w_k",
        "/layer/0/attention/w_v",
        "/layer/0/attention/w_o",
        "/layer/0/feed_forward/w_1",
        "/layer/0/feed_forward/w_2",
    ]
    wrong = (
        {"layer[0].attention.w_q": [[1, 0, 0]]} if flat else {"layer": [{"attention": {"w_q": [[1, 0, 0]]}}]}
    )
    weights = {f"layer[0].{part}.{name}": one for part, group in LAYER.items() for name, one in group.items()}
    weights.pop("layer[0].attention.w_q")
    at = "/layer[0].attention.w_q" if flat else "/layer/0/attention/w_q"
    assert [*errors(ask("/v1/encoder", x=X, heads=2, **weights, **wrong))] == [at]
