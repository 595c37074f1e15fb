"""Reproducible random convolutions and poolings, whose answers were recorded from PyTorch."""

from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

CONV, TRANSPOSED, MAXIMUM, AVERAGE, NORM, UNPOOL = range(6)
COUNTS = {CONV: 220, TRANSPOSED: 120, MAXIMUM: 110, AVERAGE: 90, NORM: 60, UNPOOL: 20}


def layer(kind: int, seed: int) -> Case:
    rng = np.random.default_rng([100 + kind, seed])
    plane = bool(rng.random() < 0.65) or kind == UNPOOL
    return {
        CONV: _convolution, TRANSPOSED: _transposed, MAXIMUM: _maximum, AVERAGE: _average, NORM: _norm,
        UNPOOL: _unpool,
    }[kind](rng, plane)  # fmt: skip


def _sizes(rng: np.random.Generator, plane: bool, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(one) for one in rng.integers(low, high, 2 if plane else 1))


def _setting(rng: np.random.Generator, plane: bool, low: int, high: int) -> Any:
    """Return a number, or for two axes perhaps one per axis."""
    first, second = (int(one) for one in rng.integers(low, high, 2))
    return (first, second) if plane and rng.random() < 0.5 else first


def _padding(rng: np.random.Generator, plane: bool, most: int) -> Any:
    left, right, top, bottom = (int(size) for size in rng.integers(0, most + 1, 4))
    form = rng.integers(4)
    if form == 0:
        return 0
    if form == 1 or (form == 2 and not plane):
        return left
    if form == 2:
        return (left, right)
    return ((left, right), (top, bottom)) if plane else (left, right)


def _axes(rng: np.random.Generator) -> tuple[bool, bool, bool]:
    """Return whether there are channels, a batch and filters."""
    channels = bool(rng.random() < 0.85)
    return channels, channels and bool(rng.random() < 0.6), channels and bool(rng.random() < 0.8)


def _convolution(rng: np.random.Generator, plane: bool) -> Case:
    channels, batch, filters = _axes(rng)
    groups = int(rng.integers(1, 4)) if filters else 1
    depth, each, samples = (int(one) for one in rng.integers(1, 4, 3))
    window, sizes = _sizes(rng, plane, 1, 4), _sizes(rng, plane, 7, 12)
    settings: dict[str, Any] = {"dilation": _setting(rng, plane, 1, 3), "groups": groups}
    if rng.random() < 0.25:
        settings["padding"] = "same"
    else:
        settings |= {"padding": _padding(rng, plane, 3), "stride": _setting(rng, plane, 1, 4)}
    if rng.random() < 0.3:
        settings["mode"] = "convolution"
    x = rng.standard_normal((samples, groups * depth, *sizes))
    kernel = rng.standard_normal((groups * each if filters else 1, depth, *window))
    inputs: dict[str, Array] = {"x": x, "kernel": kernel}
    if rng.random() < 0.6:
        inputs["bias"] = rng.standard_normal(len(kernel))
    return _drop_axes("conv", inputs, settings, plane, (channels, batch, filters))


def _transposed(rng: np.random.Generator, plane: bool) -> Case:
    channels, batch, filters = _axes(rng)
    groups = int(rng.integers(1, 4)) if filters else 1
    depth, each, samples = (int(one) for one in rng.integers(1, 4, 3))
    window, sizes = _sizes(rng, plane, 1, 4), _sizes(rng, plane, 4, 7)
    stride = _setting(rng, plane, 1, 4)
    least = min(stride) if isinstance(stride, tuple) else stride
    settings: dict[str, Any] = {
        "dilation": _setting(rng, plane, 1, 3),
        "groups": groups,
        "stride": stride,
        "padding": _setting(rng, plane, 0, 2) if plane else int(rng.integers(0, 2)),
        "output_padding": int(rng.integers(0, least)),
    }
    x = rng.standard_normal((samples, groups * depth if channels else 1, *sizes))
    kernel = rng.standard_normal((x.shape[1], each if filters else 1, *window))
    inputs: dict[str, Array] = {"x": x, "kernel": kernel}
    if rng.random() < 0.6:
        inputs["bias"] = rng.standard_normal(groups * each if filters else 1)
    return _drop_axes("conv_transpose", inputs, settings, plane, (channels, batch, filters))


def _drop_axes(
    name: str, inputs: dict[str, Array], settings: dict[str, Any], plane: bool, axes: tuple[bool, bool, bool]
) -> Case:
    """Return the case without the axes that it is to omit."""
    channels, batch, filters = axes
    x, kernel = inputs["x"], inputs["kernel"]
    if not batch:
        inputs["x"] = x[0] if channels else x[0, 0]
    if not filters:
        lead = kernel[:, 0] if name == "conv_transpose" else kernel[0]
        inputs["kernel"] = lead if channels else lead[0]
        if "bias" in inputs:
            inputs["bias"] = inputs["bias"][0]
    return Case(f"{name}{'2d' if plane else '1d'}", inputs, settings, np.zeros(0))


def _windows(rng: np.random.Generator, plane: bool, *, dilated: bool) -> tuple[Array, dict[str, Any]]:
    leading: tuple[int, ...] = tuple(int(one) for one in rng.integers(1, 4, rng.integers(0, 3)))
    settings: dict[str, Any] = {"size": _setting(rng, plane, 2, 4), "ceil_mode": bool(rng.random() < 0.4)}
    if rng.random() < 0.7:
        settings["stride"] = _setting(rng, plane, 1, 4)
    if rng.random() < 0.6:
        settings["padding"] = 1
    if dilated and rng.random() < 0.4:
        settings["dilation"] = _setting(rng, plane, 1, 3)
    return rng.standard_normal((*leading, *_sizes(rng, plane, 6, 11))), settings


def _maximum(rng: np.random.Generator, plane: bool) -> Case:
    x, settings = _windows(rng, plane, dilated=True)
    return Case(f"max_pool{'2d' if plane else '1d'}", {"x": x}, settings, np.zeros(0))


def _average(rng: np.random.Generator, plane: bool) -> Case:
    x, settings = _windows(rng, plane, dilated=False)
    settings["count_include_pad"] = bool(rng.random() < 0.5)
    if rng.random() < 0.1:
        settings = {"count_include_pad": True}  # the whole input
    return Case(f"average_pool{'2d' if plane else '1d'}", {"x": x}, settings, np.zeros(0))


def _norm(rng: np.random.Generator, plane: bool) -> Case:
    x, settings = _windows(rng, plane, dilated=False)
    settings["p"] = [1, 2, 3, 1.5][rng.integers(4)]
    return Case(f"lp_pool{'2d' if plane else '1d'}", {"x": x}, settings, np.zeros(0))


def _unpool(rng: np.random.Generator, plane: bool) -> Case:
    leading: tuple[int, ...] = tuple(int(one) for one in rng.integers(1, 4, rng.integers(0, 3)))
    rows, columns = (int(one) for one in rng.integers(1, 4, 2))
    plane_size = 4 * rows * columns
    places = np.stack([rng.permutation(plane_size)[: rows * columns] for _ in range(int(np.prod(leading)))])
    shape = (*leading, rows, columns)
    inputs = {"x": rng.standard_normal(shape), "winners": places.reshape(shape).astype(float)}
    return Case("max_unpool2d", inputs, {}, np.zeros(0))
