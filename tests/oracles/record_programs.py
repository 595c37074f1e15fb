"""Record PyTorch's functions of tensors: `python -m tests.oracles.record_programs` (needs the extra
`reference`). Each gradient is of the output's product with weights that count 1, 2, 3, ... modulo 7.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import Array, Case
from tests.oracles.programs import COUNTS, FUNCTIONS, INDICES, differentiated, draw_program
from tests.oracles.record_layers import upstream
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("programs.npz")


def reference(name: str, question: Case) -> Array:
    """Return the output, then the gradients of all differentiable inputs, as one row of numbers."""
    tensors: dict[str, Any] = {one: torch.tensor(array) for one, array in question.inputs.items()}
    wanted = differentiated(question)
    for one in wanted:
        tensors[one].requires_grad_()
    if INDICES in tensors:
        tensors[INDICES] = tensors[INDICES].long()
    settings = dict(question.attributes)
    del settings["program"]
    output = _ANSWERS[name](*tensors.values(), **settings)
    output.backward(torch.tensor(upstream(tuple(output.shape))))
    found = [output.detach(), *(tensors[one].grad for one in wanted)]
    return np.concatenate([one.numpy().ravel() for one in found])


def _einsum(*tensors: Any, subscripts: str, operands: str) -> Any:
    return torch.einsum(subscripts, *tensors)


def _pad(x: Any, before: int, after: int, mode: str) -> Any:
    """Pad a matrix; PyTorch starts with the last axis and has modes for images only."""
    name = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return F.pad(x[None, None], (after, before, before, after), name)[0, 0]


def _take(x: Any, i: Any, axis: int) -> Any:
    return torch.index_select(x, axis, i)


def _quantize(x: Any, scale: float, zero_point: int, low: int, high: int) -> Any:
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, low, high)


_ANSWERS: dict[str, Any] = {
    "cumsum": lambda x, axis: torch.cumsum(x, axis),
    "cumprod": lambda x, axis: torch.cumprod(x, axis),
    "prod": lambda x, axis, keepdims: torch.prod(x, axis, keepdims),
    "prod_all": lambda x, axis: torch.prod(x),
    "logsumexp": lambda x, axis, keepdims: torch.logsumexp(x, axis, keepdims),
    "sum": lambda x, axis, keepdims: torch.sum(x, axis, keepdims),
    "mean": lambda x, axis, keepdims: torch.mean(x, axis, keepdims),
    "max": lambda x, axis: torch.amax(x, axis),
    "min": lambda x, axis: torch.amin(x, axis),
    "var": lambda x, axis, ddof, keepdims: torch.var(x, axis, correction=ddof, keepdim=keepdims),
    "std": lambda x, axis, ddof: torch.std(x, axis, correction=ddof),
    "norm": lambda x, axis, p: torch.linalg.vector_norm(x, p, axis),
    "norm_frobenius": lambda x, axis: torch.linalg.norm(x),
    "topk": lambda x, axis, largest, k: torch.topk(x, k, axis, largest)[0],
    "sort": lambda x, axis, descending: torch.sort(x, axis, descending)[0],
    "gather": lambda x, i, axis: torch.gather(x, axis, i),
    "take_along_axis": lambda x, i, axis: torch.take_along_dim(x, i, axis),
    "take": _take,
    "scatter": lambda x, i, s, axis: torch.scatter(x, axis, i, s),
    "scatter_add": lambda x, i, s, axis: torch.scatter_add(x, axis, i, s),
    "roll": lambda x, axis, shift: torch.roll(x, shift, axis),
    "flip": lambda x, axis: torch.flip(x, [axis]),
    "repeat": lambda x, axis, times: torch.repeat_interleave(x, times, axis),
    "pad": _pad,
    "det": torch.linalg.det,
    "inv": torch.linalg.inv,
    "solve": torch.linalg.solve,
    "trace": torch.trace,
    "diag": lambda x, k: torch.diag(x),
    "tril": lambda x, k: torch.tril(x, k),
    "triu": lambda x, k: torch.triu(x, k),
    "outer": torch.outer,
    "einsum": _einsum,
    "fake_quantize": _quantize,
    "round_to": lambda x, to: x.to(getattr(torch, to)).to(torch.float64),
    "stop_gradient": lambda x: x * x.detach(),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "clip": lambda x: torch.clamp(x, -0.5, 1.5),
    "where": lambda x, y: torch.where(x > y, x * y, x - y),
    "remainder": torch.remainder,
    "power": torch.pow,
    "logaddexp": torch.logaddexp,
    "arccosh": torch.arccosh,
    "arcsinh": torch.arcsinh,
}
for _name in ("log1p", "log2", "log10", "expm1", "rsqrt", "reciprocal", "logit", "tan", "arcsin", "arccos",
              "arctan", "sinh", "cosh", "arctanh"):  # fmt: skip
    _ANSWERS[_name] = getattr(torch, _name)


def main() -> None:
    found = [
        reference(name, draw_program(name, seed)) for name, count in COUNTS.items() for seed in range(count)
    ]
    save(FILE, found, sums(draw_program(name, 0).inputs for name in FUNCTIONS))


if __name__ == "__main__":
    main()
