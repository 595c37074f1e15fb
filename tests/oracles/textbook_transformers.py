"""Transformer layers as their papers define them, one token at a time, independent of the graph.

Weights have full names such as `layer[0].attention.w_q`; tokens are the rows of one sequence. All entries may
be complex, so that a tiny imaginary step gives derivatives that are exact up to rounding.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracles.cases import Array

Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Settings:
    """Settings by their names on the wire."""

    heads: int = 1
    kv_heads: int | None = None
    causal: bool = False
    window: tuple[int, int] | None = None
    rotary: str | None = None
    rotary_base: float = 10000
    activation: str = "relu"
    gated: bool = False
    norm: str = "layer_norm"
    norm_placement: str = "post"
    epsilon: float = 1e-5
    dropout_rate: float = 0


def part(weights: Weights, name: str) -> dict[str, Array]:
    """Return the weights whose names start with this name and a dot."""
    return {one[len(name) + 1 :]: array for one, array in weights.items() if one.startswith(f"{name}.")}


def activate(z: Any, name: str) -> Any:
    """Return the activation of one unit."""
    if name == "relu":
        return z if np.real(z) > 0 else 0 * z
    if name == "silu":
        return z / (1 + np.exp(-z))
    real = float(np.real(z))
    slope = 2 / math.sqrt(math.pi) * math.exp(-real * real / 2) / math.sqrt(2)
    return z * (1 + math.erf(real / math.sqrt(2)) + 1j * np.imag(z) * slope) / 2


def affine(token: Array, w: Array, b: Array | None) -> Array:
    """Apply a dense layer to one token."""
    found = [sum(token[i] * w[i, j] for i in range(len(w))) for j in range(w.shape[1])]
    return np.array(found) + (0 if b is None else b)


def norm(token: Array, weights: Weights, how: Settings) -> Array:
    """Apply layer norm or RMS norm to one token."""
    mean = sum(token) / len(token) if how.norm == "layer_norm" else 0
    square = sum((one - mean) ** 2 for one in token) / len(token)
    found: Array = (token - mean) / np.sqrt(square + how.epsilon) * weights["gain"]
    return found + weights.get("bias", 0)


def apply_dropout(array: Array, mask: Array | None, how: Settings) -> Array:
    """Zero dropped entries and divide the others by the probability of being kept."""
    return array if mask is None else array * mask / (1 - how.dropout_rate)


def feed_forward(x: Array, weights: Weights, how: Settings) -> Array:
    """Apply the feed-forward layer to every token."""
    hidden = []
    for token in x:
        units = affine(token, weights["w_1"], weights.get("b_1"))
        if how.gated:
            gates = affine(token, weights["w_gate"], weights.get("b_gate"))
            hidden.append([activate(g, how.activation) * z for g, z in zip(gates, units, strict=True)])
        else:
            hidden.append([activate(z, how.activation) for z in units])
    rows = apply_dropout(np.array(hidden), weights.get("dropout_mask"), how)
    return np.array([affine(row, weights["w_2"], weights.get("b_2")) for row in rows])


def rotate(head: Array, position: float, how: Settings) -> Array:
    """Rotate a query or key of one head by its position."""
    half, found = len(head) // 2, np.array(head)
    for i in range(half if how.rotary else 0):
        a, b = (2 * i, 2 * i + 1) if how.rotary == "interleaved" else (i, i + half)
        angle = position * how.rotary_base ** (-2 * i / len(head))
        found[a] = head[a] * math.cos(angle) - head[b] * math.sin(angle)
        found[b] = head[a] * math.sin(angle) + head[b] * math.cos(angle)
    return found


def attention(
    x: Array,
    context: Array,
    weights: Weights,
    how: Settings,
    mask: Array | None = None,
    padding: Array | None = None,
    positions: Array | None = None,
) -> Array:
    """Compute attention query by query, head by head; a query without keys gets zeros.

    mask: of shape (n, m) or (heads, n, m).
    """
    n, m = len(x), len(context)
    groups = how.heads // (how.kv_heads or how.heads)
    places = np.arange(max(n, m)) if positions is None else positions
    rows = []
    for i in range(n):
        outputs: list[Any] = []
        for head in range(how.heads):
            shared = head // groups
            query = rotate(_head(x[i], weights, "q", head, how.heads), places[i], how)
            scores: dict[int, Any] = {}
            for j in range(m):
                key = rotate(_head(context[j], weights, "k", shared, how.heads // groups), places[j], how)
                entry = None if mask is None else mask[i, j] if mask.ndim == 2 else mask[head, i, j]
                is_boolean = isinstance(entry, np.bool_)
                if (
                    _is_allowed(i, j, how)
                    and not (is_boolean and not entry)
                    and not (padding is not None and padding[j])
                ):
                    scores[j] = sum(query * key) / math.sqrt(len(query))
                    scores[j] += 0 if entry is None or is_boolean else entry
            exponentials = {j: np.exp(one) for j, one in scores.items()}
            total, output = sum(exponentials.values()), 0 * query[0]
            for j, one in exponentials.items():
                drop = weights.get("dropout_mask")
                weight = one / total
                if drop is not None:
                    weight = weight * (drop[i, j] if drop.ndim == 2 else drop[head, i, j])
                    weight = weight / (1 - how.dropout_rate)
                output = output + weight * _head(context[j], weights, "v", shared, how.heads // groups)
            width = weights["w_v"].shape[1] // (how.heads // groups)
            outputs.extend(np.broadcast_to(output, width))
        rows.append(affine(np.array(outputs), weights["w_o"], weights.get("b_o")))
    return np.array(rows)


def _is_allowed(i: int, j: int, how: Settings) -> bool:
    """Whether causality and window allow a query to attend to a key."""
    before, after = how.window or (10**6, 10**6)
    return i - before <= j <= i + after and not (how.causal and j > i)


def _head(token: Array, weights: Weights, name: str, head: int, heads: int) -> Array:
    """Return a query, key or value of one head."""
    w, b = weights[f"w_{name}"], weights.get(f"b_{name}")
    width = w.shape[1] // heads
    columns = slice(head * width, (head + 1) * width)
    return affine(token, w[:, columns], None if b is None else b[columns])


def block(x: Array, name: str, sublayer: Callable[[Array], Array], weights: Weights, how: Settings) -> Array:
    """Apply a sublayer with its norm and residual connection."""

    def normed(tokens: Array) -> Array:
        return np.array([norm(token, part(weights, f"{name}_norm"), how) for token in tokens])

    made = sublayer(normed(x) if how.norm_placement == "pre" else x)
    found = x + apply_dropout(made, weights.get(f"{name}_dropout_mask"), how)
    return normed(found) if how.norm_placement == "post" else found


def encoder_layer(x: Array, weights: Weights, how: Settings, **masks: Any) -> Array:
    """Apply an encoder layer. masks: as for attention."""
    own, fed = part(weights, "attention"), part(weights, "feed_forward")
    x = block(x, "attention", lambda tokens: attention(tokens, tokens, own, how, **masks), weights, how)
    return block(x, "feed_forward", lambda tokens: feed_forward(tokens, fed, how), weights, how)


def decoder_layer(
    x: Array,
    memory: Array,
    weights: Weights,
    how: Settings,
    memory_mask: Array | None = None,
    memory_padding: Array | None = None,
    **masks: Any,
) -> Array:
    """Apply a decoder layer. masks: as for attention, of the tokens."""
    own, other = part(weights, "self_attention"), part(weights, "cross_attention")
    fed = part(weights, "feed_forward")
    plain = Settings(heads=how.heads, kv_heads=how.kv_heads, dropout_rate=how.dropout_rate)
    x = block(x, "self_attention", lambda tokens: attention(tokens, tokens, own, how, **masks), weights, how)
    x = block(
        x,
        "cross_attention",
        lambda tokens: attention(tokens, memory, other, plain, memory_mask, memory_padding),
        weights,
        how,
    )
    return block(x, "feed_forward", lambda tokens: feed_forward(tokens, fed, how), weights, how)


def chain(x: Array, layer: Callable[[Array, Weights], Array], weights: Weights, how: Settings) -> Array:
    """Apply layers one after another, and the final norm if it has weights."""
    at = 0
    while layer_weights := part(weights, f"layer[{at}]"):
        x, at = layer(x, layer_weights), at + 1
    final = part(weights, "final_norm")
    return np.array([norm(token, final, how) for token in x]) if final else x
