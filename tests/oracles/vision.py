"""Reproducible random vision transformers with torchvision's and timm's names."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracles.cases import Array

TORCHVISION, TIMM = "torchvision", "timm"
COUNTS = {TORCHVISION: 20, TIMM: 20}


@dataclass(frozen=True)
class Vision:
    """A question: a model by its state dict, the naming of that, and a batch of images.

    pool: token or avg, in timm's terms.
    """

    naming: str
    state: dict[str, Array]
    images: Array
    heads: int
    pool: str = "token"

    @property
    def attributes(self) -> dict[str, Any]:
        """The settings of the operation."""
        return {"heads": self.heads, "pool": "mean" if self.pool == "avg" else "class_token"}

    @property
    def upstream(self) -> Array:
        """A gradient of the logits that needs no recording."""
        head = self.state["heads.head.weight" if self.naming == TORCHVISION else "head.weight"]
        count = len(self.images) * len(head)
        return (np.arange(count) % 7 - 3.0).reshape(len(self.images), len(head))


def vision(naming: str, seed: int) -> Vision:
    """Return the question of this seed."""
    rng = np.random.default_rng([300 + list(COUNTS).index(naming), seed])
    heads = int(rng.integers(1, 3))
    width, units, classes, layers = 2 * heads, *(int(one) for one in rng.integers([3, 2, 1], [6, 5, 3]))
    window = tuple(int(one) for one in rng.integers(1, 4, 2))
    grid = tuple(int(one) for one in rng.integers(1, 4, 2))
    batch, channels = (int(one) for one in rng.integers(1, 4, 2))
    images = rng.standard_normal((batch, channels, grid[0] * window[0], grid[1] * window[1]))
    shapes: dict[str, tuple[int, ...]] = {}
    patches = grid[0] * grid[1]
    kernel = (width, channels, *window)
    if naming == TORCHVISION:
        pool = "token"
        shapes |= {
            "class_token": (1, 1, width),
            "conv_proj.weight": kernel,
            "conv_proj.bias": (width,),
            "encoder.pos_embedding": (1, patches + 1, width),
        }
        for at in range(layers):
            name = f"encoder.layers.encoder_layer_{at}."
            shapes |= _norm(f"{name}ln_1", width) | _norm(f"{name}ln_2", width)
            shapes |= {
                f"{name}self_attention.in_proj_weight": (3 * width, width),
                f"{name}self_attention.in_proj_bias": (3 * width,),
            }
            shapes |= _dense(f"{name}self_attention.out_proj", width, width)
            shapes |= _dense(f"{name}mlp.0", units, width) | _dense(f"{name}mlp.3", width, units)
        shapes |= _norm("encoder.ln", width)
        seen = width
        if rng.random() < 0.5:
            seen = int(rng.integers(2, 6))
            shapes |= _dense("heads.pre_logits", seen, width)
        shapes |= _dense("heads.head", classes, seen)
    else:
        pool = str(rng.choice(["token", "avg"]))
        has_class = pool == "token" or bool(rng.random() < 0.5)
        if has_class:
            shapes["cls_token"] = (1, 1, width)
        shapes |= {
            "pos_embed": (1, patches + has_class, width),
            "patch_embed.proj.weight": kernel,
            "patch_embed.proj.bias": (width,),
        }
        for at in range(layers):
            name = f"blocks.{at}."
            shapes |= _norm(f"{name}norm1", width) | _norm(f"{name}norm2", width)
            shapes |= _dense(f"{name}attn.qkv", 3 * width, width) | _dense(f"{name}attn.proj", width, width)
            shapes |= _dense(f"{name}mlp.fc1", units, width) | _dense(f"{name}mlp.fc2", width, units)
        after = pool == "avg" and bool(rng.random() < 0.7)
        shapes |= _norm("fc_norm" if after else "norm", width) | _dense("head", classes, width)
    state = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return Vision(naming, state, images, heads, pool)


def timm_names(question: Vision) -> dict[str, Array]:
    """Return a state dict of torchvision under timm's names."""
    pairs = {
        "conv_proj.": "patch_embed.proj.", "class_token": "cls_token", "encoder.pos_embedding": "pos_embed",
        "encoder.layers.encoder_layer_": "blocks.", ".ln_1.": ".norm1.", ".ln_2.": ".norm2.",
        ".self_attention.in_proj_": ".attn.qkv.", ".self_attention.out_proj.": ".attn.proj.",
        ".mlp.0.": ".mlp.fc1.", ".mlp.3.": ".mlp.fc2.", "encoder.ln.": "norm.", "heads.head.": "head.",
    }  # fmt: skip
    found = {}
    for name, one in question.state.items():
        other = name
        for theirs, its in pairs.items():
            other = other.replace(theirs, its)
        found[other] = one
    return found


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _dense(name: str, out: int, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, width), f"{name}.bias": (out,)}
