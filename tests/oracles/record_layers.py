"""Record PyTorch's convolutions and poolings: `python -m tests.oracles.record_layers` (needs the extra
`reference`). Each gradient is of the output's product with weights that count 1, 2, 3, ... modulo 7.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import Array, Case
from tests.oracles.layers import COUNTS, layer
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("layers.npz")
DIFFERENTIATED = ("x", "kernel", "bias")


def upstream(shape: tuple[int, ...]) -> Array:
    """Return upstream gradients of any shape that need no recording."""
    return (np.arange(int(np.prod(shape))) % 7 - 3.0).reshape(shape)


def reference(question: Case) -> tuple[Array, tuple[int, ...]]:
    """Return the output, then the gradients of all differentiable inputs, as one row of numbers."""
    tensors: dict[str, Any] = {name: torch.tensor(array) for name, array in question.inputs.items()}
    for name in DIFFERENTIATED:
        if name in tensors:
            tensors[name].requires_grad_()
    output = _answer(question, tensors)
    output.backward(torch.tensor(upstream(tuple(output.shape))))
    found = [output.detach(), *(tensors[name].grad for name in DIFFERENTIATED if name in tensors)]
    return np.concatenate([one.numpy().ravel() for one in found]), tuple(output.shape)


def _answer(question: Case, tensors: dict[str, Any]) -> Any:
    name, settings = question.operation[:-2], dict(question.attributes)
    plane = 2 if question.operation.endswith("2d") else 1
    if name in ("conv", "conv_transpose"):
        return _convolution(name, tensors, settings, plane)
    if name == "max_unpool":
        x, winners = (
            one.reshape(-1, 1, *one.shape[-2:]) for one in (tensors["x"], tensors["winners"].long())
        )
        found = F.max_unpool2d(x, winners, (2, 2))
        return found.reshape(*tensors["x"].shape[:-2], *found.shape[2:])
    x = tensors["x"]
    flat = x.reshape(-1, 1, *x.shape[x.ndim - plane :])
    size = settings.get("size", tuple(x.shape[x.ndim - plane :]))
    stride, padding = settings.get("stride", size), settings.get("padding", 0)
    ceil = settings.get("ceil_mode", False)
    if name == "max_pool":
        pool = F.max_pool2d if plane == 2 else F.max_pool1d
        found = pool(flat, size, stride, padding, settings.get("dilation", 1), ceil)
    elif name == "average_pool":
        average: Any = F.avg_pool2d if plane == 2 else F.avg_pool1d
        found = average(flat, size, stride, padding, ceil, settings["count_include_pad"])
    else:
        p = settings["p"]
        powers = flat.abs() ** p
        if plane == 1:
            powers, size, stride, padding = powers.unsqueeze(-2), (1, size), (1, stride), (0, padding)
        found = F.avg_pool2d(powers, size, stride, padding, ceil, True, 1) ** (1 / p)
        found = found if plane == 2 else found.squeeze(-2)
    return found.reshape(*x.shape[: x.ndim - plane], *found.shape[2:])


def _convolution(name: str, tensors: dict[str, Any], settings: dict[str, Any], plane: int) -> Any:
    x, kernel, bias = tensors["x"], tensors["kernel"], tensors.get("bias")
    kept, filters = x.ndim - plane, kernel.ndim - plane
    x = x.reshape(*(1,) * (2 - kept), *x.shape)
    if filters == 1 and name == "conv_transpose":
        kernel = kernel.unsqueeze(1)
    kernel = kernel.reshape(*(1,) * (plane + 2 - kernel.ndim), *kernel.shape)
    if bias is not None:
        bias = bias.reshape(-1)
    if settings.pop("mode", "") == "convolution":
        kernel = kernel.flip(tuple(range(-plane, 0)))
    padding = settings.pop("padding", 0)
    if name == "conv":
        if padding != "same":
            x, padding = F.pad(x, _sides(padding, plane)), 0
        found = getattr(F, f"conv{plane}d")(x, kernel, bias, padding=padding, **settings)
    else:
        found = getattr(F, f"conv_transpose{plane}d")(x, kernel, bias, padding=padding, **settings)
    shape = (
        *found.shape[: 1 if kept == 2 else 0],
        *(found.shape[1:2] if filters == 2 else ()),
        *found.shape[2:],
    )
    return found.reshape(shape)


def _sides(padding: Any, plane: int) -> tuple[int, ...]:
    """Return the padding before and after each axis, from the last axis on."""
    if isinstance(padding, int):
        return (padding,) * (2 * plane)
    if plane == 1:
        return tuple(padding)
    pairs = padding if isinstance(padding[0], tuple) else tuple((one, one) for one in padding)
    return (*pairs[1], *pairs[0])


def main() -> None:
    found = [reference(layer(kind, seed)) for kind, count in COUNTS.items() for seed in range(count)]
    first = [layer(kind, 0).inputs for kind in COUNTS]
    save(FILE, [numbers for numbers, _ in found], sums(first))


if __name__ == "__main__":
    main()
