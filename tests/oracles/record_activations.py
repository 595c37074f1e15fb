"""Record PyTorch's activations and softmaxes: `python -m tests.oracles.record_activations` (needs the extra
`reference`).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.activations import all_questions
from tests.oracles.cases import Array, Case
from tests.oracles.recording import save

FILE = Path(__file__).with_name("activations.npz")
PLAIN: dict[str, Any] = {
    "relu": F.relu, "relu6": F.relu6, "selu": F.selu, "silu": F.silu, "mish": F.mish,
    "hardswish": F.hardswish, "softsign": F.softsign,
    "tanhshrink": F.tanhshrink, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid,
    "erf": torch.erf, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "square": torch.square,
    "abs": torch.abs, "sin": torch.sin, "cos": torch.cos, "identity": torch.nn.Identity(),
    "elu": F.elu, "gelu": F.gelu, "hardtanh": F.hardtanh, "softplus": F.softplus,
    "threshold": F.threshold, "hardshrink": F.hardshrink, "softshrink": F.softshrink, "rrelu": F.rrelu,
}  # fmt: skip


def _answer(question: Case, tensors: dict[str, Any]) -> Any:
    x, settings = tensors["x"], dict(question.attributes)
    if question.operation == "glu":
        name = settings.get("function", "sigmoid")
        content, gate = x.chunk(2, dim=-1)
        return F.glu(x, -1) if name == "sigmoid" else content * PLAIN[name](gate)
    if question.operation != "activation":
        scale = settings.get("scale", 1)
        function: Any = {"softmax": F.softmax, "softmin": F.softmin, "log_softmax": F.log_softmax}
        return function[question.operation](x * scale, dim=settings["axis"])
    name = settings.pop("function")
    if name == "prelu":
        return _prelu(x, tensors["slope"].reshape(-1))
    if name == "leaky_relu":
        slope = float(tensors["slope"].detach()) if "slope" in tensors else 0.01
        return F.leaky_relu(x, slope) + (0 * tensors["slope"] if "slope" in tensors else 0)
    # PyTorch's own gradients of these two use 1/6 and 1/alpha as float32 for any dtype.
    if name == "hardsigmoid":
        return F.relu6(x + 3) / 6
    if name == "celu":
        alpha = settings.get("alpha", 1)
        return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0) / alpha))
    return PLAIN[name](x, **settings)


def _prelu(x: Any, slope: Any) -> Any:
    """Return PReLU with slopes along the last axis; PyTorch has them along the second."""
    rows = x.reshape(-1, x.shape[-1] if x.ndim else 1)
    return F.prelu(rows, slope).reshape(x.shape)


def reference(question: Case) -> Array:
    """Return the output, then the gradients of x and of a learned slope, as one row of numbers."""
    tensors = {name: torch.tensor(one).requires_grad_() for name, one in question.inputs.items()}
    output = _answer(question, tensors)
    output.backward(torch.tensor(question.upstream))
    wanted = ["x", "slope"] if question.attributes.get("function") == "prelu" else ["x"]
    found = [output.detach(), *(tensors[name].grad for name in wanted)]
    return np.concatenate([np.ravel(one.numpy()) for one in found])


def main() -> None:
    questions = all_questions()
    found = [reference(one) for one in questions]
    save(FILE, found, np.array([float(one.upstream.sum()) for one in questions[:: len(questions) // 50]]))


if __name__ == "__main__":
    main()
