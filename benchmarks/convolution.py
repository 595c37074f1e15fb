"""Convolution and max pooling, forward with all gradients, against PyTorch.

`python -m benchmarks.convolution` (needs the extra `reference`). The contenders take turns in one run with
the same number of threads, in float64. The im2col columns are not requested; memory is NumPy's peak.
"""

import argparse
import statistics
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from benchmarks import THREADS
from benchmarks.attention import peak, ratio, times
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare


def question(operation: str, inputs: dict[str, Any], settings: dict[str, Any], upstream: Any) -> Any:
    return prepare(
        Question(
            operation,
            tuple(settings.items()),
            tuple((name, Tensor(one.shape)) for name, one in inputs.items()),
            upstream=(("output", Tensor(upstream.shape)),),
            select=("output", *inputs),
        )
    )


def convolution(
    shape: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int, rounds: int
) -> None:
    rng = np.random.default_rng(1)
    inputs = {"x": rng.standard_normal(shape), "kernel": rng.standard_normal(kernel)}
    x, k = (torch.tensor(one) for one in inputs.values())
    output = F.conv2d(x, k, stride=stride, padding=padding)
    upstream = {"output": rng.standard_normal(tuple(output.shape))}
    g = torch.tensor(upstream["output"])
    asked = question("conv2d", inputs, {"stride": stride, "padding": padding}, upstream["output"])

    def ours() -> Any:
        return asked.answer(inputs, {}, upstream)

    def theirs() -> Any:
        leaves = [one.detach().requires_grad_() for one in (x, k)]
        found: Any = F.conv2d(leaves[0], leaves[1], stride=stride, padding=padding)
        found.backward(g)
        return [one.grad for one in leaves]

    for mine, other in zip(("x", "kernel"), theirs(), strict=True):
        np.testing.assert_allclose(ours().gradients[mine], other.numpy(), rtol=1e-9, atol=1e-9)
    spent = times({"workings": ours, "PyTorch": theirs}, rounds)
    held = sum(one.nbytes for one in (*inputs.values(), *inputs.values(), *upstream.values())) / 2**20
    print(
        f"conv2d {shape}, {kernel}, stride {stride}: {statistics.median(spent['workings']) * 1e3:.1f} ms,"
        f" {peak(ours) - held:.0f} MiB beyond its arrays; over PyTorch {ratio(spent, 'PyTorch')}"
    )


def pooling(shape: tuple[int, ...], size: int, stride: int, rounds: int) -> None:
    rng = np.random.default_rng(2)
    inputs = {"x": rng.standard_normal(shape)}
    x = torch.tensor(inputs["x"])
    upstream = {"output": rng.standard_normal(tuple(F.max_pool2d(x, size, stride).shape))}
    g = torch.tensor(upstream["output"])
    asked = question("max_pool2d", inputs, {"size": size, "stride": stride}, upstream["output"])

    def ours() -> Any:
        return asked.answer(inputs, {}, upstream)

    def theirs() -> Any:
        leaf = x.detach().requires_grad_()
        found: Any = F.max_pool2d(leaf, size, stride)
        found.backward(g)
        return leaf.grad

    np.testing.assert_allclose(ours().gradients["x"], theirs().numpy(), rtol=1e-12, atol=1e-12)
    spent = times({"workings": ours, "PyTorch": theirs}, rounds)
    print(
        f"max_pool2d {shape}, {size} by {size}, stride {stride}:"
        f" {statistics.median(spent['workings']) * 1e3:.1f} ms; over PyTorch {ratio(spent, 'PyTorch')}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    print(f"threads: {THREADS}")
    convolution((8, 16, 32, 32), (32, 16, 3, 3), 1, 1, rounds * 4)
    convolution((1, 64, 112, 112), (64, 64, 3, 3), 1, 1, rounds)
    convolution((1, 3, 224, 224), (64, 3, 7, 7), 2, 3, rounds)
    pooling((64, 112, 112), 3, 1, rounds)
    pooling((64, 112, 112), 2, 2, rounds)


if __name__ == "__main__":
    main()
