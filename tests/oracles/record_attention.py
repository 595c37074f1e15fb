"""Record PyTorch's answers to the cases: `python -m tests.oracles.record_attention` (needs the extra
`reference`). They are kept beside this script, so that the tests need no PyTorch.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from tests.oracles.cases import ATTENTION, COUNTS, MULTIHEAD, SELF_ATTENTION, Array, Case, case

FILE = Path(__file__).with_name("attention.npz")


def reference(kind: int, posed: Case) -> Array:
    """The output, then the gradients of all differentiable inputs, as one row of numbers."""
    tensors = {name: torch.tensor(array) for name, array in posed.inputs.items()}
    for name in posed.differentiated:
        assert tensors[name].dtype == torch.float64
        tensors[name].requires_grad_()
    answer = {ATTENTION: _attention, SELF_ATTENTION: _self_attention, MULTIHEAD: _multihead}[kind]
    output = answer(tensors, posed.attributes)
    output.backward(torch.tensor(posed.upstream))
    found = [output.detach(), *(tensors[name].grad for name in posed.differentiated)]
    return np.concatenate([one.numpy().ravel() for one in found])


def _rows(tensor: Any, settings: dict[str, Any]) -> Any:
    return tensor if settings.get("layout", "rows") == "rows" else tensor.transpose(-1, -2)


def _core(query: Any, key: Any, value: Any, mask: Any, settings: dict[str, Any]) -> Any:
    if mask is not None and settings.get("orientation") == "key_query":
        mask = mask.transpose(-1, -2)
    d_k = query.shape[-1]
    scale = {"1/sqrt(2)": 0.5**0.5, "1/d_k": 1 / d_k, None: d_k**-0.5}.get(
        settings.get("scale"), settings.get("scale")
    )
    causal = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if "softcap" not in settings:
        if settings.get("causal"):
            if mask is None:
                mask = causal
            elif mask.dtype == torch.bool:
                mask = mask & causal
            else:
                mask = mask.masked_fill(~causal, -torch.inf)
        grouped = query.ndim > 2 and query.shape[-3] != key.shape[-3]
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, scale=scale, enable_gqa=grouped
        )
    if query.ndim > 2 and query.shape[-3] != key.shape[-3]:
        times = query.shape[-3] // key.shape[-3]
        key, value = key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)
    cap = settings["softcap"]
    scores = cap * torch.tanh(scale * query @ key.transpose(-1, -2) / cap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    if settings.get("causal"):
        scores = scores.masked_fill(~causal, -torch.inf)
    return torch.softmax(scores, -1) @ value


def _attention(inputs: dict[str, Any], settings: dict[str, Any]) -> Any:
    query, key, value = (_rows(inputs[name], settings) for name in ("query", "key", "value"))
    return _rows(_core(query, key, value, inputs.get("mask"), settings), settings)


def _self_attention(inputs: dict[str, Any], settings: dict[str, Any]) -> Any:
    tokens = _rows(inputs["x"], settings)
    if "positional_encoding" in inputs:
        tokens = tokens + _rows(inputs["positional_encoding"], settings)
    stacked = inputs["w_q"].ndim == 3
    heads = inputs["w_q"].shape[0] if stacked else settings["heads"]
    shared = inputs["w_k"].shape[0] if stacked else settings["kv_heads"]

    def project(letter: str, parts: int) -> Any:
        weights = inputs.get(f"w_{letter}")
        if weights is None:
            projected = tokens.unflatten(-1, (parts, -1)).transpose(-2, -3)
        else:
            weights = _rows(weights, settings)
            if not stacked:
                weights = weights.unflatten(-1, (parts, -1)).transpose(0, 1)
            projected = tokens.unsqueeze(-3) @ weights
        if f"b_{letter}" in inputs:
            projected = projected + inputs[f"b_{letter}"].reshape(parts, 1, -1)
        return projected

    query, key, value = project("q", heads), project("k", shared), project("v", shared)
    mask = inputs.get("mask")
    outputs = _core(query, key, value, _with_heads(mask, tokens.ndim, heads, stacked), settings)
    output = outputs.transpose(-2, -3).flatten(-2)
    if "w_o" in inputs:
        weights = _rows(inputs["w_o"], settings)
        output = output @ (weights.flatten(0, 1) if stacked else weights)
    if "b_o" in inputs:
        output = output + inputs["b_o"]
    return _rows(output, settings)


def _with_heads(mask: Any, rank: int, heads: int, stacked: bool) -> Any:
    """Here one head is an axis too; there it is none unless the weights are stacked."""
    no_axis = mask is not None and heads == 1 and not stacked and mask.ndim == rank > 2
    return mask.unsqueeze(-3) if no_axis else mask


def _multihead(inputs: dict[str, Any], settings: dict[str, Any]) -> Any:
    d = inputs["x"].shape[-1]
    layer = torch.nn.MultiheadAttention(d, settings["heads"], batch_first=True, dtype=torch.float64)
    parameters = {
        "in_proj_weight": torch.cat([inputs[f"w_{one}"] for one in "qkv"], dim=1).T,
        "in_proj_bias": torch.cat([inputs[f"b_{one}"] for one in "qkv"]),
        "out_proj.weight": inputs["w_o"].T,
        "out_proj.bias": inputs["b_o"],
    }
    mask = inputs.get("mask")
    x = inputs["x"]
    # Its masks say where a query may not attend.
    options = {"attn_mask": None if mask is None else ~mask, "need_weights": False}
    return torch.func.functional_call(layer, parameters, (x, x, x), options)[0]


def main() -> None:
    answers = [reference(kind, case(kind, seed)) for kind, count in COUNTS.items() for seed in range(count)]
    first = [case(kind, 0).inputs for kind in COUNTS]
    np.savez_compressed(
        FILE,
        numbers=np.concatenate(answers),
        lengths=np.array([one.size for one in answers], dtype=np.int32),
        # Should a later NumPy draw other random numbers, this shows it.
        drawn=np.array([sum(float(one.sum()) for one in inputs.values()) for inputs in first]),
    )


if __name__ == "__main__":
    main()
