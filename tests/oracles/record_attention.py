"""Record PyTorch's answers to the cases: `python -m tests.oracles.record_attention` (needs the extra
`reference`). They are stored next to this script, so that the tests need no PyTorch.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import COUNTS, MULTIHEAD, Array, Case, case
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("attention.npz")


def reference(kind: int, question: Case) -> Array:
    """Return the output, then the gradients of all differentiable inputs, as one row of numbers."""
    tensors = {name: torch.tensor(array) for name, array in question.inputs.items()}
    for name in question.differentiated:
        assert tensors[name].dtype == torch.float64
        tensors[name].requires_grad_()
    answer = _attention if question.operation == "attention" else _projected
    if kind == MULTIHEAD:
        answer = _multihead
    output = answer(tensors, question.attributes)
    output.backward(torch.tensor(question.upstream))
    found = [output.detach(), *(tensors[name].grad for name in question.differentiated)]
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
    if "window" in settings:
        return _local(query, key, value, mask, scale, causal, settings)
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
    key, value = _repeat_heads(query, key, value)
    scores = _masked_scores(query, key, mask, scale, causal, settings)
    return torch.softmax(scores, -1) @ value


def _masked_scores(query: Any, key: Any, mask: Any, scale: Any, causal: Any, settings: dict[str, Any]) -> Any:
    scores = scale * query @ key.transpose(-1, -2)
    if "softcap" in settings:
        scores = settings["softcap"] * torch.tanh(scores / settings["softcap"])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    if settings.get("causal"):
        scores = scores.masked_fill(~causal, -torch.inf)
    return scores


def _local(
    query: Any, key: Any, value: Any, mask: Any, scale: Any, causal: Any, settings: dict[str, Any]
) -> Any:
    """Mask all scores outside the window; zeros for a query that may attend to nothing."""
    key, value = _repeat_heads(query, key, value)
    scores = _masked_scores(query, key, mask, scale, causal, settings)
    window = settings["window"]
    left, right = window if isinstance(window, tuple) else (window, window)
    ahead = torch.arange(key.shape[-2]) - torch.arange(query.shape[-2])[:, None]
    scores = scores.masked_fill((ahead < -left) | (ahead > right), -torch.inf)
    nothing = (scores == -torch.inf).all(-1, keepdim=True)
    return torch.softmax(scores.masked_fill(nothing, 0), -1).masked_fill(nothing, 0) @ value


def _attention(inputs: dict[str, Any], settings: dict[str, Any]) -> Any:
    query, key, value = (_rows(inputs[name], settings) for name in ("query", "key", "value"))
    return _rows(_core(query, key, value, inputs.get("mask"), settings), settings)


def _repeat_heads(query: Any, key: Any, value: Any) -> tuple[Any, Any]:
    """Return keys and values, repeated for the query heads that share them."""
    if query.ndim < 3 or query.shape[-3] == key.shape[-3]:
        return key, value
    times = query.shape[-3] // key.shape[-3]
    return key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)


def _projected(inputs: dict[str, Any], settings: dict[str, Any]) -> Any:
    tokens = _rows(inputs["x"], settings)
    if "positional_encoding" in inputs:
        tokens = tokens + _rows(inputs["positional_encoding"], settings)
    context = tokens
    if "context" in inputs:
        context = _rows(inputs["context"], settings)
        if "context_positional_encoding" in inputs:
            context = context + _rows(inputs["context_positional_encoding"], settings)
    stacked = inputs["w_q"].ndim == 3
    heads = inputs["w_q"].shape[0] if stacked else settings["heads"]
    shared = inputs["w_k"].shape[0] if stacked else settings["kv_heads"]

    def project(letter: str, tokens: Any, parts: int) -> Any:
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

    query, key = project("q", tokens, heads), project("k", context, shared)
    value = project("v", context, shared)
    if "rotary" in settings:
        positions = inputs.get("positions")
        query = _rotate(query, positions, settings)
        key = _rotate(key, inputs.get("context_positions") if "context" in inputs else positions, settings)
    mask = inputs.get("mask")
    outputs = _core(query, key, value, _with_heads(mask, tokens.ndim, heads, stacked), settings)
    output = outputs.transpose(-2, -3).flatten(-2)
    if "w_o" in inputs:
        weights = _rows(inputs["w_o"], settings)
        output = output @ (weights.flatten(0, 1) if stacked else weights)
    if "b_o" in inputs:
        output = output + inputs["b_o"]
    return _rows(output, settings)


def _rotate(tensor: Any, positions: Any, settings: dict[str, Any]) -> Any:
    """Rotate pairs of coordinates, as complex numbers, by each position's angle."""
    rotated = settings.get("rotary_dimension", tensor.shape[-1])
    if positions is None:
        positions = torch.arange(tensor.shape[-2], dtype=torch.float64)
    elif positions.ndim > 1:
        positions = positions.unsqueeze(-2)
    frequencies = settings.get("rotary_base", 10000.0) ** (-torch.arange(0, rotated, 2).double() / rotated)
    angles = positions.unsqueeze(-1) * frequencies
    turn = torch.complex(torch.cos(angles), torch.sin(angles))
    if settings["rotary"] == "interleaved":
        pairs = torch.view_as_complex(tensor[..., :rotated].unflatten(-1, (-1, 2)).contiguous())
        turned = torch.view_as_real(pairs * turn).flatten(-2)
    else:
        pairs = torch.complex(tensor[..., : rotated // 2], tensor[..., rotated // 2 : rotated])
        turned = torch.cat([(pairs * turn).real, (pairs * turn).imag], -1)
    return torch.cat([turned, tensor[..., rotated:]], -1)


def _with_heads(mask: Any, rank: int, heads: int, stacked: bool) -> Any:
    """Add an axis of heads to a mask if PyTorch expects one but the mask has none."""
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
    # PyTorch's masks are true where a query may not attend.
    options = {"attn_mask": None if mask is None else ~mask, "need_weights": False}
    return torch.func.functional_call(layer, parameters, (x, x, x), options)[0]


def main() -> None:
    answers = [reference(kind, case(kind, seed)) for kind, count in COUNTS.items() for seed in range(count)]
    first = [case(kind, 0).inputs for kind in COUNTS]
    save(FILE, answers, sums(first))


if __name__ == "__main__":
    main()
