"""Record PyTorch's recurrent layers: `python -m tests.oracles.record_recurrent` (with extra `reference`).

Each gradient is of the output's and the last states' products with weights that count 1, 2, 3, ... modulo 7.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.oracles.cases import Array, Case
from tests.oracles.recording import save, sums
from tests.oracles.recurrent import COUNT, KINDS, STATES, recurrent, upstream

FILE = Path(__file__).with_name("recurrent.npz")
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def reference(question: Case) -> Array:
    """Return the output, the last states, then the gradients of all differentiable inputs, as one row."""
    torch.set_default_dtype(torch.float64)
    settings, inputs = question.attributes, question.inputs
    layers, ways = settings["layers"], 2 if settings["direction"] == "both" else 1
    tensors: dict[str, Any] = {
        name: torch.tensor(one, requires_grad=name != "lengths") for name, one in inputs.items()
    }
    x = tensors["x"]
    batched = x if x.ndim == 3 else x.unsqueeze(0)
    units = inputs["w_h"].shape[-2 if settings["weights"] == "in_out" else -1]
    more = {"nonlinearity": settings["activation"]} if question.operation == "rnn" else {}
    module = MODULES[question.operation](
        x.shape[-1], units, layers, bias="b" in inputs, batch_first=True, bidirectional=ways == 2, **more
    )
    weights = {
        f"{name}_l{layer}{'_reverse' * way}": one
        for layer in range(layers)
        for way in range(ways)
        for name, one in _of(tensors, settings["weights"] == "in_out", layer, way, layers, ways).items()
    }
    start = _states(question, tensors, layers, ways, batched.shape[0], units)
    lengths = tensors.get("lengths")
    fed: Any = batched
    if lengths is not None:
        fed = pack_padded_sequence(batched, lengths.long(), batch_first=True, enforce_sorted=False)
    found, last = torch.func.functional_call(module, weights, (fed, start))
    if lengths is not None:
        found, _ = pad_packed_sequence(found, batch_first=True, total_length=x.shape[-2])
    finals = last if isinstance(last, tuple) else (last,)
    shape = (*x.shape[:-2], *(layers,) * (layers > 1), *(ways,) * (ways > 1), units)
    results = [
        found.reshape(*x.shape[:-1], ways * units),
        *(one.transpose(0, 1).reshape(shape) for one in finals),
    ]
    total = sum((one * torch.tensor(upstream(tuple(one.shape)))).sum() for one in results)
    total.backward()
    gradients = [tensors[name].grad for name in inputs if name != "lengths"]
    zeros = [torch.zeros_like(tensors[name]) for name in inputs if name != "lengths"]
    filled = [zero if one is None else one for one, zero in zip(gradients, zeros, strict=True)]
    return np.concatenate([one.detach().numpy().ravel() for one in (*results, *filled)])


def _of(tensors: Any, turn: bool, layer: int, way: int, layers: int, ways: int) -> dict[str, Any]:
    at = (layer,) * (layers > 1) + (way,) * (ways > 1)
    w_x = tensors["w_x"] if layer == 0 else tensors["w_x_upper"][layer - 1]
    w_x, w_h = (w_x[way] if ways > 1 else w_x), tensors["w_h"][at]
    found = {"weight_ih": w_x.T if turn else w_x, "weight_hh": w_h.T if turn else w_h}
    if "b" in tensors:
        found |= {"bias_ih": tensors["b"][at], "bias_hh": tensors["b_h"][at]}
    return found


def _states(question: Case, tensors: Any, layers: int, ways: int, batch: int, units: int) -> Any:
    if "h_0" not in tensors:
        return None
    names = ("h_0", "c_0")[: len(STATES[question.operation])]
    shaped = [tensors[name].reshape(batch, layers * ways, units).transpose(0, 1) for name in names]
    return tuple(shaped) if len(shaped) > 1 else shaped[0]


def main() -> None:
    found = [reference(recurrent(kind, seed)) for kind in KINDS for seed in range(COUNT)]
    first = [recurrent(kind, 0).inputs for kind in KINDS]
    save(FILE, found, sums(first))


if __name__ == "__main__":
    main()
