"""Record vision transformers of PyTorch modules: `python -m tests.oracles.record_vision` (needs the extra
`reference`). The modules have the forward pass and the names of torchvision's and of timm's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

from tests.oracles.cases import Array
from tests.oracles.recording import save, sums
from tests.oracles.vision import COUNTS, TORCHVISION, Vision, vision
from tests.oracles.vision_reference import EPSILON

FILE = Path(__file__).with_name("vision.npz")


def _norm(width: int) -> Any:
    return nn.LayerNorm(width, eps=EPSILON)


class TorchvisionBlock(nn.Module):  # type: ignore[misc]  # types are checked without PyTorch
    """Attention and an MLP, pre-norm with residual connections."""

    def __init__(self, width: int, heads: int, units: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = _norm(width), _norm(width)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width, units), nn.GELU(), nn.Dropout(0.0), nn.Linear(units, width), nn.Dropout(0.0)
        )

    def forward(self, tokens: Any) -> Any:
        x = self.ln_1(tokens)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = x + tokens
        return x + self.mlp(self.ln_2(x))


class Torchvision(nn.Module):  # type: ignore[misc]  # types are checked without PyTorch
    """torchvision's vision transformer."""

    def __init__(self, question: Vision) -> None:
        super().__init__()
        state = question.state
        kernel = state["conv_proj.weight"]
        width, units = len(kernel), len(state["encoder.layers.encoder_layer_0.mlp.0.weight"])
        window = kernel.shape[2:]
        self.conv_proj = nn.Conv2d(kernel.shape[1], width, window, stride=window)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        layers = sum(name.endswith("ln_1.weight") for name in state)
        blocks = {
            f"encoder_layer_{at}": TorchvisionBlock(width, question.heads, units) for at in range(layers)
        }
        self.encoder: Any = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(state["encoder.pos_embedding"].shape))
        self.encoder.layers = nn.Sequential()
        for name, block in blocks.items():
            self.encoder.layers.add_module(name, block)
        self.encoder.ln = _norm(width)
        self.heads = nn.Sequential()
        seen = width
        if "heads.pre_logits.weight" in state:
            seen = len(state["heads.pre_logits.weight"])
            self.heads.add_module("pre_logits", nn.Linear(width, seen))
            self.heads.add_module("act", nn.Tanh())
        self.heads.add_module("head", nn.Linear(seen, len(state["heads.head.weight"])))

    def forward(self, images: Any) -> Any:
        embedded = self.conv_proj(images).flatten(2).permute(0, 2, 1)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), embedded], dim=1)
        tokens = self.encoder.ln(self.encoder.layers(tokens + self.encoder.pos_embedding))
        return self.heads(tokens[:, 0])


class TimmBlock(nn.Module):  # type: ignore[misc]  # types are checked without PyTorch
    """The same block with one layer for queries, keys and values."""

    def __init__(self, width: int, heads: int, units: int) -> None:
        super().__init__()
        self.count = heads
        self.norm1, self.norm2 = _norm(width), _norm(width)
        self.attn: Any = nn.Module()
        self.attn.qkv, self.attn.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp: Any = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, units), nn.Linear(units, width)

    def forward(self, x: Any) -> Any:
        tokens = self.norm1(x)
        batch, count, width = tokens.shape
        cut = self.attn.qkv(tokens).reshape(batch, count, 3, self.count, width // self.count)
        query, key, value = cut.permute(2, 0, 3, 1, 4).unbind(0)
        found = F.scaled_dot_product_attention(query, key, value)
        x = x + self.attn.proj(found.transpose(1, 2).reshape(batch, count, width))
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))


class Timm(nn.Module):  # type: ignore[misc]  # types are checked without PyTorch
    """timm's vision transformer, with global_pool token or avg."""

    def __init__(self, question: Vision) -> None:
        super().__init__()
        state = question.state
        kernel = state["patch_embed.proj.weight"]
        width, units = len(kernel), len(state["blocks.0.mlp.fc1.weight"])
        window = kernel.shape[2:]
        self.patch_embed: Any = nn.Module()
        self.patch_embed.proj = nn.Conv2d(kernel.shape[1], width, window, stride=window)
        self.has_class, self.pool = "cls_token" in state, question.pool
        if self.has_class:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(state["pos_embed"].shape))
        layers = sum(name.endswith("norm1.weight") for name in state)
        self.blocks = nn.Sequential(*(TimmBlock(width, question.heads, units) for _ in range(layers)))
        self.norm = _norm(width) if "norm.weight" in state else nn.Identity()
        self.fc_norm = _norm(width) if "fc_norm.weight" in state else nn.Identity()
        self.head = nn.Linear(width, len(state["head.weight"]))

    def forward(self, images: Any) -> Any:
        x = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        if self.has_class:
            x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1)
        x = self.norm(self.blocks(x + self.pos_embed))
        x = x[:, int(self.has_class) :].mean(dim=1) if self.pool == "avg" else x[:, 0]
        return self.head(self.fc_norm(x))


def reference(question: Vision) -> Array:
    """Return the logits, then the gradients of the images and of the state dict in its order, as one row."""
    build: Callable[[Vision], nn.Module] = Torchvision if question.naming == TORCHVISION else Timm
    model = build(question).double()
    model.load_state_dict({name: torch.tensor(one) for name, one in question.state.items()}, strict=True)
    images = torch.tensor(question.images, requires_grad=True)
    logits = model(images)
    logits.backward(torch.tensor(question.upstream))
    parameters = dict(model.named_parameters())
    found = [logits.detach(), images.grad, *(parameters[name].grad for name in question.state)]
    return np.concatenate([np.ravel(one.numpy()) for one in found if one is not None])


def main() -> None:
    questions = [vision(naming, seed) for naming, count in COUNTS.items() for seed in range(count)]
    save(
        FILE,
        [reference(question) for question in questions],
        sums([{**question.state, "x": question.images} for question in questions]),
    )


if __name__ == "__main__":
    main()
