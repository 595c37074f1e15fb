"""Recurrent layers, forward with all gradients, against PyTorch's own modules.

`python -m benchmarks.recurrent` (needs the extra `reference`), in float64 with the same number of threads.
Workings twice: with the output and all gradients returned, and with every value of every step and the parts
of every gradient.
"""

import argparse
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import THREADS
from benchmarks.attention import ratio, times
from compute.graph.spec import Tensor
from compute.question.plan import Question, prepare

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
WEIGHTS = ("w_x", "w_h", "b", "b_h")


def tensors(kind: str, batch: int, steps: int, units: int) -> dict[str, Any]:
    rng, gates = np.random.default_rng(0), GATES[kind]
    shapes = {
        "x": (batch, steps, units), "w_x": (units, gates * units), "w_h": (units, gates * units),
        "b": (gates * units,), "b_h": (gates * units,),
    }  # fmt: skip
    return {name: rng.standard_normal(shape) / np.sqrt(units) for name, shape in shapes.items()}


def ours(kind: str, inputs: dict[str, Any], g: Any, *, everything: bool = False) -> Callable[[], Any]:
    shapes = tuple((name, Tensor(one.shape)) for name, one in inputs.items())
    select = None if everything else ("output", *inputs)
    prepared = prepare(Question(kind, (), shapes, upstream=(("output", Tensor(g.shape)),), select=select))
    return lambda: prepared.answer(inputs, {}, {"output": g})


def theirs(kind: str, inputs: dict[str, Any], g: Any) -> Callable[[], Any]:
    units = g.shape[-1]
    module: Any = MODULES[kind](inputs["x"].shape[-1], units, batch_first=True, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    with torch.no_grad():
        for name, other in zip(names, WEIGHTS, strict=True):
            getattr(module, name).copy_(torch.tensor(inputs[other].T))
    x, upstream = torch.tensor(inputs["x"], requires_grad=True), torch.tensor(g)

    def run() -> Any:
        module.zero_grad()
        x.grad = None
        output, _ = module(x)
        output.backward(upstream)
        return output

    return run


def peak(call: Callable[[], Any]) -> float:
    """Return the peak memory that Python allocates, in MiB."""
    tracemalloc.start()
    call()
    held = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return held


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    for kind in GATES:
        for batch in (1, 32):
            inputs = tensors(kind, batch, 128, 64)
            g = np.random.default_rng(1).standard_normal((batch, 128, 64))
            contenders = {"workings": ours(kind, inputs, g), "PyTorch": theirs(kind, inputs, g)}
            found = contenders["workings"]().values["output"]
            np.testing.assert_allclose(found, contenders["PyTorch"]().detach().numpy(), atol=1e-12)
            told = ratio(times(contenders, rounds), "PyTorch")
            contenders["workings"] = ours(kind, inputs, g, everything=True)
            everything = ratio(times(contenders, max(3, rounds // 10)), "PyTorch")
            print(f"{kind}, 128 steps, 64 units, batch {batch}: {told}; every step named {everything}")
    for steps in (128, 1024):
        inputs, g = tensors("lstm", 1, steps, 64), np.ones((1, steps, 64))
        held = [peak(ours("lstm", inputs, g, everything=one)) for one in (False, True)]
        print(f"lstm, {steps} steps: {held[0]:.1f} MiB for the output, {held[1]:.1f} MiB for every step")


if __name__ == "__main__":
    main()
