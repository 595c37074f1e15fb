"""Reproducible random linear layers, embeddings and losses, whose answers were recorded from PyTorch."""

from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

COUNTS = {
    "linear": 24, "embedding": 24, "mse": 24, "mae": 24, "huber": 24, "smooth_l1": 24, "cross_entropy": 72,
    "nll": 36, "binary_cross_entropy": 60, "kl_divergence": 40, "hinge": 24, "hinge_embedding": 24,
    "multi_margin": 30, "cosine": 30, "triplet": 24, "gaussian_nll": 24, "poisson_nll": 24,
}  # fmt: skip
REDUCTIONS = ("mean", "sum", "none")
PYTORCH_EPSILON = 1e-12  # added by its cosine_embedding_loss
PYTORCH_ADDED, PYTORCH_RATE = 1e-6, 1e-8  # by its triplet_margin_loss and its poisson_nll_loss


def loss(operation: str, seed: int) -> Case:
    rng = np.random.default_rng([300, *operation.encode(), seed])
    inputs, settings = _DRAWN[operation](rng)
    if "reduction" not in settings and operation not in ("linear", "embedding"):
        settings["reduction"] = str(rng.choice(REDUCTIONS))
    return Case(operation, inputs, settings, np.zeros(0))


def differentiated(question: Case) -> list[str]:
    """Return the inputs with respect to which PyTorch can differentiate."""
    constant = {"indices", "class_weights", "weights", "positive_weight"} - {"w"}
    if question.operation == "embedding":
        constant.remove("weights")
    if question.operation in ("nll", "hinge", "hinge_embedding", "multi_margin", "cosine"):
        constant.add("target")
    if (
        question.operation == "cross_entropy"
        and question.inputs["target"].ndim < question.inputs["logits"].ndim
    ):
        constant.add("target")
    return [name for name in question.inputs if name not in constant]


Drawn = tuple[dict[str, Array], dict[str, Any]]


def _shape(rng: np.random.Generator, least: int = 0, most: int = 3) -> tuple[int, ...]:
    return tuple(int(one) for one in rng.integers(1, 5, rng.integers(least, most + 1)))


def _linear(rng: np.random.Generator) -> Drawn:
    width, out = (int(one) for one in rng.integers(1, 6, 2))
    transposed = bool(rng.random() < 0.5)
    inputs = {
        "x": rng.standard_normal((*_shape(rng), width)),
        "w": rng.standard_normal((out, width) if transposed else (width, out)),
    }
    if rng.random() < 0.7:
        inputs["b"] = rng.standard_normal(out)
    return inputs, {"weights": "out_in"} if transposed else {}


def _embedding(rng: np.random.Generator) -> Drawn:
    rows, width = (int(one) for one in rng.integers(2, 7, 2))
    settings: dict[str, Any] = {}
    if rng.random() < 0.6:
        settings["padding_index"] = int(rng.integers(-rows, rows))
    inputs = {
        "indices": np.asarray(rng.integers(0, rows, _shape(rng))).astype(float),
        "weights": rng.standard_normal((rows, width)),
    }
    return inputs, settings


def _pair(rng: np.random.Generator) -> Drawn:
    shape = _shape(rng)
    return {
        "prediction": np.asarray(rng.normal(0, 2, shape)),
        "target": np.asarray(rng.normal(0, 2, shape)),
    }, {}


def _huber(rng: np.random.Generator) -> Drawn:
    return _pair(rng)[0], {"delta": [0.3, 1, 2.5][rng.integers(3)]}


def _smooth(rng: np.random.Generator) -> Drawn:
    return _pair(rng)[0], {"beta": [0, 0.3, 1, 2.5][rng.integers(4)]}


def _draw_classes(rng: np.random.Generator, *, anywhere: bool = True) -> tuple[tuple[int, ...], int, Array]:
    """Return a shape, its axis of classes, and a class for each sample."""
    axis = -1
    shape = (*_shape(rng, 0, 2), int(rng.integers(2, 6)))
    if anywhere and rng.random() < 0.5:  # as in PyTorch and ONNX
        shape, axis = (int(rng.integers(1, 5)), int(rng.integers(2, 6)), *_shape(rng, 0, 2)), 1
    samples = tuple(np.delete(shape, axis))
    return shape, axis, np.asarray(rng.integers(0, shape[axis], samples)).astype(float)


def _draw_class_weights(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> dict[str, Array]:
    return {"class_weights": rng.uniform(0.2, 2, shape[axis])} if rng.random() < 0.5 else {}


def _draw_ignored(rng: np.random.Generator, target: Array, classes: int) -> int | None:
    """Choose a class to ignore, its own or an existing one, for some but not all samples."""
    if target.size < 2 or rng.random() < 0.4:
        return None
    ignored = int(rng.choice([-100, -1, 255, int(rng.integers(classes))]))
    flat = target.reshape(-1)
    flat[rng.random(flat.size) < 0.4] = ignored
    flat[0] = (ignored + 1) % classes if 0 <= ignored < classes else 0
    return ignored


def _cross_entropy(rng: np.random.Generator) -> Drawn:
    shape, axis, target = _draw_classes(rng)
    settings: dict[str, Any] = {} if axis == -1 else {"axis": axis}
    inputs = {"logits": rng.normal(0, 3, shape), "target": target}
    if rng.random() < 0.35:
        shares = rng.uniform(0, 1, shape)
        inputs["target"] = shares / shares.sum(axis, keepdims=True)
    elif (ignored := _draw_ignored(rng, target, shape[axis])) is not None:
        settings["ignore_index"] = ignored
    if rng.random() < 0.5:
        settings["label_smoothing"] = [0.1, 0.5, 1][rng.integers(3)]
    return inputs | _draw_class_weights(rng, shape, axis), settings


def _nll(rng: np.random.Generator) -> Drawn:
    shape, axis, target = _draw_classes(rng)
    settings: dict[str, Any] = {} if axis == -1 else {"axis": axis}
    if (ignored := _draw_ignored(rng, target, shape[axis])) is not None:
        settings["ignore_index"] = ignored
    inputs = {"log_probabilities": -rng.uniform(0, 5, shape), "target": target}
    return inputs | _draw_class_weights(rng, shape, axis), settings


def _binary(rng: np.random.Generator) -> Drawn:
    shape = _shape(rng)
    settings: dict[str, Any] = {}
    target = np.asarray(rng.uniform(0, 1, shape))
    inputs: dict[str, Array] = {"target": target.round() if rng.random() < 0.5 else target}
    if rng.random() < 0.5:
        inputs["logits"] = np.asarray(rng.normal(0, 4, shape))
        if rng.random() < 0.5:
            inputs["positive_weight"] = np.asarray(rng.uniform(0.2, 3, shape[rng.integers(len(shape) + 1) :]))
    else:
        inputs["probabilities"] = np.asarray(rng.uniform(0.01, 0.99, shape))
        if rng.random() < 0.5:
            settings["log_minimum"] = -100
    if rng.random() < 0.5:
        inputs["weights"] = np.asarray(rng.uniform(0, 2, shape[rng.integers(len(shape) + 1) :]))
    return inputs, settings


def _divergence(rng: np.random.Generator) -> Drawn:
    shape = _shape(rng, 2, 3)
    prediction, target = (rng.uniform(0.05, 1, shape) for _ in range(2))
    prediction, target = (one / one.sum(-1, keepdims=True) for one in (prediction, target))
    settings = {"prediction_is_log": bool(rng.random() < 0.5), "target_is_log": bool(rng.random() < 0.5)}
    inputs = {
        "prediction": np.log(prediction) if settings["prediction_is_log"] else prediction,
        "target": np.log(target) if settings["target_is_log"] else target,
    }
    return inputs, settings | {"reduction": str(rng.choice([*REDUCTIONS, "batchmean"]))}


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.choice([-1.0, 1.0], shape))


def _hinge(rng: np.random.Generator) -> Drawn:
    shape = _shape(rng)
    inputs = {"scores": np.asarray(rng.standard_normal(shape)), "target": _signs(rng, shape)}
    return inputs, {"margin": [0.5, 1, 2][rng.integers(3)], "squared": bool(rng.random() < 0.5)}


def _hinge_embedding(rng: np.random.Generator) -> Drawn:
    shape = _shape(rng)
    inputs = {"distances": np.asarray(rng.uniform(0, 3, shape)), "target": _signs(rng, shape)}
    return inputs, {"margin": [0.5, 1, 2][rng.integers(3)]}


def _multi_margin(rng: np.random.Generator) -> Drawn:
    classes = int(rng.integers(2, 6))
    shape = (*_shape(rng, 0, 1), classes)
    inputs = {
        "scores": rng.standard_normal(shape),
        "target": np.asarray(rng.integers(0, classes, shape[:-1])).astype(float),
    }
    settings = {"margin": [0.5, 1, 2][rng.integers(3)], "squared": bool(rng.random() < 0.5)}
    return inputs | _draw_class_weights(rng, shape, -1), settings


def _cosine(rng: np.random.Generator) -> Drawn:
    shape = (*_shape(rng, 0, 1), int(rng.integers(2, 6)))
    inputs = {name: rng.standard_normal(shape) for name in ("x1", "x2")}
    settings: dict[str, Any] = {"epsilon": PYTORCH_EPSILON}
    if rng.random() < 0.8:
        inputs["target"] = _signs(rng, shape[:-1])
        settings["margin"] = [0, -0.5, 0.3][rng.integers(3)]
    return inputs, settings


def _triplet(rng: np.random.Generator) -> Drawn:
    shape = (*_shape(rng, 0, 2), int(rng.integers(2, 6)))
    inputs = {name: rng.standard_normal(shape) for name in ("anchor", "positive", "negative")}
    return inputs, {"margin": [0.2, 1, 3][rng.integers(3)], "epsilon": PYTORCH_ADDED}


def _gaussian(rng: np.random.Generator) -> Drawn:
    inputs = _pair(rng)[0]
    inputs["variance"] = np.asarray(rng.uniform(0.1, 3, inputs["prediction"].shape))
    return inputs, {"full": bool(rng.random() < 0.5)}


def _poisson(rng: np.random.Generator) -> Drawn:
    shape, is_log = _shape(rng), bool(rng.random() < 0.5)
    rates = np.asarray(rng.normal(0, 1, shape) if is_log else rng.uniform(0.1, 4, shape))
    inputs = {"prediction": rates, "target": np.asarray(rng.poisson(2, shape)).astype(float)}
    return inputs, {"prediction_is_log": is_log, "epsilon": 0 if is_log else PYTORCH_RATE}


_DRAWN = {
    "linear": _linear, "embedding": _embedding, "mse": _pair, "mae": _pair, "huber": _huber,
    "smooth_l1": _smooth, "cross_entropy": _cross_entropy, "nll": _nll, "binary_cross_entropy": _binary,
    "kl_divergence": _divergence, "hinge": _hinge, "hinge_embedding": _hinge_embedding,
    "multi_margin": _multi_margin, "cosine": _cosine, "triplet": _triplet, "gaussian_nll": _gaussian,
    "poisson_nll": _poisson,
}  # fmt: skip
