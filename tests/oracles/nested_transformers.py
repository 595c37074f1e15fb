"""Transformers as in textbooks, with tokens as rows and one head after another, independent of the graph.

Weights are nested objects, as in a request.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parts = Mapping[str, Any]


def array(entries: Any) -> Array:
    return np.array(entries, dtype=np.float64)


def softmax(scores: Array) -> Array:
    found = np.zeros_like(scores)
    for at, row in enumerate(scores):
        powers = np.exp(row - row.max())
        found[at] = powers / powers.sum()
    return found


def affine(x: Array, parts: Parts, weight: str, bias: str) -> Array:
    product: Array = x @ array(parts[weight])
    return product + array(parts[bias]) if bias in parts else product


def attention(
    x: Array, context: Array, parts: Parts, heads: int, allowed: Any = True, ablated: tuple[int, ...] = ()
) -> tuple[Array, list[Array], list[Array]]:
    """Return the output, and the weights and outputs of each head. ablated: heads whose outputs are 0."""
    query, key, value = (
        affine(tokens, parts, f"w_{one}", f"b_{one}")
        for tokens, one in ((x, "q"), (context, "k"), (context, "v"))
    )
    width = query.shape[1] // heads
    weights, outputs = [], []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = query[:, own] @ key[:, own].T / np.sqrt(width)
        weights.append(softmax(np.where(allowed, scores, -np.inf)))
        outputs.append(weights[-1] @ value[:, own] * (head not in ablated))
    return affine(np.concatenate(outputs, axis=1), parts, "w_o", "b_o"), weights, outputs


def layer_norm(x: Array, parts: Parts) -> Array:
    rows = [(row - row.mean()) / np.sqrt(((row - row.mean()) ** 2).mean() + 1e-5) for row in x]
    found: Array = np.array(rows) * array(parts["gain"])
    return found + array(parts["bias"]) if "bias" in parts else found


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def feed_forward(x: Array, parts: Parts, activation: Any = relu) -> Array:
    return affine(activation(affine(x, parts, "w_1", "b_1")), parts, "w_2", "b_2")


def causal(tokens: int) -> NDArray[np.bool_]:
    return np.tri(tokens, dtype=bool)


class Encoder:
    """Layers of an encoder, and the weights and output of each layer as recorded on the way."""

    def __init__(
        self, layers: list[Parts], heads: int, placement: str = "post", activation: Any = relu
    ) -> None:
        self.layers, self.heads, self.placement, self.activation = layers, heads, placement, activation
        self.weights: list[list[Array]] = []
        self.head_outputs: list[list[Array]] = []
        self.outputs: list[Array] = []

    def __call__(self, x: Array, allowed: Any = True, ablated: tuple[tuple[int, int], ...] = ()) -> Array:
        """Return the output. ablated: pairs of a layer and a head."""
        for at, parts in enumerate(self.layers):
            heads = tuple(head for layer, head in ablated if layer == at)
            x = self.one(x, parts, allowed, heads)
            self.outputs.append(x)
        return x

    def one(self, x: Array, parts: Parts, allowed: Any = True, ablated: tuple[int, ...] = ()) -> Array:
        def attend(tokens: Array) -> Array:
            found, weights, outputs = attention(
                tokens, tokens, parts["attention"], self.heads, allowed, ablated
            )
            self.weights.append(weights)
            self.head_outputs.append(outputs)
            return found

        x = residual(x, attend, parts["attention_norm"], self.placement)
        return residual(
            x,
            lambda tokens: feed_forward(tokens, parts["feed_forward"], self.activation),
            parts["feed_forward_norm"],
            self.placement,
        )


class Decoder:
    """Layers of a decoder with post-norm, recorded alike."""

    def __init__(self, layers: list[Parts], heads: int) -> None:
        self.layers, self.heads = layers, heads
        self.self_weights: list[list[Array]] = []
        self.cross_weights: list[list[Array]] = []
        self.outputs: list[Array] = []

    def __call__(self, x: Array, memory: Array, seen: Any = True) -> Array:
        """Return the output. seen: which tokens of the memory may be attended to."""
        for parts in self.layers:
            found, weights, _ = attention(x, x, parts["self_attention"], self.heads, causal(len(x)))
            self.self_weights.append(weights)
            x = layer_norm(x + found, parts["self_attention_norm"])
            found, weights, _ = attention(x, memory, parts["cross_attention"], self.heads, seen)
            self.cross_weights.append(weights)
            x = layer_norm(x + found, parts["cross_attention_norm"])
            x = layer_norm(x + feed_forward(x, parts["feed_forward"]), parts["feed_forward_norm"])
            self.outputs.append(x)
        return x


def residual(x: Array, sublayer: Any, norm: Parts, placement: str) -> Array:
    """Return norm(x + sublayer(x)), or x + sublayer(norm(x))."""
    found: Array
    if placement == "post":
        return layer_norm(x + sublayer(x), norm)
    found = x + sublayer(layer_norm(x, norm))
    return found


def parts_of_state_dict(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parts of a layer of PyTorch's TransformerEncoderLayer."""
    weight, bias = array(state["self_attn.in_proj_weight"]), array(state["self_attn.in_proj_bias"])
    width = weight.shape[1]
    own: dict[str, Any] = {
        "w_o": array(state["self_attn.out_proj.weight"]).T, "b_o": state["self_attn.out_proj.bias"]
    }  # fmt: skip
    for at, name in enumerate("qkv"):
        rows = slice(at * width, (at + 1) * width)
        own |= {f"w_{name}": weight[rows].T, f"b_{name}": bias[rows]}
    return {
        "attention": own,
        "attention_norm": {"gain": state["norm1.weight"], "bias": state["norm1.bias"]},
        "feed_forward": {
            "w_1": array(state["linear1.weight"]).T, "b_1": state["linear1.bias"],
            "w_2": array(state["linear2.weight"]).T, "b_2": state["linear2.bias"],
        },
        "feed_forward_norm": {"gain": state["norm2.weight"], "bias": state["norm2.bias"]},
    }  # fmt: skip
