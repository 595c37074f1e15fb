"""Weights of transformer layers at random, by full names, and answers held against textbook loops."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from compute.errors import QuestionErrors
from compute.operations import CATALOGUE
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings

Rng = np.random.Generator
STEP = 1e-30  # along the imaginary axis
ACTIVATIONS = ("relu", "gelu", "silu")


def scoped(name: str, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The same weights as those of a part."""
    return {f"{name}.{one}": array for one, array in weights.items()}


def fed(
    rng: Rng, d: int, units: int, how: Settings, *, biases: bool, d_o: int | None = None
) -> dict[str, Array]:
    """Weights of feed-forward layers."""
    found = {"w_1": rng.standard_normal((d, units)), "w_2": rng.standard_normal((units, d_o or d))}
    if how.gated:
        found["w_gate"] = rng.standard_normal((d, units))
    if biases:
        found |= {"b_1": rng.standard_normal(units), "b_2": rng.standard_normal(d_o or d)}
        found |= {"b_gate": rng.standard_normal(units)} if how.gated else {}
    return found


def attended(rng: Rng, d: int, how: Settings, *, biases: bool, d_c: int | None = None) -> dict[str, Array]:
    """Weights of attention, whose heads are 2 and 3 wide."""
    shared = how.kv_heads or how.heads
    found = {
        "w_q": rng.standard_normal((d, how.heads * 2)),
        "w_k": rng.standard_normal((d_c or d, shared * 2)),
        "w_v": rng.standard_normal((d_c or d, shared * 3)),
        "w_o": rng.standard_normal((how.heads * 3, d)),
    }
    if biases:
        sizes = {"b_q": how.heads * 2, "b_k": shared * 2, "b_v": shared * 3, "b_o": d}
        found |= {name: rng.standard_normal(size) for name, size in sizes.items()}
    return found


def normed(rng: Rng, d: int, *, biases: bool) -> dict[str, Array]:
    """Weights of a norm."""
    found = {"gain": 1 + 0.3 * rng.standard_normal(d)}
    return found | {"bias": rng.standard_normal(d)} if biases else found


def encoding(rng: Rng, d: int, units: int, how: Settings, *, biases: bool) -> dict[str, Array]:
    """Weights of a layer of an encoder."""
    return {
        **scoped("attention", attended(rng, d, how, biases=biases)),
        **scoped("attention_norm", normed(rng, d, biases=biases)),
        **scoped("feed_forward", fed(rng, d, units, how, biases=biases)),
        **scoped("feed_forward_norm", normed(rng, d, biases=biases)),
    }


def decoding(rng: Rng, d: int, d_c: int, units: int, how: Settings, *, biases: bool) -> dict[str, Array]:
    """Weights of a layer of a decoder."""
    return {
        **scoped("self_attention", attended(rng, d, how, biases=biases)),
        **scoped("self_attention_norm", normed(rng, d, biases=biases)),
        **scoped("cross_attention", attended(rng, d, how, biases=biases, d_c=d_c)),
        **scoped("cross_attention_norm", normed(rng, d, biases=biases)),
        **scoped("feed_forward", fed(rng, d, units, how, biases=biases)),
        **scoped("feed_forward_norm", normed(rng, d, biases=biases)),
    }


def said(how: Settings, operation: str) -> dict[str, Any]:
    """Return the settings of a question: those that differ from the defaults."""
    plain, attributes = Settings(), CATALOGUE[operation].attributes
    names = [one.name for one in fields(Settings) if one.name in attributes]
    return {name: getattr(how, name) for name in names if getattr(how, name) != getattr(plain, name)}


def drawn(rng: Rng, **more: Any) -> Settings:
    """Return settings of any layer, without its dropout. more: fixed settings."""
    shared = int(rng.integers(1, 3))
    rotary = [None, "interleaved", "half_split"][rng.integers(3)]
    settings: dict[str, Any] = {
        "heads": shared * int(rng.integers(1, 3)),
        "kv_heads": shared,
        "causal": bool(rng.random() < 0.5),
        "window": (int(rng.integers(1, 3)), int(rng.integers(0, 3))) if rng.random() < 0.4 else None,
        "rotary": rotary,
        "rotary_base": float(rng.integers(2, 50)) if rotary else 10000,
        "activation": str(rng.choice(ACTIVATIONS)),
        "gated": bool(rng.random() < 0.5),
        "norm": str(rng.choice(["layer_norm", "rms_norm"])),
        "norm_placement": str(rng.choice(["post", "pre"])),
        "epsilon": float(rng.choice([1e-6, 1e-5, 0.1])),
    }
    return Settings(**(settings | more))


def agree(
    operation: str,
    inputs: Mapping[str, Array],
    attributes: Mapping[str, Any],
    loops: Callable[..., Array],
    but: Collection[str] = (),
) -> None:
    """Hold the output against textbook loops of the inputs, and each gradient against their derivative.

    Every float among the inputs but for these is differentiated along a direction of its own.
    """
    rng = np.random.default_rng(17)
    expected = loops(dict(inputs))
    upstream = rng.standard_normal(expected.shape)
    for everything in (True, False):
        names = [name for name, one in inputs.items() if one.dtype == np.float64 and name not in but]
        select = ["output", *names, *(["*"] if everything else [])]
        found = answer(operation, inputs, attributes, upstream={"output": upstream}, select=select)
        close(found.values["output"], expected.real, "output")
        assert set(names) <= found.gradients.keys()
        for name in names:
            direction = rng.standard_normal(inputs[name].shape)
            stepped = loops({**inputs, name: inputs[name] + 1j * STEP * direction})
            slope = (stepped.imag * upstream).sum() / STEP
            size = np.abs(found.gradients[name] * direction).sum()
            assert abs((found.gradients[name] * direction).sum() - slope) <= 1e-11 * max(1, size), name


def close(found: Any, expected: Any, name: str = "") -> None:
    """Equal but for rounding, against the largest entry."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, name
    hidden = np.isneginf(expected)  # of masked scores
    np.testing.assert_array_equal(np.isneginf(found), hidden)
    found, expected = np.where(hidden, 0, found), np.where(hidden, 0, expected)
    assert np.abs(found - expected).max() <= 1e-11 * max(1.0, np.abs(expected).max()), name


def refused(
    operation: str, inputs: Mapping[str, Any], attributes: Mapping[str, Any] | None = None, **asked: Any
) -> list[tuple[tuple[str | int, ...], str, str, str]]:
    """Return path, message, expected and received of each error of a question."""
    try:
        plan(operation, inputs, attributes, **asked)
    except QuestionErrors as caught:
        return [(one.path, one.message, one.expected, one.received) for one in caught.errors]
    raise AssertionError("nothing was refused")
