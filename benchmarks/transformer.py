"""Transformer layers and the Vision Transformer, forward with all gradients, beside PyTorch's own modules.

`python -m benchmarks.transformer` (needs the extra `reference`), in float64 with the same number of threads.
Workings returns every named value, every gradient and every contribution; PyTorch the output and gradients of
weights and input.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import THREADS
from benchmarks.attention import ratio, times
from compute.operations import CATALOGUE
from compute.operations.state_dicts import pieces
from compute.questions import Asked, prepare
from compute.value import Tensor
from service.memory import keep_freed_memory
from service.settings import Settings


def weights(operation: str, module: torch.nn.Module) -> dict[str, Any]:
    """A module's weights by our names."""
    state = {name: one.detach().numpy() for name, one in module.state_dict().items()}
    found = pieces(CATALOGUE[operation], {name: one.shape for name, one in state.items()})
    return {one.name: np.ascontiguousarray(one.of(state[one.source])) for one in found}


def ours(
    operation: str,
    inputs: dict[str, Any],
    settings: dict[str, Any],
    g: Any,
    select: tuple[str, ...] | None = None,
) -> Callable[[], Any]:
    shapes = tuple((name, Tensor(one.shape)) for name, one in inputs.items())
    asked = Asked(
        operation, tuple(settings.items()), shapes, upstream=(("output", Tensor(g.shape)),), select=select
    )
    prepared = prepare(asked)
    return lambda: prepared.answer(inputs, {}, {"output": g})


def theirs(module: torch.nn.Module, x: Any, g: Any) -> Callable[[], Any]:
    leaf, upstream = torch.tensor(x, requires_grad=True), torch.tensor(g)

    def run() -> Any:
        module.zero_grad()
        leaf.grad = None
        output = module(leaf)
        output.backward(upstream)
        return output

    return run


def compared(label: str, contenders: dict[str, Callable[[], Any]], rounds: int) -> None:
    mine, other = contenders["workings"]().values["output"], contenders["PyTorch"]().detach().numpy()
    np.testing.assert_allclose(mine, other.reshape(mine.shape), rtol=1e-9, atol=1e-11)
    spent = times(contenders, rounds)
    print(
        f"{label}: {ratio(spent, 'PyTorch')} of PyTorch's {statistics.median(spent['PyTorch']) * 1e3:.1f} ms"
    )


def layer(rounds: int, activation: str, *, pre: bool) -> None:
    n, d, heads = 128, 256, 8
    module = torch.nn.TransformerEncoderLayer(
        d, heads, 4 * d, 0.0, activation, batch_first=True, norm_first=pre, dtype=torch.float64
    )
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, n, d))
    inputs = {"x": x, **weights("encoder_layer", module)}
    settings = {"heads": heads, "activation": activation, "norm_placement": "pre" if pre else "post"}
    contenders = {
        "workings": ours("encoder_layer", inputs, settings, g),
        "PyTorch": theirs(module, x[None], g[None]),
    }
    compared(f"encoder layer, {activation}, {settings['norm_placement']}-norm", contenders, rounds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    keep_freed_memory(Settings().kept_bytes)  # as the service does; PyTorch has the same of it
    for activation in ("relu", "gelu"):
        for pre in (False, True):
            layer(rounds, activation, pre=pre)


if __name__ == "__main__":
    main()
