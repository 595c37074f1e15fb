"""Record PyTorch's transformer layers and stacks: `python -m tests.oracles.record_transformers` (needs the
extra `reference`). Each gradient is of the output's product with weights that count 1, 2, 3, ... modulo 7.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.oracles.cases import Array
from tests.oracles.record_layers import upstream
from tests.oracles.recording import save, sums
from tests.oracles.transformers import COUNTS, Stack, stack

FILE = Path(__file__).with_name("transformers.npz")
MASKS = {  # PyTorch's names by ours
    "encoder_layer": {"mask": "src_mask", "key_padding_mask": "src_key_padding_mask"},
    "encoder": {"mask": "mask", "key_padding_mask": "src_key_padding_mask"},
    "decoder": {
        "mask": "tgt_mask", "key_padding_mask": "tgt_key_padding_mask", "memory_mask": "memory_mask",
        "memory_key_padding_mask": "memory_key_padding_mask",
    },
    "transformer": {
        "source_mask": "src_mask", "source_key_padding_mask": "src_key_padding_mask",
        "target_mask": "tgt_mask", "target_key_padding_mask": "tgt_key_padding_mask",
        "memory_mask": "memory_mask", "memory_key_padding_mask": "memory_key_padding_mask",
    },
}  # fmt: skip
MASKS["decoder_layer"] = MASKS["decoder"]
TOKENS = {"transformer": ("source", "target"), "decoder": ("x", "memory"), "decoder_layer": ("x", "memory")}
MASKED = {"transformer": ("target_mask", "target")}  # the tokens that causal applies to


def reference(question: Stack) -> Array:
    """Return the output, the gradients of all numeric data, then of the state dict, as one row."""
    tensors = {name: torch.tensor(array) for name, array in question.data.items()}
    for name in question.differentiated:
        tensors[name].requires_grad_()
    module = build(question)
    masks = {theirs: _mask(question, tensors, name) for name, theirs in MASKS[question.operation].items()}
    output = module(*(tensors[name] for name in TOKENS.get(question.operation, ("x",))), **masks)
    output.backward(torch.tensor(upstream(tuple(output.shape))))
    weights = dict(module.named_parameters())
    gradients = [tensors[name].grad for name in question.differentiated]
    found = [output.detach(), *gradients, *(weights[name].grad for name in question.state)]
    return np.concatenate([one.numpy().ravel() for one in found])


def build(question: Stack) -> Any:
    """Build PyTorch's module with these weights, in training mode without dropout to avoid its fast paths."""
    settings = question.attributes
    activation = {"relu": "relu", "gelu": "gelu", "silu": nn.functional.silu}[settings["activation"]]
    first = question.state.get("linear1.weight")
    if first is None:
        first = next(one for name, one in question.state.items() if name.endswith("linear1.weight"))
    epsilon, biases = settings.get("epsilon", 1e-5), any("bias" in name for name in question.state)
    shared: dict[str, Any] = {
        "dim_feedforward": len(first), "dropout": 0.0, "activation": activation, "layer_norm_eps": epsilon,
        "batch_first": True, "norm_first": settings["norm_placement"] == "pre", "bias": biases,
        "dtype": torch.float64,
    }  # fmt: skip
    d, heads = first.shape[1], settings["heads"]

    def layer(name: str) -> Any:
        kind = nn.TransformerEncoderLayer if name.startswith("encoder") else nn.TransformerDecoderLayer
        return kind(d, heads, **shared)

    if question.operation == "transformer":
        module: Any = nn.Transformer(d, heads, *question.layers, **shared)
    elif question.operation.endswith("layer"):
        module = layer(question.operation)
    else:
        kind: Any = nn.TransformerEncoder if question.operation == "encoder" else nn.TransformerDecoder
        norm = nn.LayerNorm(d, eps=epsilon, bias=biases, dtype=torch.float64) if question.final else None
        module = kind(layer(question.operation), question.layers[question.operation == "decoder"], norm=norm)
    module.load_state_dict({name: torch.tensor(one) for name, one in question.state.items()}, strict=True)
    return module.train()


def _mask(question: Stack, tensors: dict[str, Any], name: str) -> Any:
    """Return a mask as in PyTorch: true where attending is not allowed, causality included."""
    mask = tensors.get(name)
    if name.endswith("padding_mask"):
        return mask
    if mask is not None and mask.dtype == torch.bool:
        mask = ~mask
    own, tokens = MASKED.get(question.operation, ("mask", "x"))
    if name == own and question.attributes["causal"]:
        later = torch.ones((tensors[tokens].shape[-2],) * 2, dtype=torch.bool).triu(1)
        if mask is None:
            return later
        mask = mask | later if mask.dtype == torch.bool else mask.masked_fill(later, -torch.inf)
    return mask.reshape(-1, *mask.shape[-2:]) if mask is not None and mask.ndim > 3 else mask


def main() -> None:
    warnings.filterwarnings("ignore", "enable_nested_tensor|Support for mismatched")
    found = [reference(stack(name, seed)) for name, count in COUNTS.items() for seed in range(count)]
    first = [stack(name, 0) for name in COUNTS]
    save(FILE, found, sums([one.state | {"x": one.data[next(iter(one.data))]} for one in first]))


if __name__ == "__main__":
    main()
