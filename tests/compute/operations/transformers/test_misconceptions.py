"""Known mistakes in the blocks of transformers, against plain NumPy."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import Mistaken, compute

RNG = np.random.default_rng(8)
D = 4
Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
PARTS = {
    **{f"attention.{name}": RNG.normal(size=(D, D)) for name in ("w_q", "w_k", "w_v", "w_o")},
    "feed_forward.w_1": RNG.normal(size=(D, 5)),
    "feed_forward.w_2": RNG.normal(size=(5, D)),
}
X, MEMORY = RNG.normal(size=(3, D)), RNG.normal(size=(2, D))
SENT = {"x": X, **PARTS}
NAMES = ["attention_residual", "attention_norm.output", "feed_forward_residual", "output"]
PRE, POST = {"norm_placement": "pre"}, {"norm_placement": "post"}


def layer(code: str | None, placement: str, *gradients: str, **upstream: Array) -> Mistaken:
    return compute(
        code, "encoder_layer", SENT, NAMES, gradients=gradients, upstream=upstream, norm_placement=placement
    )  # fmt: skip


def normalize(rows: Array) -> Array:
    centered = rows - rows.mean(axis=-1, keepdims=True)
    return np.asarray(centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5))


def attend(x: Array, context: Array | None = None, weights: Mapping[str, Array] = PARTS) -> Array:
    context = x if context is None else context
    query, key, value = (
        tokens @ weights[f"attention.{name}"]
        for tokens, name in ((x, "w_q"), (context, "w_k"), (context, "w_v"))
    )
    powers = np.exp(query @ key.T / np.sqrt(D))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True) @ value @ weights["attention.w_o"])


def feed_forward(x: Array) -> Array:
    return np.asarray(np.maximum(x @ PARTS["feed_forward.w_1"], 0) @ PARTS["feed_forward.w_2"])


def run(x: Array, block: Callable[[Array, Function], Array]) -> Array:
    """Return the output of two blocks of one kind."""
    return block(block(x, attend), feed_forward)


def from_input(x: Array) -> Array:
    first = normalize(x + attend(x))
    return normalize(x + feed_forward(first))


def from_input_with_norms_first(x: Array) -> Array:
    first = x + attend(normalize(x))
    return np.asarray(x + feed_forward(normalize(first)))


OUTPUTS: dict[tuple[str, str], Callable[[Array], Array]] = {
    ("encoder.residual_from_norm", "pre"): lambda x: run(x, lambda x, f: normalize(x) + f(normalize(x))),
    ("encoder.residual_from_input", "post"): from_input,
    ("encoder.residual_from_input", "pre"): from_input_with_norms_first,
    ("encoder.norm_before_sum", "post"): lambda x: run(x, lambda x, f: x + normalize(f(x))),
    ("encoder.norm_left_out", "post"): lambda x: run(x, lambda x, f: x + f(x)),
    ("encoder.norm_left_out", "pre"): lambda x: run(x, lambda x, f: x + f(x)),
    ("encoder.residual_left_out", "post"): lambda x: after_attention(normalize(attend(x))),
    ("encoder.feed_forward_residual_left_out", "post"): lambda x: normalize(
        feed_forward(normalize(x + attend(x)))
    ),
}


def after_attention(x: Array) -> Array:
    return normalize(x + feed_forward(x))


@pytest.mark.parametrize(("code", "placement"), OUTPUTS)
def test_mistaken_blocks(code: str, placement: str) -> None:
    mistaken = layer(code, placement).values["output"]
    assert mistaken == pytest.approx(OUTPUTS[code, placement](X))
    assert not np.allclose(mistaken, layer(None, placement).values["output"], rtol=0.01)


@pytest.mark.parametrize(("code", "placement"), OUTPUTS)
def test_the_gradient_belongs_to_the_mistaken_block(code: str, placement: str) -> None:
    g, change = RNG.normal(size=X.shape), RNG.normal(size=X.shape)
    mistaken = layer(code, placement, "x", output=g).gradients["x"]
    after, before = (OUTPUTS[code, placement](X + step * change) for step in (1e-6, -1e-6))
    assert (mistaken * change).sum() == pytest.approx(((after - before) * g).sum() / 2e-6, rel=1e-4)


@pytest.mark.parametrize(("code", "placement"), OUTPUTS)
def test_mistaken_blocks_of_an_encoder(code: str, placement: str) -> None:
    sent = {"x": X, **{f"layer[{at}].{name}": part for at in (0, 1) for name, part in PARTS.items()}}
    mistaken = compute(
        code, "encoder", sent, ["output"], norm_placement=placement, has_final_norm=False
    ).values["output"]
    once = OUTPUTS[code, placement]
    assert mistaken == pytest.approx(once(once(X)))


def test_one_norm_is_left_out() -> None:
    mistaken = compute("encoder.norm_left_out", "encoder_layer", SENT, NAMES, places=[0]).values
    assert mistaken["attention_norm.output"] == pytest.approx(X + attend(X))
    assert mistaken["output"] == pytest.approx(after_attention(X + attend(X)))


def test_rms_norms_are_left_out_too() -> None:
    mistaken = compute("encoder.norm_left_out", "encoder_layer", SENT, ["output"], norm="rms_norm")
    assert mistaken.values["output"] == pytest.approx(OUTPUTS["encoder.norm_left_out", "post"](X))


def test_the_residual_gradient_is_forgotten() -> None:
    g = RNG.normal(size=X.shape)
    code = "encoder.gradient_residual_forgotten"
    mistaken = layer(code, "pre", "attention_residual", "x", output=g)
    right = layer(None, "pre", "attention_residual", "x", output=g)
    assert mistaken.values["output"] == pytest.approx(right.values["output"])
    around = right.gradients["attention_residual"] - g
    assert mistaken.gradients["attention_residual"] == pytest.approx(around)
    assert not np.allclose(mistaken.gradients["x"], right.gradients["x"], rtol=0.01)


DECODER = {
    "x": X,
    "memory": MEMORY,
    **{f"{kind}_{name}": part for kind in ("self", "cross") for name, part in PARTS.items()
       if name.startswith("attention")},
    **{name: part for name, part in PARTS.items() if name.startswith("feed")},
}  # fmt: skip


def decode(first: Function, block: Callable[[Array, Function], Array]) -> Array:
    """Return the output of a decoder layer with its first block, and the same kind for the others."""
    tokens = block(first(X), lambda x: attend(x, MEMORY))
    return block(tokens, feed_forward)


def test_the_decoder_adds_its_input_in_every_sum() -> None:
    first = normalize(X + attend(X))
    expected = normalize(X + feed_forward(normalize(X + attend(first, MEMORY))))
    mistaken = compute("encoder.residual_from_input", "decoder_layer", DECODER, ["output"], causal=False)
    assert mistaken.values["output"] == pytest.approx(expected)


def test_the_decoder_normalizes_before_its_sums() -> None:
    def block(x: Array, function: Function) -> Array:
        return np.asarray(x + normalize(function(x)))

    mistaken = compute("encoder.norm_before_sum", "decoder_layer", DECODER, ["output"], causal=False)
    assert mistaken.values["output"] == pytest.approx(decode(lambda x: block(x, attend), block))


def test_the_decoder_s_attentions_are_left_without_residual_paths() -> None:
    mistaken = compute("encoder.residual_left_out", "decoder_layer", DECODER, ["output"], causal=False)
    second = normalize(attend(normalize(attend(X)), MEMORY))
    assert mistaken.values["output"] == pytest.approx(after_attention(second))


@pytest.mark.parametrize(
    ("code", "placement"), [("encoder.residual_from_norm", "post"), ("encoder.norm_before_sum", "pre")]
)
def test_a_mistake_of_the_other_placement_replaces_nothing(code: str, placement: str) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        layer(code, placement)
