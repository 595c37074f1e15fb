"""The examples of transformers are right, not only replayed: held against a few lines of NumPy."""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from service.export import FOLDER
from tests.oracles.nested_transformers import (
    Array,
    Decoder,
    Encoder,
    array,
    causal,
    feed_forward,
    parts_of_state_dict,
)

LAYER = ("attention", "attention_norm", "feed_forward", "feed_forward_norm")


def example(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads((FOLDER / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    return found["request"], found["response"]


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(array(found), expected, rtol=1e-11, atol=1e-13)


def slope(loss: Callable[[Array], float], at: Array) -> Array:
    """Central differences."""
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = at.copy()
            moved[index] += step
            ends.append(loss(moved))
        found[index] = (ends[0] - ends[1]) / 2e-6
    return found


def test_feed_forward() -> None:
    request, response = example("002_1_4c_feed_forward")
    x, upstream = array(request["x"]), array(request["upstream"]["output"])
    close(response["values"]["output"], feed_forward(x, request))
    for name in ("x", "w_1", "b_1", "w_2", "b_2"):

        def loss(moved: Array, name: str = name) -> float:
            parts = request | {name: moved}
            return float((feed_forward(array(parts["x"]), parts) * upstream).sum())

        np.testing.assert_allclose(
            response["gradients"][name], slope(loss, array(request[name])), rtol=1e-7, atol=1e-9
        )


def test_gated_feed_forward() -> None:
    request, response = example("feed_forward_gated")
    for at, token in enumerate(request["x"]):
        gate, plain = (
            [sum(x * row[unit] for x, row in zip(token, request[name], strict=True)) for unit in range(3)]
            for name in ("w_gate", "w_1")
        )
        hidden = [z / (1 + math.exp(-z)) * one for z, one in zip(gate, plain, strict=True)]
        close(response["values"]["hidden"][at], hidden)
        close(response["values"]["output"][at], array(hidden) @ array(request["w_2"]))


def test_encoder_layer_and_its_residual_paths() -> None:
    request, response = example("002_1_4e_encoder_layer")
    x, upstream = array(request["x"]), array(request["upstream"]["output"])
    parts = {name: request[name] for name in LAYER}

    def output(tokens: Array, parts: dict[str, Any] = parts) -> Array:
        return Encoder([parts], request["heads"])(tokens)

    close(response["values"]["output"], output(x))
    gradients = response["gradients"]
    np.testing.assert_allclose(
        gradients["x"], slope(lambda moved: float((output(moved) * upstream).sum()), x), rtol=1e-6, atol=1e-8
    )
    for part, name in (("attention", "w_q"), ("attention", "b_o"), ("feed_forward", "w_1")):
        if name not in parts[part]:
            continue

        def loss(moved: Array, part: str = part, name: str = name) -> float:
            return float((output(x, parts | {part: parts[part] | {name: moved}}) * upstream).sum())

        expected = slope(loss, array(parts[part][name]))
        np.testing.assert_allclose(gradients[f"{part}.{name}"], expected, rtol=1e-6, atol=1e-8)
    split = response["contributions"]["x"]
    assert set(split) == {"attention_branch", "attention_residual"}
    close(sum(array(part) for part in split.values()), array(gradients["x"]))
    close(
        split["attention_residual"], array(gradients["attention_residual"])
    )  # the residual path is the identity


def test_encoder_layer_by_a_state_dict() -> None:
    request, response = example("encoder_layer_state_dict")

    def gelu(x: Array) -> Array:
        return np.array([[z / 2 * (1 + math.erf(z / math.sqrt(2))) for z in row] for row in x])

    layer = Encoder([parts_of_state_dict(request["state_dict"])], request["heads"], "pre", gelu)
    close(response["values"]["output"], layer(array(request["x"])))
    close(response["values"]["attention.weights"], np.array(layer.weights[0]))


def test_decoder_layer_and_decoder() -> None:
    request, response = example("002_1_4b_decoder_layer")
    decoder = Decoder([request], request["heads"])
    close(response["values"]["output"], decoder(array(request["x"]), array(request["memory"])))
    close(response["values"]["cross_attention.weights"], np.array(decoder.cross_weights[0]))
    request, response = example("decoder_stack")
    decoder = Decoder(request["layer"], request["heads"])
    decoder(array(request["x"]), array(request["memory"]))
    for at in range(2):
        values = response["values"]
        close(values[f"layer[{at}].output"], decoder.outputs[at])
        close(values[f"layer[{at}].cross_attention.weights"], np.array(decoder.cross_weights[at]))
        close(values[f"layer[{at}].self_attention.weights"], np.array(decoder.self_weights[at]))
        assert np.array(values[f"layer[{at}].self_attention.weights"])[:, 0, 1:].tolist() == [[0, 0]] * 2


def test_attention_maps() -> None:
    request, response = example("002_1_4d_attention_maps")
    encoder = Encoder(request["layer"], request["heads"])
    close(response["values"]["output"], encoder(array(request["x"])))
    assert list(response["values"]) == ["layer[0].attention.weights", "layer[1].attention.weights", "output"]
    for at in range(2):
        close(response["values"][f"layer[{at}].attention.weights"], np.array(encoder.weights[at]))


def test_transformer_with_padding() -> None:
    request, response = example("002_1_4a_transformer")
    values, heads = response["values"], request["heads"]
    seen = ~np.array(request["source_key_padding_mask"])
    assert request["memory_key_padding_mask"] == request["source_key_padding_mask"]
    encoder = Encoder(request["encoder"]["layer"], heads)
    memory = encoder(array(request["source"]), seen)
    decoder = Decoder(request["decoder"]["layer"], heads)
    close(values["output"], decoder(array(request["target"]), memory, seen))
    close(values["encoder.output"], memory)
    for name in ("encoder.layer[0].attention", "decoder.layer[0].cross_attention"):
        assert not np.array(values[f"{name}.weights"])[..., 2].any()  # of the padding, exactly
    # What stands where the padding is makes no difference to the translation.
    moved = encoder(array([*request["source"][:2], [9, -9, 9, 5]]), seen)
    close(
        values["output"], Decoder(request["decoder"]["layer"], heads)(array(request["target"]), moved, seen)
    )


@pytest.mark.parametrize("n", [5, 128])
def test_cost_of_an_encoder_in_letters(n: int) -> None:
    _, response = example("encoder_cost_letters")
    layers, heads, d = 3, 4, 8
    sizes = {"L": layers, "h": heads, "n": n, "d": d}

    def number(text: Any) -> Any:
        return eval(str(text), {"__builtins__": {}}, sizes)

    projections, scores, units = 4 * n * d * d, 2 * n * n * d, 2 * n * d * 4 * d
    assert number(response["cost"]["multiply_adds"]) == layers * (projections + scores + units)
    assert number(response["cost"]["comparisons"]) == layers * heads * n * n
    held = {"attention": 4 * d * d + 4 * d, "feed_forward": 8 * d * d + 5 * d, "attention_norm": 2 * d}
    parts = {one["name"]: one for one in response["parts"]}
    for name, one in held.items():
        assert number(parts[f"layer[*].{name}"]["parameters"]) == layers * one
        assert parts[f"layer[*].{name}"]["times"] == "L"
    assert number(response["cost"]["parameters"]) == layers * (sum(held.values()) + 2 * d)


def test_cost_of_bert() -> None:
    request, response = example("encoder_cost_bert")
    n, d = request["x"]["shape"]
    per_layer = 4 * (d * d + d) + 2 * d * 3072 + 3072 + d + 2 * 2 * d
    assert response["cost"]["parameters"] == 12 * per_layer == 85_054_464
    assert response["cost"]["multiply_adds"] == 12 * (4 * n * d * d + 2 * n * n * d + 2 * n * d * 3072)
    assert response["cost"]["comparisons"] == 12 * 12 * n * n


def test_head_ablation() -> None:
    request, response = example("reading_head_ablation")
    values, x = response["values"], array(request["x"])
    for side, ablated in (("before", ()), ("after", ((0, 1),))):
        encoder = Encoder(request["layer"], request["heads"], "pre")
        close(values["output"][side], encoder(x, ablated=ablated))
        close(values["layer[1].attention.weights"][side], np.array(encoder.weights[1]))
        close(values["layer[0].attention.head_outputs"][side], np.array(encoder.head_outputs[0]))
    difference = np.array(values["layer[0].attention.head_outputs"]["difference"])
    assert not difference[0].any()  # the other head, exactly
    assert values["output"]["largest_change"] > 0.1


def test_layer_ablation() -> None:
    request, response = example("reading_layer_ablation")
    values = response["values"]
    encoder = Encoder(request["layer"], request["heads"], "pre")
    encoder(array(request["x"]))
    for at in range(2):
        close(values[f"layer[{at}].output"]["before"], encoder.outputs[at])
    assert values["layer[1].output"]["after"] == values["layer[0].output"]["before"]
    assert values["layer[0].output"]["largest_change"] == 0


def test_activation_patching() -> None:
    request, response = example("reading_activation_patching")
    values, heads = response["values"], request["heads"]
    other = array([[1, 0, 0, 1], [-1, 0, 1, 1], [1, 1, 1, 0]])  # as the example says
    first = Encoder(request["layer"][:1], heads, "pre")
    patch = first(other)[1]
    close(request["changes"]["layer[0].output"]["replace"], patch)
    patched = first(array(request["x"])).copy()
    patched[1] = patch
    second = Encoder(request["layer"][1:], heads, "pre")
    close(values["output"]["after"], second(patched))
    close(values["layer[1].attention.weights"]["after"], np.array(second.weights[0]))
    difference = np.array(values["layer[0].output"]["difference"])
    assert not difference[[0, 2]].any()  # of the other positions, exactly
    assert values["output"]["largest_change"] > 0.1


def test_a_layer_on_what_is_given() -> None:
    request, response = example("reading_given_layer")
    other = array([[1, 0, 0, 1], [-1, 0, 1, 1], [1, 1, 1, 0]])
    before, _ = example("reading_activation_patching")
    given = Encoder(before["layer"][:1], request["heads"], "pre")(other)
    close(request["given"]["layer[0].output"], given)
    second = Encoder(request["layer"][1:], request["heads"], "pre")
    close(response["values"]["output"], second(given))
    close(response["values"]["layer[1].attention.weights"], np.array(second.weights[0]))


def test_masked_decoding() -> None:
    request, response = example("001_2c_masked_decoding_layers")
    values, x = response["values"], array(request["x"])
    changed = x.copy()
    changed[request["changes"]["x"]["at"]] = request["changes"]["x"]["replace"]
    for side, tokens in (("before", x), ("after", changed)):
        encoder = Encoder(request["layer"], request["heads"])
        close(values["output"][side], encoder(tokens, causal(3)))
        for at in range(2):
            close(values[f"layer[{at}].attention.weights"][side], np.array(encoder.weights[at]))
    assert values["output"]["difference"][:2] == [[0.0] * 4] * 2  # exactly
    assert values["output"]["at"][0] == 2
    assert values["output"]["largest_change"] > 0.1


def test_program_with_a_layer() -> None:
    request, response = example("graph_encoder_layer")
    inputs = request["inputs"]

    def loss(name: str = "", moved: Any = None) -> float:
        sent = inputs | ({name: moved} if name else {})
        parts: dict[str, Any] = {part: {} for part in LAYER}
        for full, one in sent.items():
            if full.startswith("h."):
                _, part, inner = full.split(".")
                parts[part][inner] = one
        h = Encoder([parts], 2)(array(sent["x"]))
        return float((sent["y"] - h.mean(axis=0) @ array(sent["w"])) ** 2 / 2)

    assert response["values"]["L"] == pytest.approx(loss(), rel=1e-12)
    assert set(response["gradients"]) >= {"h.attention.w_q", "h.feed_forward.w_1", "w"}
    for name in ("h.attention.w_q", "h.feed_forward.w_1", "w"):
        expected = slope(partial(loss, name), array(inputs[name]))
        np.testing.assert_allclose(response["gradients"][name], expected, rtol=1e-6, atol=1e-8)
    trained = set(response["parameters"])
    assert trained == {name for name in inputs if name not in ("x", "y")}
