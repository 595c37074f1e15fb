"""Normalizations, forward with all gradients, against PyTorch.

`python -m benchmarks.normalization` (needs the extra `reference`). The contenders take turns in one run with
the same number of threads: for the output and the gradients of x, gain and bias only, and for every
intermediate value with its gradient too, which PyTorch does not give.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from benchmarks import THREADS
from benchmarks.attention import peak, ratio, times
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare

EPSILON = 1e-5
THEIRS: dict[str, Callable[..., Any]] = {
    "layer_norm": lambda x, gain, bias: F.layer_norm(x, x.shape[-1:], gain, bias, EPSILON),
    "rms_norm": lambda x, gain: F.rms_norm(x, x.shape[-1:], gain, EPSILON),
    "batch_norm": lambda x, gain, bias: F.batch_norm(x, None, None, gain, bias, True, 0.1, EPSILON),
    "group_norm": lambda x, gain, bias: F.group_norm(x, 8, gain, bias, EPSILON),
    "instance_norm": lambda x, gain, bias: F.instance_norm(x, weight=gain, bias=bias, eps=EPSILON),
}


def compare(operation: str, shape: tuple[int, ...], arithmetic: str, rounds: int) -> None:
    rng = np.random.default_rng(1)
    features = shape[-1] if operation in ("layer_norm", "rms_norm") else shape[1]
    names = ("x", "gain") if operation == "rms_norm" else ("x", "gain", "bias")
    sizes = {"x": shape, "gain": (features,), "bias": (features,)}
    inputs = {name: rng.standard_normal(sizes[name]).astype(arithmetic) for name in names}
    upstream = {"output": rng.standard_normal(shape).astype(arithmetic)}
    tensors, g = [torch.tensor(one) for one in inputs.values()], torch.tensor(upstream["output"])

    def theirs() -> Any:
        leaves = [one.detach().requires_grad_() for one in tensors]
        output = THEIRS[operation](*leaves)
        output.backward(g)
        return [output.detach(), *(one.grad for one in leaves)]

    for words, select in (("output and gradients", ("output", *names)), ("every value and gradient", None)):
        asked = prepare(
            Question(
                operation,
                (("groups", 8),) if operation == "group_norm" else (),
                tuple((name, Tensor(one.shape)) for name, one in inputs.items()),
                upstream=(("output", Tensor(shape)),),
                select=select,
                arithmetic=arithmetic,
            )
        )

        def ours(asked: Any = asked) -> Any:
            return asked.answer(inputs, {}, upstream)

        found = ours()
        close = 1e-9 if arithmetic == "float64" else 1e-3
        for mine, other in zip((found.values["output"], *(found.gradients[one] for one in names)), theirs(),
                               strict=True):  # fmt: skip
            np.testing.assert_allclose(mine, other.numpy(), rtol=close, atol=close)
        spent = times({"workings": ours, "PyTorch": theirs}, rounds)
        median = statistics.median(spent["workings"]) * 1e3
        print(
            f"{operation} {shape}, {arithmetic}, {words}: {median:.2f} ms,"
            f" {peak(ours):.0f} MiB; over PyTorch {ratio(spent, 'PyTorch')}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    print(f"threads: {THREADS}")
    for arithmetic in ("float64", "float32"):
        compare("layer_norm", (512, 1024), arithmetic, rounds)
        compare("rms_norm", (512, 1024), arithmetic, rounds)
    compare("layer_norm", (8, 512, 768), "float64", rounds // 2)
    compare("layer_norm", (4096, 64), "float64", rounds)
    compare("batch_norm", (512, 1024), "float64", rounds)
    compare("batch_norm", (32, 64, 16, 16), "float64", rounds)
    compare("group_norm", (32, 64, 16, 16), "float64", rounds)
    compare("instance_norm", (32, 64, 16, 16), "float64", rounds)


if __name__ == "__main__":
    main()
