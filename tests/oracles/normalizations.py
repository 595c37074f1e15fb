"""Reproducible random normalizations, whose answers were recorded from PyTorch."""

from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

LAYER, RMS, BATCH, GROUP, INSTANCE = range(5)
COUNTS = {LAYER: 40, RMS: 40, BATCH: 60, GROUP: 40, INSTANCE: 40}
DIFFERENTIATED = ("x", "gain", "bias")
UPDATED = ("new_running_mean", "new_running_variance")


def normalization(kind: int, seed: int) -> Case:
    rng = np.random.default_rng([300 + kind, seed])
    draw = {LAYER: _layer, RMS: _layer, BATCH: _batch, GROUP: _group, INSTANCE: _instance}[kind]
    name, inputs, settings = draw(rng, kind)
    if rng.random() < 0.7:
        settings["epsilon"] = float(rng.choice([1e-5, 1e-3, 1e-12, 0.5]))
    return Case(name, inputs, settings, np.zeros(0))


def _draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return entries with a random scale and mean."""
    found: Array = rng.standard_normal(shape) * rng.choice([0.1, 1, 30]) + rng.choice([0, -2, 10])
    return found


def _sizes(rng: np.random.Generator, count: int, low: int = 1, high: int = 5) -> tuple[int, ...]:
    return tuple(int(one) for one in rng.integers(low, high, count))


def _parameters(rng: np.random.Generator, inputs: dict[str, Array], shape: tuple[int, ...]) -> None:
    for name in ("gain", "bias"):
        if rng.random() < 0.75:
            inputs[name] = rng.standard_normal(shape)


def _layer(rng: np.random.Generator, kind: int) -> tuple[str, dict[str, Array], dict[str, Any]]:
    rank = int(rng.integers(1, 5))
    shape = _sizes(rng, rank, 2, 6)
    settings: dict[str, Any] = {}
    axes: tuple[int, ...] = (-1,)
    form = rng.integers(3)
    if form == 1:
        settings["axis"] = -int(rng.integers(1, rank + 1))
        axes = tuple(range(settings["axis"], 0))
    elif form == 2:
        axes = tuple(int(one) for one in sorted(rng.permutation(rank)[: rng.integers(1, rank + 1)]))
        settings["axes"] = axes[0] if len(axes) == 1 and rng.random() < 0.5 else axes[::-1]
    inputs = {"x": _draw(rng, shape)}
    _parameters(rng, inputs, tuple(shape[axis] for axis in axes))
    return "layer_norm" if kind == LAYER else "rms_norm", inputs, settings


def _channels(rng: np.random.Generator, positions: int) -> tuple[Array, int, dict[str, Any]]:
    """Return batch, channels and positions, sometimes with channels last."""
    x = _draw(rng, (*_sizes(rng, 2, 2, 7), *_sizes(rng, positions, 2, 5)))
    channels, settings = x.shape[1], {}
    if rng.random() < 0.25:
        x, settings = np.moveaxis(x, 1, -1).copy(), {"channel_axis": -1}
    return x, channels, settings


def _batch(rng: np.random.Generator, _: int) -> tuple[str, dict[str, Array], dict[str, Any]]:
    x, channels, settings = _channels(rng, int(rng.integers(0, 4)))
    inputs = {"x": x}
    _parameters(rng, inputs, (channels,))
    inference = bool(rng.random() < 0.3)
    if inference or rng.random() < 0.7:
        inputs["running_mean"] = rng.standard_normal(channels)
        inputs["running_variance"] = rng.uniform(0.1, 3, channels)
    if inference:
        settings["training"] = False
    elif rng.random() < 0.6:
        settings["momentum"] = float(rng.choice([0, 0.01, 0.3, 1]))
    return "batch_norm", inputs, settings


def _group(rng: np.random.Generator, _: int) -> tuple[str, dict[str, Array], dict[str, Any]]:
    groups, each, batch = _sizes(rng, 3, 1, 4)
    positions = _sizes(rng, int(rng.integers(0, 4)), 2, 5)
    each += not positions  # a row of one entry has no gradient to test
    x = _draw(rng, (batch, groups * each, *positions))
    settings: dict[str, Any] = {"groups": groups}
    if rng.random() < 0.25:
        x = np.moveaxis(x, 1, -1).copy()
        settings["channel_axis"] = -1
    inputs = {"x": x}
    _parameters(rng, inputs, (groups * each,))
    return "group_norm", inputs, settings


def _instance(rng: np.random.Generator, _: int) -> tuple[str, dict[str, Array], dict[str, Any]]:
    x, channels, settings = _channels(rng, int(rng.integers(1, 4)))
    if not settings and rng.random() < 0.3:
        x, settings = x[0], {"channel_axis": 0}
    inputs = {"x": x}
    _parameters(rng, inputs, (channels,))
    return "instance_norm", inputs, settings
