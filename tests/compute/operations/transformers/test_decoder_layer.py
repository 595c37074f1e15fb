"""A decoder layer against loops over tokens, and against its sublayers computed separately."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.compute.operations.drawn_layers import agree, close, decoding, drawn, refused, said
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings, decoder_layer, part

RNG = np.random.default_rng(84)
HOW = Settings(heads=2, causal=True)
WEIGHTS = decoding(RNG, 4, 5, 3, HOW, biases=True)
X, MEMORY = RNG.standard_normal((3, 4)), RNG.standard_normal((2, 5))
SENT = {"x": X, "memory": MEMORY, **WEIGHTS}
NAMES = {  # on the wire, and what the loops call them
    "mask": "mask", "key_padding_mask": "padding", "positions": "positions", "memory_mask": "memory_mask",
    "memory_key_padding_mask": "memory_padding",
}  # fmt: skip
DROPPED = {  # where entries are dropped, and what is left of them
    "self_attention.dropout_mask": "self_attention.dropped_weights",
    "self_attention_dropout_mask": "dropped_self_attention",
    "cross_attention.dropout_mask": "cross_attention.dropped_weights",
    "cross_attention_dropout_mask": "dropped_cross_attention",
    "feed_forward.dropout_mask": "feed_forward.dropped_hidden",
    "feed_forward_dropout_mask": "dropped_feed_forward",
}


def loops(how: Settings) -> Any:
    """Compute the layer with loops, from the inputs that are sent."""

    def one(sent: dict[str, Array]) -> Array:
        masks = {theirs: sent[ours] for ours, theirs in NAMES.items() if ours in sent}
        return decoder_layer(sent["x"], sent["memory"], sent, how, **masks)

    return one


def attributes_of(how: Settings) -> dict[str, Any]:
    """A decoder is causal by default."""
    return said(how, "decoder_layer") | {"causal": how.causal}


def dropping(rng: np.random.Generator, n: int, m: int, d: int, units: int, heads: int) -> dict[str, Array]:
    """Draw a dropout mask for every site, or for some."""
    before = (heads,) if heads > 1 else ()
    shapes = ((*before, n, n), (n, d), (*before, n, m), (n, d), (n, units), (n, d))
    pairs = zip(DROPPED, shapes, strict=True)
    return {name: rng.random(shape) < 0.7 for name, shape in pairs if rng.random() < 0.7}


@pytest.mark.parametrize("seed", range(20))
def test_random_layers(seed: int) -> None:
    rng = np.random.default_rng([340, seed])
    n, m, d, d_c, units = (int(one) for one in rng.integers(2, 5, 5))
    how = drawn(rng)
    inputs: dict[str, Array] = {"x": rng.standard_normal((n, d)), "memory": rng.standard_normal((m, d_c))}
    inputs |= decoding(rng, d, d_c, units, how, biases=seed % 2 == 0)
    if seed % 4 == 0:
        inputs |= dropping(rng, n, m, d, units, how.heads)
        how = replace(how, dropout_rate=0.3)
    for name, shape in (("mask", (n, n)), ("memory_mask", (n, m))):
        if rng.random() < 0.4:
            inputs[name] = rng.random(shape) < 0.7 if rng.random() < 0.5 else rng.standard_normal(shape)
    for name, size in (("key_padding_mask", n), ("memory_key_padding_mask", m)):
        if rng.random() < 0.4:
            inputs[name] = rng.random(size) < 0.4
    if how.rotary and rng.random() < 0.5:
        inputs["positions"] = rng.integers(-4, 5, n) / 2
    agree("decoder_layer", inputs, attributes_of(how), loops(how), but=("positions",))


@pytest.mark.parametrize("site", DROPPED)
def test_a_mask_at_each_site_alone(site: str) -> None:
    how = replace(HOW, dropout_rate=0.5)
    shapes = {"self_attention.dropout_mask": (2, 3, 3), "cross_attention.dropout_mask": (2, 3, 2),
              "feed_forward.dropout_mask": (3, 3)}  # fmt: skip
    shape = shapes.get(site, (3, 4))
    inputs = SENT | {site: (np.arange(np.prod(shape)) % 3 > 0).reshape(shape)}
    settings = {"heads": 2, "dropout_rate": 0.5}
    agree("decoder_layer", inputs, settings, loops(how))
    found = answer("decoder_layer", inputs, settings).values
    assert [one for one in DROPPED.values() if one in found] == [DROPPED[site]]


@pytest.mark.parametrize("placement", ["post", "pre"])
def test_a_layer_is_its_parts_called_one_by_one(placement: str) -> None:
    asked: list[tuple[str, str, dict[str, Any], dict[str, Array]]] = [
        ("self_attention", "self_attention", {"heads": 2, "causal": True}, {}),
        ("cross_attention", "cross_attention", {"heads": 2}, {"context": MEMORY}),
        ("feed_forward", "feed_forward", {"activation": "silu"}, {}),
    ]
    values: dict[str, Array] = {}

    def one(scope: str, operation: str, attributes: dict[str, Any], inputs: dict[str, Array]) -> Array:
        found = answer(operation, inputs | part(WEIGHTS, scope), attributes, select=["*", "output"]).values
        values.update({f"{scope}.{name}": array for name, array in found.items()})
        output: Array = found["output"]
        return output

    tokens = X
    for scope, operation, attributes, more in asked:
        values[f"{scope}_branch"] = inner = tokens
        if placement == "pre":
            inner = one(f"{scope}_norm", "layer_norm", {}, {"x": tokens})
        tokens = tokens + one(scope, operation, attributes, {"x": inner} | more)
        values[f"{scope}_residual"] = tokens
        if placement == "post":
            tokens = one(f"{scope}_norm", "layer_norm", {}, {"x": tokens})
    settings = {"heads": 2, "norm_placement": placement, "activation": "silu"}
    whole = answer("decoder_layer", SENT, settings, select=["*", "output"]).values
    close(whole["output"], tokens)
    named = whole.keys() - {"output"}
    assert {"self_attention.weights", "cross_attention.weights", "cross_attention_residual"} < named
    assert named <= values.keys()
    for name in named:
        close(whole[name], values[name], name)


def test_causal_window_and_rotary_are_of_the_self_attention_alone() -> None:
    settings = {"heads": 2, "window": 1, "rotary": "half_split"}
    values = answer("decoder_layer", SENT, settings).values
    assert "self_attention.query_rotation.angles" in values
    assert not any(one.startswith("cross_attention.query_rotation") for one in values)
    assert values["self_attention.weights"].shape == (2, 3, 2)  # itself and one before
    assert (
        values["cross_attention.weights"].shape == (2, 3, 2) and (values["cross_attention.weights"] > 0).all()
    )
    plain = answer("decoder_layer", SENT, {"heads": 2}).values["self_attention.weights"]
    np.testing.assert_array_equal(plain, np.tril(plain))
    open_ = answer("decoder_layer", SENT, {"heads": 2, "causal": False}).values["self_attention.weights"]
    assert (open_ > 0).all()


def test_a_batch_is_each_sample() -> None:
    x, memory = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 2, 5))
    padding, other = np.array([[0, 0, 1], [0, 0, 0]], bool), np.array([[0, 0], [1, 0]], bool)
    pairs, across = RNG.standard_normal((3, 3)), RNG.random((3, 2)) < 0.8
    every = {"x": x, "memory": memory, "key_padding_mask": padding, "memory_key_padding_mask": other}
    inputs = {**SENT, **every, "mask": pairs, "memory_mask": across}
    found = answer("decoder_layer", inputs, {"heads": 2}, select=["output"]).values["output"]
    for at in range(2):
        sample = {name: one[at] for name, one in every.items()}
        close(found[at], loops(HOW)({**WEIGHTS, **sample, "mask": pairs, "memory_mask": across}))


@pytest.mark.parametrize("placement", ["post", "pre"])
def test_contributions_show_the_residual_path_and_every_way_from_the_memory(placement: str) -> None:
    found = answer("decoder_layer", SENT, {"heads": 2, "norm_placement": placement},
                   upstream={"output": RNG.standard_normal((3, 4))})  # fmt: skip
    parts = found.contributions["x"]
    assert parts.keys() == {"self_attention_branch", "self_attention_residual"}
    close(sum(parts.values()), found.gradients["x"])
    parts = found.contributions["memory"]
    assert parts.keys() == {"cross_attention.key", "cross_attention.value"}
    close(sum(parts.values()), found.gradients["memory"])


def without(*names: str) -> dict[str, Array]:
    return {name: one for name, one in SENT.items() if name not in names}


BIASES = [name for name in SENT if name.rpartition(".")[2].startswith("b")]


def test_what_is_missing_is_named_in_full() -> None:
    [(path, message, *_)] = refused("decoder_layer", without("memory"), {"heads": 2})
    assert path == ("memory",) and "memory is required" in message
    faults = refused("decoder_layer", without("cross_attention.w_k", "cross_attention.w_v"), {"heads": 2})
    assert [path for path, *_ in faults] == [("cross_attention.w_k",), ("cross_attention.w_v",)]
    assert faults[0][1] == "cross_attention.w_k is required, unless values that take its place are given"
    assert faults[0][2] == "a tensor (d_c, kv_heads*d_k)"


def test_biases_are_all_or_none_where_that_is_said() -> None:
    assert len(BIASES) == 13
    for name in BIASES:
        [(path, message, *_)] = refused("decoder_layer", without(name), {"heads": 2, "bias": True})
        assert path == (name,) and f"{name} is required" in message
        sent = without(*BIASES) | {name: SENT[name]}
        [(path, message, *_)] = refused("decoder_layer", sent, {"heads": 2, "bias": False})
        assert path == (name,) and message == f"{name} has no use here: biases are off"
    assert plan("decoder_layer", without(*BIASES), {"heads": 2, "bias": False}).unknown == []


@pytest.mark.parametrize(
    ("more", "attributes", "field", "words"),
    [
        ({"cross_attention.w_k": np.ones((4, 4))}, {}, "cross_attention.w_k", "d_c is 4 here and 5"),
        ({"cross_attention.w_q": np.ones((5, 4))}, {}, "cross_attention.w_q", "d is 5 here and 4 elsewhere"),
        ({"cross_attention.w_o": np.ones((6, 5))}, {}, "cross_attention.w_o", "d_o is 5 here and 4"),
        ({"key_padding_mask": np.zeros(2, bool)}, {}, "key_padding_mask", "n is 2 here and 3 elsewhere"),
        ({"memory_key_padding_mask": np.zeros(3, bool)}, {}, "memory_key_padding_mask",
         "m is 3 here and 2 elsewhere"),
        ({"memory_mask": np.ones((3, 3), bool)}, {}, "memory_mask", "does not fit the scores"),
        ({"x": np.ones((2, 3, 4)), "memory": np.ones((3, 2, 5))}, {}, "memory",
         "memory has other batch axes than the tokens"),
        ({"mask": np.ones((3, 2), bool)}, {}, "mask", "does not fit the scores"),
        ({}, {"dropout_rate": 0.5}, "dropout_rate", "no use without a dropout mask"),
        ({"cross_attention_dropout_mask": np.ones((3, 4), bool)}, {}, "dropout_rate", "required"),
        ({"attention.w_q": np.ones((4, 4))}, {}, "attention.w_q", "no input of this name"),
        ({"cross_attention.mask": np.ones((3, 2))}, {}, "cross_attention.mask", "no input of this name"),
        ({"cross_attention.context": MEMORY}, {}, "cross_attention.context", "no input of this name"),
    ],
)  # fmt: skip
def test_refused(more: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    [(path, message, *_)] = refused("decoder_layer", SENT | more, {"heads": 2} | attributes)
    assert path == (field,)
    assert words in message
