"""Layers with weights in PyTorch's form, and in the form of submodules."""

import base64
from typing import Any

import numpy as np

RNG = np.random.default_rng(805)


def weights(*shape: int) -> Any:
    return np.round(RNG.standard_normal(shape), 2).tolist()


def stored(**changes: Any) -> dict[str, Any]:
    """Return a layer's weights in PyTorch's form; two underscores in a name stand for a dot."""
    found = {
        "self_attn.in_proj_weight": weights(6, 2),
        "self_attn.in_proj_bias": weights(6),
        "self_attn.out_proj.weight": weights(2, 2),
        "self_attn.out_proj.bias": weights(2),
        "linear1.weight": weights(3, 2),
        "linear1.bias": weights(3),
        "linear2.weight": weights(2, 3),
        "linear2.bias": weights(2),
        **{f"norm{at}.{name}": weights(2) for at in (1, 2) for name in ("weight", "bias")},
    }
    return found | {name.replace("__", "."): one for name, one in changes.items()}


def nested(state: dict[str, Any]) -> dict[str, Any]:
    """Return the same layer's weights in the form of submodules."""
    turned = {name: np.array(one).T.tolist() for name, one in state.items()}
    each = [np.array_split(np.array(state[f"self_attn.in_proj_{one}"]), 3) for one in ("weight", "bias")]
    attention = {f"w_{one}": part.T.tolist() for one, part in zip("qkv", each[0], strict=True)}
    attention |= {f"b_{one}": part.tolist() for one, part in zip("qkv", each[1], strict=True)}
    return {
        "attention": {
            **attention,
            "w_o": turned["self_attn.out_proj.weight"],
            "b_o": state["self_attn.out_proj.bias"],
        },
        "attention_norm": {"gain": state["norm1.weight"], "bias": state["norm1.bias"]},
        "feed_forward": {
            f"{kind}_{at}": turned[f"linear{at}.{name}"]
            for at in (1, 2)
            for kind, name in (("w", "weight"), ("b", "bias"))
        },
        "feed_forward_norm": {"gain": state["norm2.weight"], "bias": state["norm2.bias"]},
    }


def flat(parts: dict[str, Any], scope: str = "") -> dict[str, Any]:
    return {f"{scope}{part}.{name}": one for part, inputs in parts.items() for name, one in inputs.items()}


def packed(array: Any, dtype: str = "<f8", name: str = "float64") -> dict[str, Any]:
    entries = np.asarray(array, dtype=dtype)
    return {
        "dtype": name,
        "shape": list(entries.shape),
        "data": base64.b64encode(entries.tobytes()).decode(),
    }


X = [[1, 0], [0, 1], [1, 1]]
EYE = [[1, 0], [0, 1]]
STATE = stored()
LAYER = nested(STATE)
ONE = {"x": X, "heads": 2, **LAYER}
STACK = {"x": X, "heads": 2, "layer": [LAYER]}
