"""Encoders and decoders: layer on layer, against loops over tokens, and from the middle of a stack."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.graph.spec import Tensor
from compute.operations.transformers.layer_stack import MOST_LAYERS
from compute.question.plan import describe_cost
from tests.compute.asking import answer, plan
from tests.compute.operations.drawn_layers import (
    agree,
    close,
    decoding,
    drawn,
    encoding,
    normed,
    refused,
    said,
    scoped,
)
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings, Weights, chain, decoder_layer, encoder_layer, part

RNG = np.random.default_rng(85)
HOW = Settings(heads=2)
LAYERS = [encoding(RNG, 4, 3, HOW, biases=True) for _ in range(3)]
WEIGHTS = {name: one for at, each in enumerate(LAYERS) for name, one in scoped(f"layer[{at}]", each).items()}
X = RNG.standard_normal((3, 4))
SENT = {"x": X, **WEIGHTS}
TWO = {"heads": 2}


def encoded(how: Settings) -> Any:
    """Compute the encoder with loops, from the inputs that are sent."""

    def one(sent: dict[str, Array]) -> Array:
        masks = {
            "mask": sent.get("mask"),
            "padding": sent.get("key_padding_mask"),
            "positions": sent.get("positions"),
        }

        def layer(x: Array, weights: Weights) -> Array:
            return encoder_layer(x, weights, how, **masks)

        return chain(sent["x"], layer, sent, how)

    return one


@pytest.mark.parametrize("seed", range(16))
def test_random_encoders(seed: int) -> None:
    """Layers may differ in their inner widths."""
    rng = np.random.default_rng([350, seed])
    n, d, count = (int(one) for one in rng.integers([2, 2, 1], 4))
    how, biases = drawn(rng), bool(seed % 2)
    inputs: dict[str, Array] = {"x": rng.standard_normal((n, d))}
    for at in range(count):
        inputs |= scoped(f"layer[{at}]", encoding(rng, d, int(rng.integers(1, 5)), how, biases=biases))
    if rng.random() < 0.5:
        inputs |= scoped("final_norm", normed(rng, d, biases=biases))
    if rng.random() < 0.3:
        inputs["mask"] = rng.random((n, n)) < 0.7
    if rng.random() < 0.3:
        inputs["key_padding_mask"] = rng.random(n) < 0.4
    if rng.random() < 0.3:  # of one layer alone
        inputs[f"layer[{count - 1}].feed_forward.dropout_mask"] = rng.random((1, 1)) < 0.7
        how = replace(how, dropout_rate=0.25)
    if how.rotary:
        inputs["positions"] = rng.integers(-4, 5, n) / 2
    settings = said(how, "encoder") | ({"layers": count} if seed % 3 else {})
    agree("encoder", inputs, settings, encoded(how), but=("positions",))


@pytest.mark.parametrize("seed", range(12))
def test_random_decoders(seed: int) -> None:
    rng = np.random.default_rng([351, seed])
    n, m, d, d_c, count = (int(one) for one in rng.integers([2, 2, 2, 2, 1], 4))
    how, biases = drawn(rng), bool(seed % 2)
    inputs: dict[str, Array] = {"x": rng.standard_normal((n, d)), "memory": rng.standard_normal((m, d_c))}
    for at in range(count):
        inputs |= scoped(f"layer[{at}]", decoding(rng, d, d_c, 3, how, biases=biases))
    if rng.random() < 0.5:
        inputs |= scoped("final_norm", normed(rng, d, biases=biases))
    for name, shape in (("mask", (n, n)), ("memory_mask", (n, m)), ("memory_key_padding_mask", (m,))):
        if rng.random() < 0.3:
            inputs[name] = rng.random(shape) < 0.6
    if how.rotary:
        inputs["positions"] = rng.integers(-4, 5, n) / 2

    def loops(sent: dict[str, Array]) -> Array:
        def layer(x: Array, weights: Weights) -> Array:
            others = sent.get("memory_mask"), sent.get("memory_key_padding_mask")
            masks = {"mask": sent.get("mask"), "positions": sent.get("positions")}
            return decoder_layer(x, sent["memory"], weights, how, *others, **masks)

        return chain(sent["x"], layer, sent, how)

    agree("decoder", inputs, said(how, "decoder") | {"causal": how.causal}, loops, but=("positions",))


def test_a_stack_is_its_layers_called_one_by_one() -> None:
    final = normed(RNG, 4, biases=True)
    upstream = RNG.standard_normal((3, 4))
    whole = answer("encoder", SENT | scoped("final_norm", final), TWO | {"causal": True},
                   upstream={"output": upstream}, select=["output", *SENT, "layer[1].output"])  # fmt: skip
    tokens, entered = X, []
    for weights in LAYERS:
        entered.append(tokens)
        tokens = answer("encoder_layer", {"x": tokens, **weights}, TWO | {"causal": True},
                        select=["output"]).values["output"]  # fmt: skip
    close(whole.values["layer[1].output"], entered[2])
    last = answer("layer_norm", {"x": tokens, **final}, upstream={"output": upstream})
    close(whole.values["output"], last.values["output"])
    back = last.gradients["x"]
    for at in (2, 1, 0):
        found = answer("encoder_layer", {"x": entered[at], **LAYERS[at]}, TWO | {"causal": True},
                       upstream={"output": back})  # fmt: skip
        for name in LAYERS[at]:
            close(whole.gradients[f"layer[{at}].{name}"], found.gradients[name], name)
        back = found.gradients["x"]
    close(whole.gradients["x"], back)


@pytest.mark.parametrize("layers", [{}, {"layers": 3}])
def test_from_the_middle_of_a_stack(layers: dict[str, int]) -> None:
    """If a layer's output is given, later layers need no weights of it, and earlier ones are unknown."""
    middle, upstream = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    weights = {name: one for name, one in WEIGHTS.items() if not name.startswith("layer[0].")}
    given = {"layer[0].output": middle}
    asked: dict[str, Any] = {"given": given, "upstream": {"output": upstream}}
    found = answer("encoder", weights, TWO | layers, select=["output", "layer[0].output", *weights], **asked)
    how = encoded(HOW)
    later = {f"layer[{at}].{name}": one for at in (0, 1) for name, one in LAYERS[at + 1].items()}
    close(found.values["output"], how({"x": middle, **later}))
    same = answer("encoder", {"x": middle, **later}, TWO, upstream={"output": upstream},
                  select=["x", *later])  # fmt: skip
    close(found.gradients["layer[0].output"], same.gradients["x"])
    for name in weights:
        close(found.gradients[name], same.gradients[name.replace("[1]", "[0]").replace("[2]", "[1]")], name)
    unknown = plan("encoder", weights, TWO | layers, **asked).unknown
    assert {"x", "layer[0].attention_branch", "layer[0].attention.weights"} <= set(unknown)
    assert {f"layer[0].{name}" for name in LAYERS[0] if not name.rpartition(".")[2].startswith("b")} <= set(
        unknown
    )
    assert all(name == "x" or name.startswith("layer[0].") for name in unknown)


@pytest.mark.parametrize("masks", [{}, {"mask": np.tril(np.ones((3, 3), bool))}])
def test_all_weights_and_no_tokens(masks: dict[str, Array]) -> None:
    """The input of the first layer is unknown; the weights determine its width."""
    middle = RNG.standard_normal((3, 4))
    given = {"layer[1].attention_residual": middle}
    found = answer(
        "encoder", WEIGHTS | masks, TWO, given=given, select=["output", "layer[2].attention_branch"]
    )
    norm, fed = (part(LAYERS[1], f"{name}_norm") for name in ("attention", "feed_forward"))
    tokens = answer("layer_norm", {"x": middle, **norm}).values["output"]
    tokens = (
        tokens + answer("feed_forward", {"x": tokens, **part(LAYERS[1], "feed_forward")}).values["output"]
    )
    tokens = answer("layer_norm", {"x": tokens, **fed}).values["output"]
    close(found.values["layer[2].attention_branch"], tokens)
    close(found.values["output"], encoded(HOW)({"x": tokens, **masks, **scoped("layer[0]", LAYERS[2])}))
    prepared = plan("encoder", WEIGHTS | masks, TWO, given=given)
    assert {"x", "layer[0].attention.weights", "layer[1].attention.output"} <= set(prepared.unknown)
    assert not any("w_" in name for name in prepared.unknown)
    wrong = {"layer[2].feed_forward.w_2": np.ones((3, 5))}
    [(path, message, *_)] = refused("encoder", WEIGHTS | masks | wrong, TWO, given=given)
    assert path == ("layer[2].feed_forward.w_2",) and "d_o is 5 here and 4 elsewhere" in message


@pytest.mark.parametrize("batch", [(2,), (1, 2)])
def test_masks_of_a_batch_and_no_tokens(batch: tuple[int, ...]) -> None:
    """The first layer has no tokens that say of which batch they are, and masks do not fit it any worse."""
    middle = RNG.standard_normal((*batch, 3, 4))
    masks: dict[str, Array] = {
        "key_padding_mask": np.broadcast_to([False, False, True], (*batch, 3)),
        "mask": RNG.standard_normal((*batch, 1, 3, 3)),
    }
    found = answer("encoder", WEIGHTS | masks, TWO, given={"layer[0].output": middle}, select=["output"])
    above = {name: one for at in (1, 2) for name, one in scoped(f"layer[{at - 1}]", LAYERS[at]).items()}
    expected = answer("encoder", {"x": middle, **masks, **above}, TWO, select=["output"])
    close(found.values["output"], expected.values["output"])
    [(path, message, *_)] = refused(
        "encoder", WEIGHTS | {"mask": np.ones((3, 2))}, TWO, given={"layer[0].output": middle}
    )
    assert path == ("mask",) and "does not fit the scores" in message


def test_the_end_of_the_last_layer_alone() -> None:
    residual = RNG.standard_normal((3, 4))
    last = {name: one for name, one in WEIGHTS.items() if name.startswith("layer[2].feed_forward")}
    found = answer("encoder", last, TWO, given={"layer[2].feed_forward_residual": residual},
                   select=["output"])  # fmt: skip
    norm = answer("layer_norm", {"x": residual, **part(last, "layer[2].feed_forward_norm")})
    close(found.values["output"], norm.values["output"])


@pytest.mark.parametrize("changed", [1, 2])
@pytest.mark.parametrize("placement", ["post", "pre"])
def test_of_later_tokens_a_causal_encoder_knows_nothing(placement: str, changed: int) -> None:
    settings = TWO | {"causal": True, "norm_placement": placement}
    other = X.copy()
    other[changed] = RNG.standard_normal(4)
    first, second = (answer("encoder", SENT | {"x": x}, settings, select=["output"]) for x in (X, other))
    before, after = first.values["output"], second.values["output"]
    np.testing.assert_array_equal(before[:changed], after[:changed])
    assert (np.abs(before - after)[changed:].max(axis=1) > 1e-6).all()
    open_ = [answer("encoder", SENT | {"x": x}, TWO, select=["output"]).values["output"] for x in (X, other)]
    assert (np.abs(open_[0] - open_[1]).max(axis=1) > 1e-6).all()


@pytest.mark.parametrize("placement", ["post", "pre"])
def test_contributions_at_every_depth(placement: str) -> None:
    found = answer("encoder", SENT, TWO | {"norm_placement": placement}, upstream={"output": X})
    graph = plan("encoder", SENT, TWO | {"norm_placement": placement}).graph
    for name, at in (("x", 0), ("layer[0].output", 1), ("layer[1].output", 2)):
        called = str(graph.names[name].name)
        parts = found.contributions[called]
        assert parts.keys() == {f"layer[{at}].attention_branch", f"layer[{at}].attention_residual"}
        close(sum(parts.values()), found.gradients[called])


def test_how_many_layers() -> None:
    plain = plan("encoder", SENT, TWO)
    assert plain.conventions["layers"] == 3
    [(path, message, *_)] = refused("encoder", {"x": X}, TWO)
    assert path == ("layers",) and message == "the number of layers is unknown"
    faults = refused("encoder", SENT, TWO | {"layers": 4})
    lacking = [*(f"attention.w_{one}" for one in "qkvo"), "feed_forward.w_1", "feed_forward.w_2"]
    assert [path for path, *_ in faults] == [(f"layer[3].{name}",) for name in lacking]
    [(path, message, *_)] = refused("encoder", SENT, TWO | {"layers": 2})
    assert path[0] in WEIGHTS and str(path[0]).startswith("layer[2].") and "nothing here takes it" in message
    [(path, _, expected, _)] = refused("encoder", SENT, TWO | {"layers": MOST_LAYERS + 1})
    assert path == ("layers",) and expected == "at most 256 layers"
    faults = refused("encoder", SENT | {"layer[4].attention.w_q": X}, TWO)
    assert {str(path[0]).partition(".")[0] for path, *_ in faults} == {"layer[3]", "layer[4]"}
    [(path, *_)] = refused("encoder", SENT | {"layer[300].attention.w_q": X}, TWO)
    assert path == ("layers",)


def test_whether_there_is_a_final_norm_can_be_said() -> None:
    final = scoped("final_norm", normed(RNG, 4, biases=True))
    outputs = [
        answer("encoder", SENT | weights, TWO | attributes, select=["output"]).values["output"]
        for weights, attributes in (
            (final, {}), (final, {"has_final_norm": True}), ({}, {}), ({}, {"has_final_norm": False})
        )
    ]  # fmt: skip
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[2], outputs[3])
    assert np.abs(outputs[0] - outputs[2]).max() > 1e-3
    ones = {"final_norm.gain": np.ones(4)}
    default, plain = (
        answer("encoder", SENT | weights, TWO | {"has_final_norm": True}, select=["output"]).values["output"]
        for weights in ({}, ones)
    )
    np.testing.assert_array_equal(default, plain)
    faults = refused("encoder", SENT | final, TWO | {"has_final_norm": False})
    assert faults[0][0] in {("final_norm.gain",), ("final_norm.bias",)}
    assert "has no use here" in faults[0][1]


@pytest.mark.parametrize(
    ("more", "attributes", "field", "words"),
    [
        ({"layer[1].attention.w_q": np.ones((3, 4))}, {}, "layer[1].attention.w_q",
         "the shape of layer[1].attention.w_q does not fit: d is 3 here and 4 elsewhere"),
        ({"layer[2].feed_forward.w_2": np.ones((2, 4))}, {}, "layer[2].feed_forward.w_2",
         "the shape of layer[2].feed_forward.w_2 does not fit: d_ff is 2 here and 3 elsewhere"),
        ({"layer[0].feed_forward_norm.gain": np.ones(3)}, {}, "layer[0].feed_forward_norm.gain",
         "layer[0].feed_forward_norm.gain does not fit"),
        ({"final_norm.gain": np.ones(3)}, {}, "final_norm.gain", "final_norm.gain does not fit"),
        ({"final_norm.gain": np.ones(4)}, {"bias": True}, "final_norm.bias", "final_norm.bias is required"),
        ({"key_padding_mask": np.zeros(2, bool)}, {}, "key_padding_mask", "n is 2 here and 3 elsewhere"),
        ({"mask": np.ones((4, 3))}, {}, "mask", "does not fit the scores"),
        ({}, {"dropout_rate": 0.5}, "dropout_rate", "no use without a dropout mask"),
        ({"layer[1].attention_dropout_mask": np.ones((3, 4), bool)}, {}, "dropout_rate", "required"),
        ({"layer[1].attention_dropout_mask": np.ones((3, 3), bool)}, {"dropout_rate": 0.5},
         "layer[1].attention_dropout_mask", "does not fit the entries it drops"),
        ({"layer[1].feed_forward.w_gate": np.ones((4, 3))}, {}, "layer[1].feed_forward.w_gate",
         "layer[1].feed_forward.w_gate has no use without gated"),
        ({"layer.attention.w_q": X}, {}, "layer.attention.w_q", "no input of this name"),
        ({"layer[0].mask": np.ones((3, 3))}, {}, "layer[0].mask", "no input of this name"),
        ({"layer[0].cross_attention.w_q": X}, {}, "layer[0].cross_attention.w_q", "no input of this name"),
        ({"final_norm.w_1": X}, {}, "final_norm.w_1", "no input of this name"),
        ({"final_norm.gain": np.ones(4), "final_norm.w_1": X}, {}, "final_norm.w_1", "no input of this name"),
    ],
)  # fmt: skip
def test_refused(more: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    [(path, message, *_)] = refused("encoder", SENT | more, TWO | attributes)
    assert path == (field,)
    assert words in message


def test_of_shapes_alone_one_layer_stands_for_all() -> None:
    n, d, count = (Polynomial.symbol(one) for one in ("n", "d", "L"))
    one, *_ = describe_cost("encoder_layer", {"x": Tensor((n, d))}, {"d_ff": 4 * d})
    total, *_ = describe_cost("encoder", {"x": Tensor((n, d))}, {"d_ff": 4 * d, "layers": count})
    assert total.parameters == count * one.parameters
    assert total.multiply_adds == count * one.multiply_adds
    told, *_ = describe_cost("encoder", {"x": Tensor((3, 4))}, {"d_ff": 3, "heads": 2, "layers": 1000})
    numbers, *_ = describe_cost("encoder_layer", {"x": Tensor((3, 4))}, {"d_ff": 3, "heads": 2})
    assert told.multiply_adds == 1000 * int(str(numbers.multiply_adds))
