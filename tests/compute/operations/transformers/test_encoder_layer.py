"""An encoder layer against loops over tokens, and against its sublayers computed separately."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.compute.operations.drawn_layers import agree, close, drawn, encoding, said
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings, encoder_layer, part

RNG = np.random.default_rng(83)
HOW = Settings(heads=2)
WEIGHTS = encoding(RNG, 4, 3, HOW, biases=True)
X = RNG.standard_normal((3, 4))
SENT = {"x": X, **WEIGHTS}
MASKS = ("attention.dropout_mask", "attention_dropout_mask", "feed_forward.dropout_mask",
         "feed_forward_dropout_mask")  # fmt: skip


def dropping(rng: np.random.Generator, n: int, d: int, units: int, heads: int) -> dict[str, Array]:
    """Draw a dropout mask for every site, or for some."""
    weights = (heads, n, n) if heads > 1 else (n, n)
    shapes = dict(zip(MASKS, (weights, (n, d), (n, units), (n, d)), strict=True))
    return {name: rng.random(shape) < 0.7 for name, shape in shapes.items() if rng.random() < 0.7}


@pytest.mark.parametrize("seed", range(24))
def test_random_layers(seed: int) -> None:
    rng = np.random.default_rng([330, seed])
    n, d, units = (int(one) for one in rng.integers(2, 5, 3))
    how = drawn(rng)
    inputs = {"x": rng.standard_normal((n, d)), **encoding(rng, d, units, how, biases=seed % 2 == 0)}
    if seed % 4 == 0:
        inputs |= dropping(rng, n, d, units, how.heads)
        how = replace(how, dropout_rate=0.3)
    if rng.random() < 0.5:
        inputs["key_padding_mask"] = rng.random(n) < 0.4
    if rng.random() < 0.5:
        inputs["mask"] = rng.random((n, n)) < 0.7 if rng.random() < 0.5 else rng.standard_normal((n, n))
    if how.rotary and rng.random() < 0.5:
        inputs["positions"] = rng.integers(-4, 5, n) / 2

    def loops(sent: dict[str, Array]) -> Array:
        handed = sent.get("mask"), sent.get("key_padding_mask"), sent.get("positions")
        names = ("mask", "padding", "positions")
        return encoder_layer(sent["x"], sent, how, **dict(zip(names, handed, strict=True)))

    # positions are turned by as real numbers in the loops, and are differentiated elsewhere
    agree("encoder_layer", inputs, said(how, "encoder_layer"), loops, but=("positions",))


@pytest.mark.parametrize("site", MASKS)
def test_a_mask_at_each_site_alone(site: str) -> None:
    """All sizes differ, so that no weight fits at another's name."""
    how = replace(HOW, dropout_rate=0.5)
    shape = {MASKS[0]: (2, 3, 3), MASKS[2]: (3, 3)}.get(site, (3, 4))
    inputs = SENT | {site: (np.arange(np.prod(shape)) % 3 > 0).reshape(shape)}
    agree("encoder_layer", inputs, {"heads": 2, "dropout_rate": 0.5},
          lambda sent: encoder_layer(sent["x"], sent, how))  # fmt: skip
    named = {MASKS[0]: "attention.dropped_weights", MASKS[1]: "dropped_attention",
             MASKS[2]: "feed_forward.dropped_hidden", MASKS[3]: "dropped_feed_forward"}  # fmt: skip
    found = answer("encoder_layer", inputs, {"heads": 2, "dropout_rate": 0.5}).values
    assert [one for one in named.values() if one in found] == [named[site]]


@pytest.mark.parametrize("shape", [(3, 4), (5, 3, 4)])
def test_axes_are_those_of_the_tokens(shape: tuple[int, ...]) -> None:
    """In norms and behind masks too, in a batch or not."""
    inputs = SENT | {"x": np.ones(shape)} | {name: np.ones(shape[-1:]) for name in MASKS[1::2]}
    inputs |= {MASKS[0]: np.ones((3, 3)), MASKS[1]: np.ones((3, 4)), MASKS[2]: np.ones((3, 3))}
    names = plan("encoder_layer", inputs, {"heads": 2, "dropout_rate": 0.5}).graph.names
    batch = ("batch",) * (len(shape) - 2)
    for name, axes in {
        "attention_norm.mean": ("token",),
        "attention_norm.normalized": ("token", "feature"),
        "feed_forward_norm.variance": ("token",),
        "attention.dropped_weights": ("heads", "query", "key"),
        "dropped_attention": ("token", "d"),
        "feed_forward.dropped_hidden": ("token", "unit"),
        "dropped_feed_forward": ("token", "d"),
    }.items():
        assert names[name].axes == (*batch, *axes), name


def test_a_batch_is_each_sample() -> None:
    batch, padding = RNG.standard_normal((2, 3, 4)), np.array([[False, False, True], [False] * 3])
    found = answer("encoder_layer", SENT | {"x": batch, "key_padding_mask": padding}, {"heads": 2},
                   select=["output"])  # fmt: skip
    for sample in range(2):
        expected = encoder_layer(batch[sample], WEIGHTS, HOW, padding=padding[sample])
        close(found.values["output"][sample], expected)


@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("placement", ["post", "pre"])
def test_a_layer_is_its_parts_called_one_by_one(placement: str, norm: str) -> None:
    """Each part is a question of its own, for the values and, from the last to the first, for gradients."""
    settings = {"heads": 2, "norm_placement": placement, "norm": norm, "activation": "gelu"}
    parts: dict[str, tuple[str, dict[str, Any]]] = {
        "attention": ("self_attention", {"heads": 2}),
        "feed_forward": ("feed_forward", {"activation": "gelu"}),
        "attention_norm": (norm, {}),
        "feed_forward_norm": (norm, {}),
    }
    values: dict[str, Array] = {}
    gradients: dict[str, Array] = {}

    def asked(scope: str, x: Array, upstream: Array | None = None) -> Array:
        """The output of a part, or the gradient of its x."""
        operation, attributes = parts[scope]
        inputs = {"x": x, **part(WEIGHTS, scope)}
        seeds = {} if upstream is None else {"output": upstream}
        found = answer(operation, inputs, attributes, upstream=seeds, select=["*", "output", *inputs])
        for kept, new in ((values, found.values), (gradients, found.gradients)):
            kept.update({f"{scope}.{name}": one for name, one in new.items() if name != "x"})
        gradient: Array = found.values["output"] if upstream is None else found.gradients["x"]
        return gradient

    def forwards(name: str, tokens: Array) -> Array:
        values[f"{name}_branch"] = tokens
        inner = asked(f"{name}_norm", tokens) if placement == "pre" else tokens
        total = values[f"{name}_residual"] = tokens + asked(name, inner)
        return total if placement == "pre" else asked(f"{name}_norm", total)

    def backwards(name: str, tokens: Array, upstream: Array) -> Array:
        if placement == "pre":
            inner = asked(name, values[f"{name}_norm.output"], upstream)
            return upstream + asked(f"{name}_norm", tokens, inner)
        total = asked(f"{name}_norm", values[f"{name}_residual"], upstream)
        return total + asked(name, tokens, total)

    output = forwards("feed_forward", forwards("attention", X))
    upstream = RNG.standard_normal((3, 4))
    middle = backwards("feed_forward", values["feed_forward_branch"], upstream)
    gradients["x"] = backwards("attention", X, middle)
    whole = answer("encoder_layer", SENT, settings, upstream={"output": upstream},
                   select=["*", "output", *SENT])  # fmt: skip
    close(whole.values["output"], output)
    named = whole.values.keys() - {*SENT, "output"}
    assert {"attention.weights", "feed_forward.hidden", "attention_residual"} < named < values.keys()
    for name in named:
        close(whole.values[name], values[name], name)
    for name in SENT:
        close(whole.gradients[name], gradients[name], name)


@pytest.mark.parametrize("placement", ["post", "pre"])
def test_contributions_show_the_residual_path_against_the_block(placement: str) -> None:
    upstream = RNG.standard_normal((3, 4))
    found = answer("encoder_layer", SENT, {"heads": 2, "norm_placement": placement},
                   upstream={"output": upstream})  # fmt: skip
    parts = found.contributions["x"]
    assert parts.keys() == {"attention_branch", "attention_residual"}
    close(parts["attention_branch"] + parts["attention_residual"], found.gradients["x"])
    close(parts["attention_residual"], found.gradients["attention_residual"])
    close(parts["attention_branch"], found.gradients["attention_branch"])
    assert min(np.abs(one).max() for one in parts.values()) > 1e-3
    if placement == "pre":
        inner = found.gradients["attention_residual"] - found.gradients["feed_forward_branch"]
        close(inner, upstream)  # the residual path from the output is open


def test_of_later_tokens_a_causal_layer_knows_nothing() -> None:
    changed = X + np.array([[0], [0], [1]])
    first, second = (
        answer("encoder_layer", SENT | {"x": x}, {"heads": 2, "causal": True}, select=["output"])
        for x in (X, changed)
    )
    np.testing.assert_array_equal(first.values["output"][:2], second.values["output"][:2])
    assert np.abs(first.values["output"][2] - second.values["output"][2]).max() > 1e-3


def test_given_values_take_the_place_of_what_is_missing() -> None:
    residual = RNG.standard_normal((3, 4))
    weights = {name: one for name, one in WEIGHTS.items() if not name.startswith("attention.")}
    prepared = plan("encoder_layer", weights, {"heads": 2}, given={"attention_residual": residual})
    found = answer("encoder_layer", weights, {"heads": 2}, given={"attention_residual": residual},
                   upstream={"output": X})  # fmt: skip
    output = prepared.graph.names["output"].name
    how = replace(HOW, norm_placement="post")
    zero = {name: np.zeros_like(one) for name, one in WEIGHTS.items() if name.startswith("attention.")}
    close(found.values[str(output)], encoder_layer(residual, {**WEIGHTS, **zero}, how))
    assert {"x", "attention_branch", "attention.weights", "attention.output"} <= set(prepared.unknown)
    assert not {"attention_residual", "feed_forward.hidden"} & set(prepared.unknown)
    assert "attention.w_o" in prepared.unknown


@pytest.mark.parametrize("heads", [2, 3])
def test_how_wide_heads_are_is_not_guessed_beside_numbers(heads: int) -> None:
    """Without weights that say d_k the scale is unknown, as in self_attention: 3 heads may have any width."""
    inside = {"attention.w_v": RNG.standard_normal((4, 6)), "attention.w_o": RNG.standard_normal((6, 4))}
    given = {"attention.scores": RNG.standard_normal((heads, 3, 3))}
    weights = {name: one for name, one in WEIGHTS.items() if not name.startswith("attention.")}
    sent = {"x": X, **weights, **inside}
    prepared = plan("encoder_layer", sent, {"heads": heads}, given=given)
    assert {"attention.scaled_scores", "attention.weights", "output"} <= set(prepared.unknown)
    found = answer("encoder_layer", sent, {"heads": heads, "scale": 2}, given=given).values
    alone = {"x": X, **{name.removeprefix("attention."): one for name, one in inside.items()}}
    expected = answer("self_attention", alone, {"heads": heads, "scale": 2},
                      given={"scores": given["attention.scores"]}).values  # fmt: skip
    close(found["attention.scaled_scores"], 2 * given["attention.scores"])
    close(found["attention.output"], expected["output"])


@pytest.mark.parametrize("name", ["normalized", "output"])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_what_a_norm_gives_in_the_place_of_all_before(name: str, batch: tuple[int, ...]) -> None:
    """The given value determines the width and the batch of tokens."""
    rows = RNG.standard_normal((*batch, 3, 4))
    sent = {one: array for one, array in WEIGHTS.items() if one.startswith("feed_forward")}
    given = {f"attention_norm.{name}": rows}
    norm = part(WEIGHTS, "attention_norm")
    found = answer("encoder_layer", {**sent, **{f"attention_norm.{k}": v for k, v in norm.items()}},
                   given=given, select=["output", "feed_forward.hidden"]).values  # fmt: skip
    tokens = rows if name == "output" else rows * norm["gain"] + norm.get("bias", 0)
    fed = answer("feed_forward", {"x": tokens, **part(sent, "feed_forward")}).values["output"]
    after = answer("layer_norm", {"x": tokens + fed, **part(sent, "feed_forward_norm")}).values["output"]
    close(found["output"], after)
