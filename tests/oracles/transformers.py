"""Reproducible random transformer layers and stacks, whose answers were recorded from PyTorch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracles.cases import Array

COUNTS = {"encoder_layer": 56, "decoder_layer": 48, "encoder": 28, "decoder": 20, "transformer": 20}
Rng = np.random.Generator


@dataclass(frozen=True)
class Stack:
    """A question: data and settings by their names on the wire, weights by PyTorch's.

    layers: number of encoder and decoder layers.
    final: whether a norm follows them.
    """

    operation: str
    data: dict[str, Array]
    state: dict[str, Array]
    attributes: dict[str, Any]
    layers: tuple[int, int]
    final: bool

    @property
    def differentiated(self) -> list[str]:
        """The names of the data whose gradients were recorded."""
        return [name for name, one in self.data.items() if one.dtype != np.bool_]


def stack(operation: str, seed: int) -> Stack:
    """Return a question of an operation."""
    rng = np.random.default_rng([300, list(COUNTS).index(operation), seed])
    heads, width, units = (int(one) for one in rng.integers(1, [5, 3, 7]))
    d = max(2, heads * width)
    attributes: dict[str, Any] = {
        "heads": heads,
        "norm_placement": str(rng.choice(["post", "pre"])),
        "activation": str(rng.choice(["relu", "gelu", "silu"])),
        "causal": bool(rng.random() < 0.5),
    }
    if rng.random() < 0.6:
        attributes["epsilon"] = float(rng.choice([1e-6, 1e-3, 0.1]))
    biases = bool(rng.random() < 0.6)
    if rng.random() < 0.7:
        attributes["bias"] = biases
    layers = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    final = operation == "transformer" or bool(rng.random() < 0.5)
    names = _tensors(operation, d, units, layers, final)
    state = {name: _draw(name, shape, rng) for name, shape in names if biases or "bias" not in name}
    data = _data(operation, rng, d, heads, causal=attributes["causal"])
    return Stack(operation, data, state, attributes, layers, final)


def _draw(name: str, shape: tuple[int, ...], rng: Rng) -> Array:
    """Return random weights; those of norms are near 1."""
    drawn: Array = rng.standard_normal(shape)
    return 1 + 0.3 * drawn if "norm" in name and name.endswith("weight") else 0.7 * drawn


def _data(operation: str, rng: Rng, d: int, heads: int, *, causal: bool) -> dict[str, Array]:
    """Return tokens, and masks that allow every token the first key."""
    n, m = (int(one) for one in rng.integers(2, 6, 2))
    batch: tuple[int, ...] = (int(rng.integers(1, 3)),) if rng.random() < 0.6 else ()
    own, other = {
        "encoder_layer": (("x", ""), None),
        "encoder": (("x", ""), None),
        "decoder_layer": (("x", ""), ("memory", "memory_")),
        "decoder": (("x", ""), ("memory", "memory_")),
        "transformer": (("target", "target_"), ("source", "source_")),
    }[operation]
    data: dict[str, Array] = {own[0]: rng.standard_normal((*batch, n, d))}
    masks = [(f"{own[1]}mask", (n, n)), (f"{own[1]}key_padding_mask", (n,))]
    if other is not None:
        data[other[0]] = rng.standard_normal((*batch, m, d))
        masks += [("memory_mask", (n, m)), ("memory_key_padding_mask", (m,))]
    if operation == "transformer":
        masks += [("source_mask", (m, m)), ("source_key_padding_mask", (m,))]
    for name, shape in masks:
        if rng.random() < 0.4:
            if name.endswith("padding_mask"):
                data[name] = rng.random((*batch, *shape)) < 0.4
                data[name][..., 0] = False
            else:
                data[name] = _mask(rng, shape, (*batch, heads) if heads > 1 else batch)
    return data


def _mask(rng: Rng, shape: tuple[int, ...], leading: tuple[int, ...]) -> Array:
    """Return a boolean mask, true where attending is allowed, or an additive one with some -infinity."""
    whole = (*leading, *shape) if rng.random() < 0.3 else shape
    if rng.random() < 0.5:
        allowed: Array = rng.random(whole) < 0.6
        allowed[..., 0] = True
        return allowed
    added: Array = rng.standard_normal(whole)
    if rng.random() < 0.5:
        added[..., 1:][rng.random((*whole[:-1], whole[-1] - 1)) < 0.3] = -np.inf
    return added


Shapes = Iterator[tuple[str, tuple[int, ...]]]


def _tensors(operation: str, d: int, units: int, layers: tuple[int, int], final: bool) -> Shapes:
    """Return the tensors of PyTorch's state dict with their shapes."""
    if operation == "transformer":
        for part, count in (("encoder", layers), ("decoder", layers)):
            for name, shape in _tensors(part, d, units, count, final):
                yield f"{part}.{name}", shape
    elif operation in ("encoder", "decoder"):
        for at in range(layers[0] if operation == "encoder" else layers[1]):
            for name, shape in _tensors(f"{operation}_layer", d, units, layers, final):
                yield f"layers.{at}.{name}", shape
        if final:
            yield from _norm("norm", d)
    else:
        attentions = ["self_attn", "multihead_attn"] if operation == "decoder_layer" else ["self_attn"]
        for name in attentions:
            yield f"{name}.in_proj_weight", (3 * d, d)
            yield f"{name}.in_proj_bias", (3 * d,)
            yield f"{name}.out_proj.weight", (d, d)
            yield f"{name}.out_proj.bias", (d,)
        yield "linear1.weight", (units, d)
        yield "linear1.bias", (units,)
        yield "linear2.weight", (d, units)
        yield "linear2.bias", (d,)
        for at in range(len(attentions) + 1):
            yield from _norm(f"norm{at + 1}", d)


def _norm(name: str, d: int) -> Shapes:
    yield f"{name}.weight", (d,)
    yield f"{name}.bias", (d,)
