"""Transformer layers and the Vision Transformer, forward with all gradients, against PyTorch's own modules.

`python -m benchmarks.transformer` (needs the extra `reference`), in float64 with the same number of threads.
Workings returns every named value, gradient and contribution; PyTorch the output and the gradients of weights
and input.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import THREADS
from benchmarks.attention import ratio, times
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import find_pieces
from compute.question.plan import Question, prepare
from service.settings import Settings
from service.workers.memory import keep_freed_memory
from tests.oracles.record_vision import Torchvision
from tests.oracles.vision import TORCHVISION, Vision


def weights(operation: str, module: torch.nn.Module) -> dict[str, Any]:
    """Return a module's weights by our names."""
    state = {name: one.detach().numpy() for name, one in module.state_dict().items()}
    found = find_pieces(CATALOGUE[operation], {name: one.shape for name, one in state.items()})
    return {one.name: np.ascontiguousarray(one.extract(state[one.source])) for one in found}


def ours(
    operation: str,
    inputs: dict[str, Any],
    settings: dict[str, Any],
    g: Any,
    select: tuple[str, ...] | None = None,
) -> Callable[[], Any]:
    shapes = tuple((name, Tensor(one.shape)) for name, one in inputs.items())
    asked = Question(
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


def compare(label: str, contenders: dict[str, Callable[[], Any]], rounds: int) -> None:
    values, other = contenders["workings"]().values, contenders["PyTorch"]().detach().numpy()
    mine = values.get("output", values.get("logits"))
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
    compare(f"encoder layer, {activation}, {settings['norm_placement']}-norm", contenders, rounds)


def image_state(image: tuple[int, int, int], patch: int, d: int, layers: int, classes: int) -> dict[str, Any]:
    """Return random weights of torchvision's vision transformer, by its names."""
    rng = np.random.default_rng(0)
    tokens = (image[1] // patch) * (image[2] // patch) + 1
    shapes: dict[str, tuple[int, ...]] = {
        "class_token": (1, 1, d), "conv_proj.weight": (d, image[0], patch, patch), "conv_proj.bias": (d,),
        "encoder.pos_embedding": (1, tokens, d), "encoder.ln.weight": (d,), "encoder.ln.bias": (d,),
        "heads.head.weight": (classes, d), "heads.head.bias": (classes,),
    }  # fmt: skip
    for at in range(layers):
        layer = f"encoder.layers.encoder_layer_{at}."
        shapes |= {f"{layer}{norm}.{one}": (d,) for norm in ("ln_1", "ln_2") for one in ("weight", "bias")}
        shapes |= {
            f"{layer}self_attention.in_proj_weight": (3 * d, d),
            f"{layer}self_attention.in_proj_bias": (3 * d,),
            f"{layer}self_attention.out_proj.weight": (d, d), f"{layer}self_attention.out_proj.bias": (d,),
            f"{layer}mlp.0.weight": (4 * d, d), f"{layer}mlp.0.bias": (4 * d,),
            f"{layer}mlp.3.weight": (d, 4 * d), f"{layer}mlp.3.bias": (d,),
        }  # fmt: skip
    return {name: rng.standard_normal(shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()}


def vision(rounds: int, samples: int) -> None:
    image, heads, classes = (3, 64, 64), 4, 10
    posed = Vision(TORCHVISION, image_state(image, 8, 128, 4, classes), np.zeros((1, *image)), heads)
    module = Torchvision(posed).to(torch.float64)
    module.load_state_dict({name: torch.tensor(one) for name, one in posed.state.items()})
    rng = np.random.default_rng(1)
    x, g = rng.standard_normal((samples, *image)), rng.standard_normal((samples, classes))
    inputs = {"x": x, **weights("vision_transformer", module)}
    contenders = {
        "workings": ours("vision_transformer", inputs, {"heads": heads}, g),
        "PyTorch": theirs(module, x, g),
    }
    compare(f"vision transformer, 4 layers, {samples} of 3x64x64", contenders, rounds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(int(THREADS))
    keep_freed_memory(Settings().kept_bytes)  # as the service does; PyTorch benefits alike
    for activation in ("relu", "gelu"):
        for pre in (False, True):
            layer(rounds, activation, pre=pre)
    for samples in (1, 8):
        vision(rounds, samples)


if __name__ == "__main__":
    main()
