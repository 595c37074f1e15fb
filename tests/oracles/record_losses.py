"""Record PyTorch's linear layers, embeddings and losses: `python -m tests.oracles.record_losses` (needs the
extra `reference`). Each gradient is of the output's product with weights that count 1, 2, 3, ... modulo 7.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from tests.oracles.cases import Array, Case
from tests.oracles.losses import COUNTS, differentiated, loss
from tests.oracles.record_layers import upstream
from tests.oracles.recording import save, sums

FILE = Path(__file__).with_name("losses.npz")


def reference(question: Case) -> Array:
    """Return the output, then the gradients of all differentiable inputs, as one row of numbers."""
    tensors: dict[str, Any] = {name: torch.tensor(array) for name, array in question.inputs.items()}
    wanted = differentiated(question)
    for name in wanted:
        tensors[name].requires_grad_()
    output = _ANSWERS[question.operation](dict(tensors), dict(question.attributes))
    output.backward(torch.tensor(upstream(tuple(output.shape))))
    found = [output.detach(), *(tensors[name].grad for name in wanted)]
    return np.concatenate([one.numpy().ravel() for one in found])


def _linear(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    w = tensors["w"] if settings.get("weights") == "out_in" else tensors["w"].T
    return F.linear(tensors["x"], w, tensors.get("b"))


def _embedding(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    return F.embedding(tensors["indices"].long(), tensors["weights"], settings.get("padding_index"))


def _of_errors(name: str) -> Any:
    return lambda tensors, settings: getattr(F, name)(tensors["prediction"], tensors["target"], **settings)


def _in_order(scores: Any, target: Any, axis: int) -> tuple[Any, Any]:
    """Move classes to the second axis, or the first of a single sample, as in PyTorch."""
    if scores.ndim > 1:
        target = target.movedim(axis, 1) if target.ndim == scores.ndim else target
        scores = scores.movedim(axis, 1)
    return scores, target


def _of_classes(scores: str, function: Any) -> Any:
    def answer(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
        logits, target = _in_order(tensors[scores], tensors["target"], settings.pop("axis", -1))
        target = target if target.ndim == logits.ndim else target.long()
        return function(logits, target, tensors.get("class_weights"), **settings)

    return answer


def _binary(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    weights, reduction = tensors.get("weights"), settings["reduction"]
    if "logits" in tensors:
        beta = tensors.get("positive_weight")
        return F.binary_cross_entropy_with_logits(
            tensors["logits"], tensors["target"], weights, reduction=reduction, pos_weight=beta
        )
    return F.binary_cross_entropy(tensors["probabilities"], tensors["target"], weights, reduction=reduction)


def _divergence(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    prediction = tensors["prediction"]
    prediction = prediction if settings["prediction_is_log"] else prediction.log()
    return F.kl_div(
        prediction, tensors["target"], log_target=settings["target_is_log"], reduction=settings["reduction"]
    )


def _hinge(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    """Compute the hinge loss by its definition, since PyTorch has none."""
    short = (settings["margin"] - tensors["target"] * tensors["scores"]).relu()
    losses = short**2 if settings["squared"] else short
    return losses if settings["reduction"] == "none" else getattr(losses, settings["reduction"])()


def _hinge_embedding(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    return F.hinge_embedding_loss(tensors["distances"], tensors["target"], **settings)


def _multi_margin(scores: Any, target: Any, weight: Any, squared: bool, **settings: Any) -> Any:
    return F.multi_margin_loss(scores, target, p=2 if squared else 1, weight=weight, **settings)


def _cosine(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    target = tensors.get("target", torch.ones(tensors["x1"].shape[:-1], dtype=torch.float64))
    settings.pop("epsilon")
    return F.cosine_embedding_loss(tensors["x1"], tensors["x2"], target, **settings)


def _triplet(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    three = (tensors[name] for name in ("anchor", "positive", "negative"))
    return F.triplet_margin_loss(*three, eps=settings.pop("epsilon"), **settings)


def _gaussian(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    return F.gaussian_nll_loss(tensors["prediction"], tensors["target"], tensors["variance"], **settings)


def _poisson(tensors: dict[str, Any], settings: dict[str, Any]) -> Any:
    return F.poisson_nll_loss(
        tensors["prediction"], tensors["target"], log_input=settings["prediction_is_log"],
        reduction=settings["reduction"],
    )  # fmt: skip


_ANSWERS = {
    "linear": _linear,
    "embedding": _embedding,
    "mse": _of_errors("mse_loss"),
    "mae": _of_errors("l1_loss"),
    "huber": _of_errors("huber_loss"),
    "smooth_l1": _of_errors("smooth_l1_loss"),
    "cross_entropy": _of_classes("logits", F.cross_entropy),
    "nll": _of_classes("log_probabilities", F.nll_loss),
    "binary_cross_entropy": _binary,
    "kl_divergence": _divergence,
    "hinge": _hinge,
    "hinge_embedding": _hinge_embedding,
    "multi_margin": _of_classes("scores", _multi_margin),
    "cosine": _cosine,
    "triplet": _triplet,
    "gaussian_nll": _gaussian,
    "poisson_nll": _poisson,
}


def main() -> None:
    found = [reference(loss(name, seed)) for name, count in COUNTS.items() for seed in range(count)]
    first = [loss(name, 0).inputs for name in COUNTS]
    save(FILE, found, sums(first))


if __name__ == "__main__":
    main()
