"""Record PyTorch's normalizations: `python -m tests.oracles.record_normalizations` (needs the extra
`reference`). Each gradient is of the output's product with weights that count 1, 2, 3, ... modulo 7.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import Array, Case
from tests.oracles.normalizations import COUNTS, DIFFERENTIATED, normalization
from tests.oracles.record_layers import upstream
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("normalizations.npz")


def reference(question: Case) -> tuple[Array, tuple[int, ...]]:
    """Return the output, the gradients of all differentiable inputs and the running statistics, in a row."""
    tensors: dict[str, Any] = {name: torch.tensor(array) for name, array in question.inputs.items()}
    for name in DIFFERENTIATED:
        if name in tensors:
            tensors[name].requires_grad_()
    run = _rows if question.operation in ("layer_norm", "rms_norm") else _channels
    output = run(question.operation, tensors, dict(question.attributes))
    output.backward(torch.tensor(upstream(tuple(output.shape))))
    found = [output.detach(), *(tensors[name].grad for name in DIFFERENTIATED if name in tensors)]
    if question.attributes.get("training", True) and "running_mean" in tensors:
        found += [tensors["running_mean"], tensors["running_variance"]]
    return np.concatenate([one.numpy().ravel() for one in found]), tuple(output.shape)


def _rows(name: str, tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    x, gain, bias = tensors["x"], tensors.get("gain"), tensors.get("bias")
    given = settings.get("axes", tuple(range(settings.get("axis", -1), 0)))
    axes = sorted(one % x.ndim for one in ((given,) if isinstance(given, int) else given))
    last = tuple(range(-len(axes), 0))
    moved = x.movedim(axes, last)
    shape, epsilon = moved.shape[-len(axes) :], settings.get("epsilon", 1e-5)
    if gain is None:  # PyTorch's backward pass fails for a bias alone
        gain = torch.ones(shape, dtype=x.dtype)
    if name == "layer_norm":
        found = F.layer_norm(moved, shape, gain, bias, epsilon)
    else:
        found = F.rms_norm(moved, shape, gain, epsilon)
        found = found if bias is None else found + bias
    return found.movedim(last, axes)


def _channels(name: str, tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    x, gain, bias = tensors["x"], tensors.get("gain"), tensors.get("bias")
    axis, epsilon = settings.get("channel_axis", 1), settings.get("epsilon", 1e-5)
    if gain is None:
        gain = torch.ones(x.shape[axis], dtype=x.dtype)
    if axis == 0:
        x = x[None]
    elif axis == -1:
        x = x.movedim(-1, 1)
    if name == "group_norm":
        found = F.group_norm(x, settings["groups"], gain, bias, epsilon)
    elif name == "instance_norm":
        found = F.instance_norm(x, weight=gain, bias=bias, eps=epsilon)
    else:
        found = F.batch_norm(
            x, tensors.get("running_mean"), tensors.get("running_variance"), gain, bias,
            settings.get("training", True), settings.get("momentum", 0.1), epsilon,
        )  # fmt: skip
    if axis == 0:
        return found[0]
    return found.movedim(1, -1) if axis == -1 else found


def main() -> None:
    found = [reference(normalization(kind, seed)) for kind, count in COUNTS.items() for seed in range(count)]
    first = [normalization(kind, 0).inputs for kind in COUNTS]
    save(FILE, [numbers for numbers, _ in found], sums(first))


if __name__ == "__main__":
    main()
