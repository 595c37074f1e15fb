"""Record PyTorch's dropout: `python -m tests.oracles.record_dropout` (needs the extra `reference`).

Its output and its gradient by x, each with the mask that was drawn; with a dense layer behind, that layer's
output and all gradients too. PyTorch has the inverted formulation alone.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import Array, Case
from tests.oracles.dropout import COUNT, case, loss_weights
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("dropout.npz")


def reference(question: Case, seed: int) -> tuple[Array, Array]:
    """Return the mask; then output and gradient of x; with a layer, its output and gradients of x, w, b."""
    torch.manual_seed(seed)
    tensors: dict[str, Any] = {
        name: torch.tensor(array, requires_grad=True) for name, array in question.inputs.items()
    }
    x, w, b = tensors["x"], tensors.get("w"), tensors.get("b")
    output = F.dropout(x, question.attributes["rate"], question.attributes.get("training", True))
    found = [output.detach()]
    output.backward(torch.tensor(loss_weights(tuple(output.shape))), retain_graph=True)
    found.append(x.grad.clone())
    if w is not None:
        x.grad = None
        dense = F.linear(output, w.T, b)
        dense.backward(torch.tensor(loss_weights(tuple(dense.shape))))
        found += [dense.detach(), *(one.grad for one in (x, w, b) if one is not None)]
    return (found[0] != 0).numpy().ravel(), np.concatenate([one.numpy().ravel() for one in found])


def main() -> None:
    found = [reference(case(seed), seed) for seed in range(COUNT)]
    drawn = sums(case(seed).inputs for seed in range(COUNT))
    masks = np.concatenate([mask for mask, _ in found])
    save(FILE, [numbers for _, numbers in found], drawn, masks=masks)


if __name__ == "__main__":
    main()
