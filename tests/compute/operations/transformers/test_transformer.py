"""The transformer against loops over tokens, and against its encoder and decoder computed separately."""

from typing import Any

import numpy as np
import pytest

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
from tests.oracles.textbook_transformers import (
    Settings,
    Weights,
    chain,
    decoder_layer,
    encoder_layer,
    part,
)

RNG = np.random.default_rng(86)
HOW = Settings(heads=2)
SOURCE, TARGET = RNG.standard_normal((2, 4)), RNG.standard_normal((3, 4))


def stacks(
    rng: np.random.Generator, d: int, d_c: int, how: Settings, *, biases: bool, counts: tuple[int, int],
    final: bool,
) -> dict[str, Array]:  # fmt: skip
    """Weights of an encoder of tokens of width d_c, and of a decoder of those of width d."""
    found: dict[str, Array] = {}
    for at in range(counts[0]):
        found |= scoped(f"encoder.layer[{at}]", encoding(rng, d_c, 3, how, biases=biases))
    for at in range(counts[1]):
        found |= scoped(f"decoder.layer[{at}]", decoding(rng, d, d_c, 3, how, biases=biases))
    if final:
        found |= scoped("encoder.final_norm", normed(rng, d_c, biases=biases))
        found |= scoped("decoder.final_norm", normed(rng, d, biases=biases))
    return found


WEIGHTS = stacks(RNG, 4, 4, HOW, biases=True, counts=(1, 2), final=True)
SENT = {"source": SOURCE, "target": TARGET, **WEIGHTS}


def loops(how: Settings, *, causal: bool = True) -> Any:
    """Compute the transformer with loops, from the inputs that are sent."""
    own = Settings(**{**vars_of(how), "causal": causal})

    def one(sent: dict[str, Array]) -> Array:
        def encodes(x: Array, weights: Weights) -> Array:
            masks = sent.get("source_mask"), sent.get("source_key_padding_mask")
            return encoder_layer(x, weights, how, mask=masks[0], padding=masks[1])

        def decodes(x: Array, weights: Weights) -> Array:
            others = sent.get("memory_mask"), sent.get("memory_key_padding_mask")
            masks = {"mask": sent.get("target_mask"), "padding": sent.get("target_key_padding_mask")}
            return decoder_layer(x, memory, weights, own, *others, **masks)

        memory = chain(sent["source"], encodes, part(sent, "encoder"), how)
        return chain(sent["target"], decodes, part(sent, "decoder"), how)

    return one


def vars_of(how: Settings) -> dict[str, Any]:
    return {name: getattr(how, name) for name in Settings.__dataclass_fields__}


@pytest.mark.parametrize("seed", range(12))
def test_random_transformers(seed: int) -> None:
    """Whose source may be of another width than the target."""
    rng = np.random.default_rng([360, seed])
    n, m, d, d_c = (int(one) for one in rng.integers(2, 4, 4))
    how = drawn(rng, causal=False, window=None, rotary=None, rotary_base=10000)
    causal, counts = bool(rng.random() < 0.7), (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    inputs: dict[str, Array] = {
        "source": rng.standard_normal((n, d_c)),
        "target": rng.standard_normal((m, d)),
    }
    inputs |= stacks(rng, d, d_c, how, biases=seed % 2 == 0, counts=counts, final=bool(rng.random() < 0.5))
    masks = (("source_mask", (n, n)), ("target_mask", (m, m)), ("memory_mask", (m, n)),
             ("source_key_padding_mask", (n,)), ("target_key_padding_mask", (m,)),
             ("memory_key_padding_mask", (n,)))  # fmt: skip
    for name, shape in masks:
        if rng.random() < 0.3:
            inputs[name] = rng.random(shape) < (0.4 if "padding" in name else 0.7)
    settings = said(how, "transformer") | {"causal": causal}
    if seed % 2:
        settings |= {"encoder_layers": counts[0], "decoder_layers": counts[1]}
    agree("transformer", inputs, settings, loops(how, causal=causal))


def test_a_transformer_is_an_encoder_and_a_decoder() -> None:
    upstream, settings = RNG.standard_normal((3, 4)), {"heads": 2, "activation": "gelu"}
    whole = answer("transformer", SENT, settings, upstream={"output": upstream},
                   select=["output", "encoder.output", *SENT])  # fmt: skip
    memory = answer("encoder", {"x": SOURCE, **part(WEIGHTS, "encoder")}, settings, select=["output"])
    close(whole.values["encoder.output"], memory.values["output"])
    inputs = {"x": TARGET, "memory": memory.values["output"], **part(WEIGHTS, "decoder")}
    decoded = answer("decoder", inputs, settings, upstream={"output": upstream}, select=["output", *inputs])
    close(whole.values["output"], decoded.values["output"])
    close(whole.gradients["target"], decoded.gradients["x"])
    encoded = answer("encoder", {"x": SOURCE, **part(WEIGHTS, "encoder")}, settings,
                     upstream={"output": decoded.gradients["memory"]})  # fmt: skip
    close(whole.gradients["source"], encoded.gradients["x"])
    for name in WEIGHTS:
        scope, _, rest = name.partition(".")
        found = encoded if scope == "encoder" else decoded
        close(whole.gradients[name], found.gradients[rest], name)


def test_every_layer_of_the_decoder_reads_the_memory() -> None:
    found = answer("transformer", SENT, {"heads": 2}, upstream={"output": TARGET})
    memory = "encoder.output"
    parts = found.contributions[memory]
    assert parts.keys() == {
        f"decoder.layer[{at}].cross_attention.{name}" for at in (0, 1) for name in ("key", "value")
    }
    close(sum(parts.values()), found.gradients[memory])


def test_later_tokens_of_the_target_are_hidden_and_those_of_the_source_are_not() -> None:
    changed = {"target": TARGET + np.array([[0], [0], [1.0]]) * RNG.standard_normal(4),
               "source": SOURCE + np.array([[0], [1.0]]) * RNG.standard_normal(4)}  # fmt: skip
    first = answer("transformer", SENT, {"heads": 2}, select=["output"]).values["output"]
    later = {
        name: answer("transformer", SENT | {name: one}, {"heads": 2}, select=["output"]).values["output"]
        for name, one in changed.items()
    }
    np.testing.assert_array_equal(first[:2], later["target"][:2])
    assert np.abs(first[2] - later["target"][2]).max() > 1e-6
    assert (np.abs(first - later["source"]).max(axis=1) > 1e-6).all()


def test_padding_of_the_source_is_padding_of_the_memory_only_where_it_is_sent_for_both() -> None:
    padding = {"source_key_padding_mask": np.array([False, True])}
    both = padding | {"memory_key_padding_mask": np.array([False, True])}
    for masks, read in ((padding, True), (both, False)):
        found = answer("transformer", SENT | masks, {"heads": 2}).values
        assert not found["encoder.layer[0].attention.weights"][..., 1].any()
        for at in (0, 1):
            weights = found[f"decoder.layer[{at}].cross_attention.weights"]
            assert weights[..., 1].any() == read


def test_the_memory_may_be_given() -> None:
    memory = RNG.standard_normal((5, 4))
    weights = {name: one for name, one in SENT.items() if not name.startswith(("encoder", "source"))}
    settings, given = {"heads": 2, "encoder_layers": 1}, {"encoder.output": memory}
    found = answer("transformer", weights, settings, given=given, upstream={"output": TARGET},
                   select=["output", "target", "encoder.output"])  # fmt: skip
    inputs = {"x": TARGET, "memory": memory, **part(WEIGHTS, "decoder")}
    alone = answer("decoder", inputs, {"heads": 2}, upstream={"output": TARGET},
                   select=["output", "x", "memory"])  # fmt: skip
    close(found.values["output"], alone.values["output"])
    close(found.gradients["target"], alone.gradients["x"])
    close(found.gradients["encoder.output"], alone.gradients["memory"])
    unknown = plan("transformer", weights, settings, given=given).unknown
    assert {"source", "encoder.layer[0].attention.w_q"} <= set(unknown)
    assert all(name == "source" or name.startswith("encoder.layer[0].") for name in unknown)


def test_all_weights_and_no_source() -> None:
    memory = RNG.standard_normal((2, 4))
    sent = {name: one for name, one in SENT.items() if name != "source"}
    given = {"encoder.layer[0].feed_forward_residual": memory}
    found = answer("transformer", sent, {"heads": 2}, given=given, select=["output", "encoder.output"])
    norm = part(WEIGHTS, "encoder.layer[0].feed_forward_norm"), part(WEIGHTS, "encoder.final_norm")
    tokens = answer("layer_norm", {"x": memory, **norm[0]}).values["output"]
    tokens = answer("layer_norm", {"x": tokens, **norm[1]}).values["output"]
    close(found.values["encoder.output"], tokens)
    inputs = {"x": TARGET, "memory": tokens, **part(WEIGHTS, "decoder")}
    close(found.values["output"], answer("decoder", inputs, {"heads": 2}, select=["output"]).values["output"])


def without(*names: str) -> dict[str, Array]:
    return {name: one for name, one in SENT.items() if name not in names}


@pytest.mark.parametrize(
    ("sent", "attributes", "field", "words"),
    [
        (without("target"), {}, "target", "target is required"),
        (without("encoder.layer[0].attention.w_q"), {}, "encoder.layer[0].attention.w_q",
         "encoder.layer[0].attention.w_q is required"),
        (without("decoder.layer[1].cross_attention.w_o"), {}, "decoder.layer[1].cross_attention.w_o",
         "decoder.layer[1].cross_attention.w_o is required"),
        (SENT | {"decoder.layer[1].cross_attention.w_k": np.ones((3, 4))}, {},
         "decoder.layer[1].cross_attention.w_k", "d_c is 3 here and 4 elsewhere"),
        (SENT | {"target_key_padding_mask": np.zeros(2, bool)}, {}, "target_key_padding_mask",
         "m is 2 here and 3 elsewhere"),
        (SENT | {"memory_key_padding_mask": np.zeros(3, bool)}, {}, "memory_key_padding_mask",
         "n is 3 here and 2 elsewhere"),
        (SENT | {"source": np.ones((2, 2, 4)), "target": np.ones((3, 3, 4))}, {}, "target",
         "target has other batch axes than the source"),
        (SENT | {"target_mask": np.ones((2, 2), bool)}, {}, "target_mask", "does not fit the scores"),
        (SENT | {"source_mask": np.ones((3, 3), bool)}, {}, "source_mask", "does not fit the scores"),
        (SENT | {"memory_mask": np.ones((2, 3), bool)}, {}, "memory_mask", "does not fit the scores"),
        (SENT | {"source": np.ones((2, 3))}, {}, "encoder.layer[0].attention.w_q", ""),
        (without("encoder.final_norm.bias"), {"bias": True}, "encoder.final_norm.bias", "is required"),
        (SENT, {"bias": False}, "encoder.layer[0].attention.b_q", "biases are off"),
        (SENT, {"dropout_rate": 0.1}, "dropout_rate", "no use without a dropout mask"),
        (SENT, {"encoder_layers": 257}, "encoder_layers", "too many layers"),
        (SENT, {"decoder_layers": 257}, "decoder_layers", "too many layers"),
        ({"source": SOURCE, "target": TARGET}, {}, "encoder_layers", "the number of layers is unknown"),
        (SENT | {"layer[0].attention.w_q": SOURCE}, {}, "layer[0].attention.w_q", "no input of this name"),
        (SENT | {"encoder.layer[0].cross_attention.w_q": SOURCE}, {}, "encoder.layer[0].cross_attention.w_q",
         "no input of this name"),
    ],
)  # fmt: skip
def test_refused(sent: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    (path, message, *_), *_ = refused("transformer", sent, {"heads": 2} | attributes)
    assert path == (field,)
    assert words in message


def test_what_parts_have_otherwise_is_said_of_each() -> None:
    inputs = {"source": SOURCE, "target": TARGET} | stacks(
        RNG, 4, 4, HOW, biases=False, counts=(2, 1), final=False
    )
    units = ("encoder.layer[1].feed_forward.w_1", "encoder.layer[1].feed_forward.w_2")
    wide = inputs | {units[0]: np.ones((4, 5)), units[1]: np.ones((5, 4))}
    even, uneven = (plan("transformer", one, {"heads": 2}).conventions for one in (inputs, wide))
    assert (even["encoder_layers"], even["decoder_layers"]) == (2, 1)
    assert "layers" not in even
    assert even["causal"] == "in the decoder's self-attention query i attends to keys 0 to i"
    assert even["d_ff"] == 3
    assert uneven["d_ff"] == {
        "encoder.layer[0].feed_forward": 3,
        "encoder.layer[1].feed_forward": 5,
        "decoder.layer[0].feed_forward": 3,
    }
    part_known = {name: one for name, one in wide.items() if not name.startswith("encoder.layer[1].feed")}
    memory = {"encoder.output": np.ones((2, 4))}
    assert plan("transformer", part_known, {"heads": 2}, given=memory).conventions["d_ff"] == 3
    assert plan("transformer", inputs, {"heads": 2, "causal": False}).conventions["causal"] is False
