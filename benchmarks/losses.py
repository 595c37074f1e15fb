"""Losses, cross entropy above all, forward with the gradient, against PyTorch.

`python -m benchmarks.losses` (needs the extra `reference`). The contenders take turns in one run with the
same number of threads, in float64. Only the output and the gradient of the prediction are requested, and once
with every step.
"""

import argparse
import statistics
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from benchmarks import THREADS
from benchmarks.attention import ratio, times
from benchmarks.convolution import question
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare

ONE = {"output": np.array(1.0)}


def compare(title: str, asked: Any, inputs: dict[str, Any], name: str, theirs: Any, rounds: int) -> None:
    """Time one loss after checking that results agree. theirs: PyTorch's loss of a leaf tensor."""
    leaf = torch.tensor(inputs[name])

    def reference() -> Any:
        found = leaf.detach().requires_grad_()
        theirs(found).backward()
        return found.grad

    def ours() -> Any:
        return asked.answer(inputs, {}, ONE)

    np.testing.assert_allclose(ours().gradients[name], reference().numpy(), rtol=1e-9, atol=1e-12)
    spent = times({"workings": ours, "PyTorch": reference}, rounds)
    print(
        f"{title}: {statistics.median(spent['workings']) * 1e3:.2f} ms;"
        f" over PyTorch {ratio(spent, 'PyTorch')}"
    )


def everything(operation: str, inputs: dict[str, Any]) -> Any:
    shapes = tuple((name, Tensor(one.shape)) for name, one in inputs.items())
    return prepare(Question(operation, inputs=shapes, upstream=(("output", Tensor(())),)))


def cross_entropy(samples: int, classes: int, rounds: int) -> None:
    rng = np.random.default_rng(1)
    logits, places = rng.standard_normal((samples, classes)), rng.integers(0, classes, samples)
    inputs = {"logits": logits, "target": places.astype(float)}
    target = torch.tensor(places)
    title = f"cross_entropy {samples} by {classes}"
    asked = _question("cross_entropy", inputs, "logits")
    compare(title, asked, inputs, "logits", lambda z: F.cross_entropy(z, target), rounds)
    whole = everything("cross_entropy", inputs)
    compare(f"{title}, every step", whole, inputs, "logits", lambda z: F.cross_entropy(z, target), rounds)
    smooth = question("cross_entropy", inputs, {"label_smoothing": 0.1}, ONE["output"])

    def smoothed(z: Any) -> Any:
        return F.cross_entropy(z, target, label_smoothing=0.1)

    compare(f"{title}, smoothed", smooth, inputs, "logits", smoothed, rounds)


def _question(operation: str, inputs: dict[str, Any], name: str) -> Any:
    """Return a question for the output and the gradient of one input."""
    shapes = tuple((key, Tensor(one.shape)) for key, one in inputs.items())
    upstream = (("output", Tensor(())),)
    return prepare(Question(operation, inputs=shapes, upstream=upstream, select=("output", name)))


def entries(count: int, rounds: int) -> None:
    rng = np.random.default_rng(2)
    z, y = rng.standard_normal(count), rng.integers(0, 2, count).astype(float)
    target = torch.tensor(y)
    binary: Any = F.binary_cross_entropy_with_logits
    for operation, name, theirs in (
        ("binary_cross_entropy", "logits", lambda z: binary(z, target)),
        ("mse", "prediction", lambda z: F.mse_loss(z, target)),
        ("huber", "prediction", lambda z: F.huber_loss(z, target)),
    ):
        inputs = {name: z, "target": y}
        asked = _question(operation, inputs, name)
        compare(f"{operation} {count}", asked, inputs, name, theirs, rounds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    print(f"threads: {THREADS}")
    cross_entropy(512, 1024, rounds)
    cross_entropy(64, 10, rounds * 10)
    entries(500_000, rounds)


if __name__ == "__main__":
    main()
