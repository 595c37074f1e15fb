"""Norms of models whose gains and biases are left out, and all that may not be."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from tests.compute.asking import answer, plan
from tests.compute.operations.drawn_layers import refused

RNG = np.random.default_rng(17)
Weights = dict[str, Any]


def drawn(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def layer(name: str = "", *, cross: bool = False) -> Weights:
    """The weights of a layer without those of its norms."""
    parts = ("self_attention", "cross_attention") if cross else ("attention",)
    found = {f"{name}{part}.w_{one}": drawn(4, 4) for part in parts for one in "qkvo"}
    return found | {f"{name}feed_forward.w_1": drawn(4, 6), f"{name}feed_forward.w_2": drawn(6, 4)}


VISION = {
    "x": drawn(1, 4, 4), "patch_embedding.kernel": drawn(4, 1, 2, 2), "class_token": drawn(4),
    "position_embedding": drawn(5, 4), **layer("encoder.layer[0]."), "head.w": drawn(4, 3),
}  # fmt: skip
LANGUAGE = {
    "tokens": [2, 0, 1], "token_embedding.weights": drawn(3, 4), "position_embedding.weights": drawn(3, 4),
    **layer("encoder.layer[0]."),
}  # fmt: skip
MODELS: list[tuple[str, Weights, dict[str, Any], list[str]]] = [
    ("encoder_layer", {"x": drawn(3, 4), **layer()}, {}, ["attention_norm", "feed_forward_norm"]),
    (
        "decoder_layer", {"x": drawn(3, 4), "memory": drawn(2, 4), **layer(cross=True)}, {},
        ["self_attention_norm", "cross_attention_norm", "feed_forward_norm"],
    ),
    (
        "encoder", {"x": drawn(3, 4), **layer("layer[0].")},
        {"norm_placement": "pre", "has_final_norm": True},
        ["layer[0].attention_norm", "layer[0].feed_forward_norm", "final_norm"],
    ),
    (
        "vision_transformer", VISION, {},
        ["encoder.layer[0].attention_norm", "encoder.layer[0].feed_forward_norm", "encoder.final_norm"],
    ),
    (
        "language_model", LANGUAGE, {"norm_placement": "pre", "causal": True},
        ["encoder.layer[0].attention_norm", "encoder.layer[0].feed_forward_norm", "encoder.final_norm"],
    ),
    (
        "language_model", LANGUAGE, {},
        ["encoder.layer[0].attention_norm", "encoder.layer[0].feed_forward_norm"],
    ),
]  # fmt: skip
EACH = pytest.mark.parametrize(
    ("operation", "weights", "attributes", "norms"), MODELS, ids=lambda one: str(one)[:20]
)


@EACH
def test_ones_and_zeros_stand_for_norms_that_are_left_out(
    operation: str, weights: Weights, attributes: dict[str, Any], norms: list[str]
) -> None:
    """The output and the other gradients equal those with ones and zeros sent."""
    attributes = {**attributes, "heads": 2}
    ones = {f"{name}.gain": np.ones(4) for name in norms}
    zeros = {f"{name}.bias": np.zeros(4) for name in norms}
    names = [name for name in weights if name != "tokens"]
    output = answer(operation, weights, attributes, select=["output"]).values["output"]
    upstream = {"output": RNG.standard_normal(output.shape)}
    first, second = (
        answer(operation, weights | more, attributes, upstream=upstream, select=["output", *names])
        for more in ({}, ones | zeros)
    )
    np.testing.assert_allclose(first.values["output"], second.values["output"], rtol=1e-14, atol=1e-14)
    for name in names:
        np.testing.assert_allclose(first.gradients[name], second.gradients[name], rtol=1e-11, atol=1e-13)
    said = plan(operation, weights, attributes).conventions
    assert (said["gain_left_out"], said["bias_left_out"]) == ("ones", "zeros")
    said = plan(operation, weights | ones | zeros, attributes).conventions
    assert "gain_left_out" not in said and "bias_left_out" not in said


def normalized(x: Any, epsilon: float) -> Any:
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    ("operation", "weights", "attributes", "epsilon"),
    [("vision_transformer", VISION, {}, 1e-6), ("language_model", LANGUAGE, {"norm_placement": "pre"}, 1e-5)],
)
def test_models_with_norms_before_their_sublayers_have_one_at_the_end(
    operation: str, weights: Weights, attributes: dict[str, Any], epsilon: float
) -> None:
    """Dosovitskiy et al. 2021, equation 4; Radford et al. 2019, section 2.3."""
    said = {**attributes, "heads": 2}
    last, output = "encoder.layer[0].output", "encoder.output"
    for more, has in (({}, True), ({"has_final_norm": False}, False), ({"has_final_norm": True}, True)):
        found = answer(operation, weights, said | more, select=[last, output]).values
        expected = normalized(found[last], epsilon) if has else found[last]
        np.testing.assert_allclose(found[output], expected, rtol=1e-12, atol=1e-13)
        assert plan(operation, weights, said | more).conventions["has_final_norm"] is has
    post = plan(operation, weights, said | {"norm_placement": "post"}).conventions
    assert post["has_final_norm"] is False


def test_what_is_pooled_has_one_norm_and_not_two() -> None:
    pooled = VISION | {"pooled_norm.gain": np.ones(4)}
    assert plan("vision_transformer", pooled, {"heads": 2}).conventions["has_final_norm"] is False
    both = pooled | {"encoder.final_norm.bias": np.ones(4)}
    assert plan("vision_transformer", both, {"heads": 2}).conventions["has_final_norm"] is True


@EACH
def test_all_that_is_missing_is_told_at_once(
    operation: str, weights: Weights, attributes: dict[str, Any], norms: list[str]
) -> None:
    attributes = {**attributes, "heads": 2}
    if "layers" in CATALOGUE[operation].attributes:
        attributes["layers"] = 1
    own = [name for name in weights if "." not in name]
    for sent in (weights.keys() & {own[0]}, set()):
        faults = refused(operation, {name: weights[name] for name in sent}, attributes)
        assert {path[0] for path, *_ in faults} == weights.keys() - sent
        assert all(received == "nothing" for *_, received in faults)


@pytest.mark.parametrize("operation", ["layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm"])
def test_layers_say_what_stands_for_their_weights(operation: str) -> None:
    x = drawn(2, 4, 3)
    attributes = {"groups": 2} if operation == "group_norm" else {}
    size = 3 if operation in ("layer_norm", "rms_norm") else 4
    sent = {"gain": np.ones(size), "bias": np.zeros(size)}
    for left_out in ([], ["gain"], ["bias"], ["gain", "bias"]):
        inputs = {"x": x, **{name: one for name, one in sent.items() if name not in left_out}}
        said = plan(operation, inputs, attributes).conventions
        assert (said.get("gain_left_out") == "ones") is ("gain" in left_out)
        expected = "bias" in left_out and operation != "rms_norm"
        assert (said.get("bias_left_out") == "zeros") is expected


def test_programs_tell_all_that_is_missing_of_every_line() -> None:
    lines = ("h = encoder_layer(x, heads=2)", "y = h @ u", "z = encoder_layer(y, heads=2)")
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", {"x": drawn(3, 4), "u": drawn(4, 4), "h.attention.w_q": drawn(4, 4)}, program=lines)
    told = [error.path for error in caught.value.errors]
    names = [f"{line}.{name}" for line in "hz" for name in layer()]
    assert sorted(told) == sorted(("inputs", name) for name in names if name != "h.attention.w_q")
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", {"x": drawn(3, 4)}, program=lines[:2])
    assert {("inputs", "u"), ("inputs", "h.feed_forward.w_2")} <= {one.path for one in caught.value.errors}
