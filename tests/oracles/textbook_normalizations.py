"""Normalizations as their papers and ONNX define them, entry by entry, independent of the graph."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.oracles.cases import Array


def rows_of(x: Array, axes: Sequence[int]) -> list[list[tuple[int, ...]]]:
    """Group the indices of x that differ along these axes only."""
    rows: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for at in itertools.product(*map(range, x.shape)):
        rows.setdefault(tuple(one for axis, one in enumerate(at) if axis not in axes), []).append(at)
    return list(rows.values())


def layer_norm(
    x: Array, axes: Sequence[int], gain: Any, bias: Any, epsilon: float, *, centered: bool = True
) -> dict[str, Array]:
    """Return mean, variance, normalized entries and output; gain and bias broadcast to x."""
    scale, shift = np.broadcast_to(gain, x.shape), np.broadcast_to(bias, x.shape)
    normalized, output = np.zeros(x.shape), np.zeros(x.shape)
    means, variances = [], []
    for row in rows_of(x, axes):
        mean = math.fsum(x[at] for at in row) / len(row) if centered else 0.0
        variance = math.fsum((x[at] - mean) ** 2 for at in row) / len(row)
        for at in row:
            normalized[at] = (x[at] - mean) / math.sqrt(variance + epsilon)
            output[at] = normalized[at] * scale[at] + shift[at]
        means.append(mean)
        variances.append(variance)
    left = [size for axis, size in enumerate(x.shape) if axis not in axes]
    return {
        "mean": np.reshape(means, left),
        "variance": np.reshape(variances, left),
        "normalized": normalized,
        "output": output,
    }


def group_norm(x: Array, groups: int, gain: Array, bias: Array, epsilon: float) -> dict[str, Array]:
    """Return group normalization of channels with trailing positions; gain and bias are per channel."""
    batch, channels = x.shape[:2]
    each = channels // groups
    normalized, output = np.zeros(x.shape), np.zeros(x.shape)
    means, variances = np.zeros((batch, groups)), np.zeros((batch, groups))
    for sample, group in itertools.product(range(batch), range(groups)):
        members = range(group * each, (group + 1) * each)
        entries = [float(one) for channel in members for one in x[sample, channel].ravel()]
        mean = math.fsum(entries) / len(entries)
        variance = math.fsum((one - mean) ** 2 for one in entries) / len(entries)
        means[sample, group], variances[sample, group] = mean, variance
        for channel in members:
            here = (x[sample, channel] - mean) / math.sqrt(variance + epsilon)
            normalized[sample, channel], output[sample, channel] = here, here * gain[channel] + bias[channel]
    return {"mean": means, "variance": variances, "normalized": normalized, "output": output}


def onnx_batch_normalization(
    x: Array, scale: Array, b: Array, input_mean: Array, input_var: Array,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> tuple[Array, ...]:  # fmt: skip
    """Return Y, and in training running_mean and running_var, by the operator's published equations."""
    mean, var = np.array(input_mean), np.array(input_var)
    if training_mode:
        for channel in range(x.shape[1]):
            entries = [float(one) for sample in x for one in sample[channel].ravel()]
            mean[channel] = math.fsum(entries) / len(entries)
            var[channel] = math.fsum((one - mean[channel]) ** 2 for one in entries) / len(entries)
    y = np.zeros(x.shape)
    for sample, channel in itertools.product(range(x.shape[0]), range(x.shape[1])):
        deviation = math.sqrt(var[channel] + epsilon)
        y[sample, channel] = (x[sample, channel] - mean[channel]) / deviation * scale[channel] + b[channel]
    if not training_mode:
        return (y,)
    return y, input_mean * momentum + mean * (1 - momentum), input_var * momentum + var * (1 - momentum)
