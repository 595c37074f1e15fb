"""Vision transformers in plain NumPy, as torchvision and timm publish them: weights by the names of either.

It follows the papers' equations with loops where these are clearer, and knows nothing of the graph.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.oracles.cases import Array

EPSILON = 1e-6
State = Mapping[str, Array]
ERF = np.vectorize(math.erf, otypes=[np.float64])


def torchvision_logits(state: State, images: Array, heads: int) -> Array:
    """Return torchvision's logits (batch, classes) of images (batch, channels, rows, columns)."""
    embedded = patch_tokens(images, state["conv_proj.weight"], state["conv_proj.bias"])
    tokens = joined(state["class_token"], embedded) + state["encoder.pos_embedding"]
    for at in range(_count(state, "encoder.layers.encoder_layer_{}.ln_1.weight")):
        own = _under(state, f"encoder.layers.encoder_layer_{at}.")
        attention = {
            "qkv.weight": own["self_attention.in_proj_weight"],
            "qkv.bias": own["self_attention.in_proj_bias"],
            "proj.weight": own["self_attention.out_proj.weight"],
            "proj.bias": own["self_attention.out_proj.bias"],
        }
        tokens = tokens + attended(normalized(tokens, own, "ln_1"), attention, heads)
        tokens = tokens + perceived(normalized(tokens, own, "ln_2"), own, "mlp.0", "mlp.3")
    found = normalized(tokens, state, "encoder.ln")[:, 0]
    if "heads.pre_logits.weight" in state:
        found = np.tanh(dense(found, state, "heads.pre_logits"))
    return dense(found, state, "heads.head")


def timm_logits(state: State, images: Array, heads: int, pool: str) -> Array:
    """VisionTransformer of timm. pool: its global_pool; avg leaves the class token out."""
    embedded = patch_tokens(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"])
    tokens = joined(state["cls_token"], embedded) if "cls_token" in state else embedded
    tokens = tokens + state["pos_embed"]
    for at in range(_count(state, "blocks.{}.norm1.weight")):
        own = _under(state, f"blocks.{at}.")
        tokens = tokens + attended(normalized(tokens, own, "norm1"), _under(own, "attn."), heads)
        tokens = tokens + perceived(normalized(tokens, own, "norm2"), own, "mlp.fc1", "mlp.fc2")
    if "norm.weight" in state:
        tokens = normalized(tokens, state, "norm")
    found = tokens[:, 0] if pool == "token" else tokens[:, int("cls_token" in state) :].mean(axis=1)
    if "fc_norm.weight" in state:
        found = normalized(found, state, "fc_norm")
    return dense(found, state, "head")


def patch_tokens(images: Array, kernel: Array, bias: Array) -> Array:
    """A convolution whose stride is the size of its kernel, position by position: (batch, tokens, width)."""
    width, _, down, across = kernel.shape
    batch, _, height, wide = images.shape
    found = []
    for row in range(0, height, down):
        for column in range(0, wide, across):
            window = images[:, :, row : row + down, column : column + across]
            found.append([[float((one * filter_).sum()) for filter_ in kernel] for one in window])
    return np.array(found).reshape(-1, batch, width).swapaxes(0, 1) + bias


def joined(class_token: Array, embedded: Array) -> Array:
    """The class token (1, 1, width) before the tokens of each image."""
    return np.concatenate([np.repeat(class_token, len(embedded), axis=0), embedded], axis=1)


def normalized(tokens: Array, state: State, name: str) -> Array:
    centered = tokens - tokens.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + EPSILON)
    found: Array = centered / deviation * state[f"{name}.weight"] + state[f"{name}.bias"]
    return found


def dense(x: Array, state: State, name: str) -> Array:
    found: Array = x @ state[f"{name}.weight"].T
    return found + state[f"{name}.bias"] if f"{name}.bias" in state else found


def attended(tokens: Array, state: State, heads: int) -> Array:
    """Self-attention, head by head, of weights that hold queries, keys and values one below the other."""
    size = tokens.shape[-1] // heads
    query, key, value = np.split(dense(tokens, state, "qkv"), 3, axis=-1)
    found = []
    for first in range(0, tokens.shape[-1], size):
        part = slice(first, first + size)
        scores = query[..., part] @ key[..., part].swapaxes(-1, -2) / math.sqrt(size)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found.append(weights / weights.sum(axis=-1, keepdims=True) @ value[..., part])
    return dense(np.concatenate(found, axis=-1), state, "proj")


def perceived(tokens: Array, state: State, first: str, second: str) -> Array:
    hidden = dense(tokens, state, first)
    return dense(hidden * (1 + ERF(hidden / math.sqrt(2))) / 2, state, second)


def sinusoidal(count: int, width: int) -> Array:
    """Position t in row t: sin and cos of t / 10000^(2i / width) in turn."""
    found = np.zeros((count, width))
    for t in range(count):
        for column in range(width):
            angle = t / 10000 ** (2 * (column // 2) / width)
            found[t, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return found


def sinusoidal_of_grid(rows: int, columns: int, width: int) -> Array:
    """Row encoding and column encoding side by side, for each patch of a grid; zeros before them."""
    down, across = sinusoidal(rows, width // 2), sinusoidal(columns, width // 2)
    grid = [np.concatenate([down[i], across[j]]) for i in range(rows) for j in range(columns)]
    return np.stack([np.zeros(width), *grid])


def _count(state: State, pattern: str) -> int:
    """How many layers there are."""
    return next(at for at in range(len(state) + 1) if pattern.format(at) not in state)


def _under(state: State, prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): one for name, one in state.items() if name.startswith(prefix)}
