"""Reproducible random attention questions, whose answers were recorded from PyTorch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
ATTENTION, SELF_ATTENTION, MULTIHEAD, CROSS_ATTENTION, WINDOWED, ROTARY = range(6)
COUNTS = {
    ATTENTION: 150,
    SELF_ATTENTION: 150,
    MULTIHEAD: 40,
    CROSS_ATTENTION: 80,
    WINDOWED: 150,
    ROTARY: 80,
}


@dataclass(frozen=True)
class Case:
    """A question: tensors and settings by their names on the wire, and a gradient of the output."""

    operation: str
    inputs: dict[str, Array]
    attributes: dict[str, Any]
    upstream: Array

    @property
    def differentiated(self) -> list[str]:
        return [name for name, array in self.inputs.items() if array.dtype != np.bool_]


def case(kind: int, seed: int) -> Case:
    rng = np.random.default_rng([kind, seed])
    return {
        ATTENTION: _attention,
        SELF_ATTENTION: _projected,
        MULTIHEAD: _multihead,
        CROSS_ATTENTION: lambda rng: _projected(rng, cross=True),
        WINDOWED: _windowed,
        ROTARY: _rotary,
    }[kind](rng)


def _settings(rng: np.random.Generator) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "causal": bool(rng.random() < 0.3),
        "orientation": str(rng.choice(["query_key", "key_query"])),
        "layout": str(rng.choice(["rows", "columns"])),
    }
    if rng.random() < 0.5:
        settings["scale"] = [1, 0, -0.7, 2.5, "1/sqrt(2)", "1/d_k"][rng.integers(6)]
    if rng.random() < 0.3:
        settings["softcap"] = float(rng.uniform(0.5, 3))
    return settings


def _mask(
    rng: np.random.Generator, leading: tuple[int, ...], n: int, m: int, settings: dict[str, Any]
) -> Array:
    """Return a boolean or additive mask, laid out like the scores, that allows every query the first key."""
    if leading and rng.random() < 0.5:
        leading = ()
    if rng.random() < 0.5:
        mask: Array = rng.random((*leading, n, m)) < 0.6
        mask[..., 0] = True
    else:
        mask = rng.standard_normal((*leading, n, m))
    return mask if settings["orientation"] == "query_key" else np.ascontiguousarray(mask.swapaxes(-1, -2))


def _lay_out(array: Array, settings: dict[str, Any]) -> Array:
    return array if settings["layout"] == "rows" else np.ascontiguousarray(array.swapaxes(-1, -2))


def _attention(rng: np.random.Generator, *, longest: int = 4) -> Case:
    n, m, d_k, d_v = (int(size) for size in rng.integers(1, [longest + 1, longest + 1, 5, 5]))
    settings = _settings(rng)
    leading: tuple[int, ...] = tuple(int(size) for size in rng.integers(1, 4, rng.integers(0, 3)))
    shared = leading
    if leading and rng.random() < 0.4:  # fewer key and value heads than query heads
        groups = int(rng.integers(1, 4))
        leading, shared = (*leading[:-1], leading[-1] * groups), leading
    inputs = {
        "query": _lay_out(rng.standard_normal((*leading, n, d_k)), settings),
        "key": _lay_out(rng.standard_normal((*shared, m, d_k)), settings),
        "value": _lay_out(rng.standard_normal((*shared, m, d_v)), settings),
    }
    if rng.random() < 0.6:
        inputs["mask"] = _mask(rng, leading, n, m, settings)
    upstream = _lay_out(rng.standard_normal((*leading, n, d_v)), settings)
    return Case("attention", inputs, settings, upstream)


def _projected(
    rng: np.random.Generator, *, cross: bool = False, even: bool = False, longest: int = 4
) -> Case:
    """Return self- or cross-attention; even: with widths that rotary positions can pair."""
    n, d, d_k, d_v, m, d_c = (int(size) for size in rng.integers(1, [longest + 1, 5, 5, 5, longest + 1, 5]))
    d_k *= 2 if even else 1
    settings = _settings(rng)
    shared = int(rng.integers(1, 4))
    heads = shared * int(rng.integers(1, 3))
    stacked = bool(rng.random() < 0.4)
    identity = bool(rng.random() < 0.2) and not stacked
    if identity:  # the values are the tokens, split by head
        d, d_c = d_v * shared, d_v * shared
    if not cross:
        m, d_c = n, d
    leading: tuple[int, ...] = tuple(int(size) for size in rng.integers(1, 3, rng.integers(0, 2)))
    if not stacked:
        settings |= {"heads": heads, "kv_heads": shared}
    inputs = {"x": _lay_out(rng.standard_normal((*leading, n, d)), settings)}
    if cross:
        inputs["context"] = _lay_out(rng.standard_normal((*leading, m, d_c)), settings)
    names = ["w_q", "w_k"] if identity else ["w_q", "w_k", "w_v"]
    for name in names:
        parts, width = (heads if name == "w_q" else shared), (d_v if name == "w_v" else d_k)
        reads = d if name == "w_q" else d_c
        shape = (parts, reads, width) if stacked else (reads, parts * width)
        inputs[name] = _lay_out(rng.standard_normal(shape), settings)
        if rng.random() < 0.4:
            bias_shape = (parts, width) if stacked and rng.random() < 0.5 else (parts * width,)
            inputs[f"b_{name[-1]}"] = rng.standard_normal(bias_shape)
    d_o = heads * d_v
    if rng.random() < 0.5:
        d_o = int(rng.integers(1, 4))
        shape = (heads, d_v, d_o) if stacked else (heads * d_v, d_o)
        inputs["w_o"] = _lay_out(rng.standard_normal(shape), settings)
    if rng.random() < 0.4:
        inputs["b_o"] = rng.standard_normal(d_o)
    if rng.random() < 0.4:
        inputs["positional_encoding"] = _lay_out(rng.standard_normal((n, d)), settings)
    if cross and rng.random() < 0.4:
        inputs["context_positional_encoding"] = _lay_out(rng.standard_normal((m, d_c)), settings)
    if rng.random() < 0.5:
        has_heads = stacked or heads > 1
        inputs["mask"] = _mask(rng, (*leading, heads) if has_heads else leading, n, m, settings)
    upstream = _lay_out(rng.standard_normal((*leading, n, d_o)), settings)
    return Case("cross_attention" if cross else "self_attention", inputs, settings, upstream)


def _windowed(rng: np.random.Generator) -> Case:
    """Return any of the other kinds with a window, which may leave a query without keys."""
    kind = rng.integers(3)
    question = _attention(rng, longest=9) if kind == 0 else _projected(rng, cross=bool(kind == 1), longest=9)
    left, right = (int(reach) for reach in rng.integers(0, 6, 2))
    question.attributes["window"] = left if rng.random() < 0.5 else (left, right)
    return question


def _rotary(rng: np.random.Generator) -> Case:
    """Return self- or cross-attention with rotary positions, all coordinates or some, default or given."""
    cross = bool(rng.random() < 0.5)
    question = _projected(rng, cross=cross, even=True)
    settings, inputs = question.attributes, question.inputs
    settings["rotary"] = str(rng.choice(["interleaved", "half_split"]))
    if rng.random() < 0.4:
        settings["rotary_dimension"] = 2
    if rng.random() < 0.4:
        settings["rotary_base"] = float(rng.uniform(2, 100))
    if rng.random() < 0.5:
        axis = -2 if settings["layout"] == "rows" else -1
        for name, tokens in (("positions", "x"), ("context_positions", "context")):
            if tokens in inputs:
                shape = inputs[tokens].shape
                leading = shape[:-2] if rng.random() < 0.5 else ()
                inputs[name] = rng.uniform(-5, 5, (*leading, shape[axis]))
    return question


def _multihead(rng: np.random.Generator) -> Case:
    """Return a case that torch.nn.MultiheadAttention supports: all biases, tokens in rows, equal heads."""
    n, width, heads = (int(size) for size in rng.integers(1, 5, 3))
    d = width * heads
    settings: dict[str, Any] = {"heads": heads}
    inputs: dict[str, Array] = {"x": rng.standard_normal((int(rng.integers(1, 4)), n, d))}
    for name in ("w_q", "w_k", "w_v", "w_o"):
        inputs[name] = rng.standard_normal((d, d))
    for name in ("b_q", "b_k", "b_v", "b_o"):
        inputs[name] = rng.standard_normal(d)
    if rng.random() < 0.5:
        mask = rng.random((n, n)) < 0.6
        mask[:, 0] = True
        inputs["mask"] = mask
    return Case("self_attention", inputs, settings, rng.standard_normal(inputs["x"].shape))
