"""Padding that is not finite, through layers and models: no output but its own, and no gradient."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer

D = 2
PADDING = np.array([False, True, False])


def drawn(sizes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    rng = np.random.default_rng(41)
    return {name: rng.standard_normal(size) for name, size in sizes.items()}


def attention(part: str) -> dict[str, tuple[int, ...]]:
    return {f"{part}.{name}": (D, D) for name in ("w_q", "w_k", "w_v", "w_o")}


def layer(prefix: str, *attentions: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for one in attentions:
        found |= attention(f"{prefix}{one}") | {f"{prefix}{one}_norm.gain": (D,)}
    found |= {f"{prefix}feed_forward.w_1": (D, 3), f"{prefix}feed_forward.w_2": (3, D)}
    return found | {f"{prefix}feed_forward_norm.gain": (D,)}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("placement", ["pre", "post"])
def test_padding_of_tokens_and_of_the_memory(bad: float, placement: str) -> None:
    weights = drawn(layer("", "self_attention", "cross_attention"))
    tokens = drawn({"x": (3, D), "memory": (3, D)})
    masks = {"key_padding_mask": PADDING, "memory_key_padding_mask": PADDING}
    seeds = {"output": np.where(PADDING[:, None], 0.0, drawn({"g": (3, D)})["g"])}
    found = []
    for entry in (0.0, bad):
        sent = {name: np.where(PADDING[:, None], entry, one) for name, one in tokens.items()}
        found.append(
            answer("decoder_layer", weights | sent | masks, {"norm_placement": placement}, upstream=seeds)
        )
    for name in weights:
        np.testing.assert_allclose(found[1].gradients[name], found[0].gradients[name], rtol=1e-11, atol=1e-14)
    for name in tokens:
        np.testing.assert_array_equal(found[1].gradients[name][PADDING], 0)
        np.testing.assert_allclose(
            found[1].gradients[name][~PADDING], found[0].gradients[name][~PADDING], rtol=1e-11, atol=1e-14
        )
    np.testing.assert_allclose(
        found[1].values["output"][~PADDING], found[0].values["output"][~PADDING], rtol=1e-12
    )


@pytest.mark.parametrize("causal", [True, False])
def test_a_token_that_is_padding_may_have_any_embedding(causal: bool) -> None:
    weights = drawn(
        {
            "token_embedding.weights": (4, D),
            "position_embedding.weights": (3, D),
            "embedding_norm.gain": (D,),
            **layer("encoder.layer[0].", "attention"),
            **layer("encoder.layer[1].", "attention"),
        }
    )
    settings = {"norm_embeddings": True, "head_weights": "none", "causal": causal}
    inputs: dict[str, Any] = {"tokens": [1, 3, 2], "key_padding_mask": PADDING}
    found = []
    for bad in (np.nan, -np.inf):
        table = weights["token_embedding.weights"].copy()
        table[3] = bad
        sent = weights | {"token_embedding.weights": table} | inputs
        found.append(answer("language_model", sent, settings, upstream={"output": [[1, 2], [0, 0], [3, 1]]}))
    table = weights["token_embedding.weights"].copy()
    table[3] = -weights["position_embedding.weights"][1]  # so that the sum is 0
    sent = weights | {"token_embedding.weights": table} | inputs
    plain = answer("language_model", sent, settings, upstream={"output": [[1, 2], [0, 0], [3, 1]]})
    for one in found:
        assert not one.spoiled_gradients
        np.testing.assert_allclose(one.values["output"], plain.values["output"], rtol=1e-11)
        for name in weights:
            np.testing.assert_allclose(
                one.gradients[name], plain.gradients[name], rtol=1e-9, atol=1e-12, err_msg=name
            )
