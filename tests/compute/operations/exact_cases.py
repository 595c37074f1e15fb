"""Questions in exact arithmetic with few numbers each, at least one for every operation."""

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from tests.oracles import activations, cases, layers, losses, normalizations
from tests.oracles.cases import Array, Case
from tests.oracles.recurrent import KINDS

# Seeds of questions about attention whose exact gradients stay short.
ATTENTION = {
    cases.ATTENTION: (2, 7, 9, 10, 11, 12, 16, 17, 19, 21, 22, 23, 24, 29),
    cases.SELF_ATTENTION: (10, 19, 22, 24, 25, 29, 37, 38, 43, 48),
    cases.MULTIHEAD: (18, 29, 31, 32, 33, 36),
    cases.CROSS_ATTENTION: (0, 5, 6, 10, 14, 15, 17, 24, 28, 34, 38, 43),
    cases.WINDOWED: (4, 5, 9, 11, 18, 20, 31, 32, 45, 47, 49, 53),
    cases.ROTARY: (0, 14, 18, 21, 28, 30, 43, 44, 45, 58),
}
LAYER_ENTRIES, LAYERS = 60, 24  # that are sent at most, and how many of each kind
LOSS_ENTRIES, LOSSES = 16, 6
CASES: dict[str, Case] = {
    f"attention-{kind}-{seed}": cases.case(kind, seed) for kind, seeds in ATTENTION.items() for seed in seeds
}


NORM_ENTRIES, NORMS = 32, 8  # likewise of normalizations, whose gradients grow fast


def small_norms(kind: int) -> list[tuple[int, Case]]:
    posed = ((seed, normalizations.normalization(kind, seed)) for seed in range(normalizations.COUNTS[kind]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= NORM_ENTRIES)
    return list(islice(fits, NORMS))


def small(kind: int) -> list[tuple[int, Case]]:
    posed = ((seed, layers.layer(kind, seed)) for seed in range(layers.COUNTS[kind]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= LAYER_ENTRIES)
    return list(islice(fits, LAYERS))


def small_losses(operation: str) -> list[tuple[int, Case]]:
    posed = ((seed, losses.loss(operation, seed)) for seed in range(losses.COUNTS[operation]))
    fits = (one for one in posed if sum(array.size for array in one[1].inputs.values()) <= LOSS_ENTRIES)
    return list(islice(fits, LOSSES))


CASES |= {f"loss-{name}-{seed}": one for name in losses.COUNTS for seed, one in small_losses(name)}
CASES |= {f"norm-{kind}-{seed}": one for kind in normalizations.COUNTS for seed, one in small_norms(kind)}
CASES |= {f"layer-{kind}-{seed}": one for kind in layers.COUNTS for seed, one in small(kind)}


def positions(rng: np.random.Generator) -> Case:
    settings: dict[str, Any] = {"length": int(rng.integers(1, 5)), "dimension": int(rng.integers(1, 4))}
    settings["kind"] = str(rng.choice(["sinusoidal", "integer", "normalized"]))
    if settings["kind"] == "sinusoidal":
        settings["base"] = [100, "sqrt(10)", "1/3"][rng.integers(3)]
        settings["dimension"] *= 2
        settings["relative_shift"] = int(rng.integers(settings["length"]))
    return Case("positional_encoding", {}, settings, np.zeros(0))


def rotation(rng: np.random.Generator) -> Case:
    settings = {
        "pairing": str(rng.choice(["interleaved", "half_split"])),
        "layout": str(rng.choice(["rows", "columns"])),
        "base": int(rng.integers(2, 100)),
    }
    if rng.random() < 0.5:
        settings["rotary_dimension"] = 2
    shape = (2, 3, 4) if settings["layout"] == "rows" else (2, 4, 3)
    inputs = {"x": rng.standard_normal(shape)}
    if rng.random() < 0.5:
        inputs["positions"] = rng.uniform(-5, 5, 3)
    return Case("rotary_embedding", inputs, settings, np.zeros(0))


for seed in range(8):
    CASES[f"positions-{seed}"] = positions(np.random.default_rng([200, seed]))
    CASES[f"rotation-{seed}"] = rotation(np.random.default_rng([201, seed]))


def dropped(rng: np.random.Generator) -> Case:
    shape = [(), (3,), (2, 2), (1, 2, 1)][rng.integers(4)]
    inputs: dict[str, Array] = {"x": rng.standard_normal(shape)}
    settings: dict[str, Any] = {
        "rate": [0, "1/3", 0.25, "1 - exp(-1)"][rng.integers(4)],
        "formulation": str(rng.choice(["inverted", "unscaled"])),
    }
    source = rng.integers(4)
    if source == 0:
        settings["training"] = False
    elif source == 1:
        inputs["mask"] = rng.random(shape) < 0.5
    else:
        settings["seed"] = int(rng.integers(100))
    if shape:
        inputs["w"] = rng.standard_normal((shape[-1], 2))
        if rng.random() < 0.5:
            inputs["b"] = rng.standard_normal(2)
    return Case("dropout", inputs, settings, np.zeros(0))


for seed in range(16):
    CASES[f"dropout-{seed}"] = dropped(np.random.default_rng([202, seed]))


def sequence(kind: str, rng: np.random.Generator) -> Case:
    """Few steps of few units: exact states are expressions in those before."""
    gates, batch = KINDS[kind], (2,) if rng.random() < 0.4 else ()
    ways = 2 if rng.random() < 0.3 else 1
    outer = (2,) if ways == 2 else ()
    inputs: dict[str, Array] = {
        "x": rng.standard_normal((*batch, 2, 1)),
        "w_x": rng.standard_normal((*outer, 1, gates)),
        "w_h": rng.standard_normal((*outer, 1, gates)),
    }
    if rng.random() < 0.5:
        inputs["b"] = rng.standard_normal((*outer, gates))
    if rng.random() < 0.5:
        inputs["h_0"] = rng.standard_normal((*outer, 1))
    if batch:
        inputs["lengths"] = np.array([2.0, 1])
    settings: dict[str, Any] = {"direction": "both" if ways == 2 else str(rng.choice(["forward", "reverse"]))}
    if kind == "gru":
        settings["reset_after"] = bool(rng.random() < 0.5)
    if kind == "rnn":
        settings["activation"] = str(rng.choice(["identity", "tanh", "sigmoid"]))
    return Case(kind, inputs, settings, np.zeros(0))


for seed in range(4):
    for at, kind in enumerate(KINDS):
        CASES[f"{kind}-{seed}"] = sequence(kind, np.random.default_rng([203, at, seed]))
for place in range(len(activations.SETTINGS)):
    CASES[f"activation-{place}"] = activations.activation(place, place * 4)
for seed in range(3):
    CASES[f"glu-{seed}"] = activations.gated(seed)
    CASES[f"hardmax-{seed}"] = replace(activations.rows("softmin", seed), operation="hardmax")
for name in activations.SOFTMAXES:
    finite = (activations.rows(name, 4 * seed) for seed in range(9))
    for seed, one in enumerate(islice((one for one in finite if np.isfinite(one.inputs["x"]).all()), 3)):
        CASES[f"{name}-{seed}"] = one


def patched(rng: np.random.Generator, form: int) -> Case:
    """An image of two patches, with channels, with a batch, or without either."""
    shape = [(2, 2, 2), (2, 1, 1, 2), (2, 2)][form]
    inputs = {"x": rng.standard_normal(shape), "kernel": rng.standard_normal((2, (2, 1, 1)[form], 1, 2))}
    return Case("patch_embedding", inputs | {"bias": rng.standard_normal(2)}, {}, np.zeros(0))


def seen(rng: np.random.Generator, kind: str, pool: str) -> Case:
    """A vision transformer of one patch and at most two tokens; with more, nested roots grow fast."""
    shapes: dict[str, tuple[int, ...]] = {
        "x": (1, 1, 2),
        "patch_embedding.kernel": (2, 1, 1, 2),
        "head.w": (2, 2),
    }
    if pool == "class_token":
        shapes["class_token"] = (2,)
    if kind == "learned":
        shapes |= {"position_embedding": (2 if pool == "class_token" else 1, 2), "pre_logits.w": (2, 2)}
    layer = "encoder.layer[0]."
    shapes |= {f"{layer}attention.w_{one}": (2, 2) for one in "qkvo"}
    shapes |= {f"{layer}{one}_norm.gain": (2,) for one in ("attention", "feed_forward")}
    shapes |= {f"{layer}feed_forward.w_1": (2, 1), f"{layer}feed_forward.w_2": (1, 2)}
    settings: dict[str, Any] = {"epsilon": 1, "activation": "relu", "position_kind": kind, "pool": pool}
    if pool == "class_token":
        settings |= {"norm": "rms_norm", "has_final_norm": False}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return Case("vision_transformer", inputs, settings, np.zeros(0))


POSITIONS = ("learned", "none", "sinusoidal_1d", "sinusoidal_2d")
for seed in range(6):
    CASES[f"patches-{seed}"] = patched(np.random.default_rng([204, seed]), seed % 3)
for seed, kind in enumerate(POSITIONS):
    where = "mean" if seed % 2 else "class_token"
    CASES[f"vision-{seed}"] = seen(np.random.default_rng([205, seed]), kind, where)


# Transformers: the operation, how many tokens of which width and how many layers there are, and settings.
# With rows of two and several tokens, exact gradients of more than one layer grow beyond what is allowed.
TRANSFORMERS: tuple[tuple[str, int, int, int, dict[str, Any]], ...] = (
    ("feed_forward", 2, 2, 1, {}),
    ("feed_forward", 2, 2, 1, {"gated": True, "activation": "silu"}),
    ("feed_forward", 1, 3, 1, {"activation": "gelu", "dropout_rate": "1/3"}),
    ("encoder_layer", 2, 2, 1, {"norm": "rms_norm", "epsilon": 0}),
    ("encoder_layer", 2, 2, 1, {"norm_placement": "pre"}),
    ("encoder_layer", 2, 2, 1, {"bias": True, "causal": True, "epsilon": 1}),
    ("encoder_layer", 2, 1, 1, {"norm": "rms_norm", "norm_placement": "pre", "dropout_rate": "1/3"}),
    ("decoder_layer", 1, 2, 1, {}),
    ("decoder_layer", 2, 2, 1, {"norm_placement": "pre"}),
    ("decoder_layer", 2, 1, 1, {"norm": "rms_norm", "gated": True}),
    ("encoder", 1, 2, 2, {"norm": "rms_norm", "norm_placement": "pre"}),
    ("encoder", 2, 2, 1, {}),
    ("encoder", 2, 1, 2, {"norm": "rms_norm", "causal": True}),
    ("decoder", 1, 2, 2, {"norm_placement": "pre"}),
    ("decoder", 2, 1, 2, {"norm": "rms_norm", "norm_placement": "pre"}),
    ("decoder", 2, 2, 1, {}),
    ("transformer", 1, 2, 1, {"norm": "rms_norm"}),
    ("transformer", 2, 1, 1, {"norm": "rms_norm", "norm_placement": "pre"}),
    ("transformer", 2, 2, 1, {}),
    ("language_model", 2, 1, 1, {"norm": "rms_norm", "causal": True}),
    ("language_model", 1, 2, 1, {"norm_placement": "pre", "position_kind": "none"}),
)


def transformer(
    operation: str, n: int, d: int, layers: int, settings: dict[str, Any], rng: np.random.Generator
) -> Case:
    """Few tokens through few layers, whose weights are small whole numbers."""

    def whole(shape: tuple[Any, ...]) -> Array:
        return rng.integers(-2, 3, shape).astype(float)

    def weights(operation: str, *tokens: str) -> dict[str, Array]:
        """Of the operation itself, if it is not a stack."""
        said = {"d_ff": 2, "bias": False} | settings
        said.pop("dropout_rate", None)
        graph = build(
            CATALOGUE[operation], dict.fromkeys(tokens, Tensor((n, d))), said, missing_policy="usual"
        )
        return {str(one.name): whole(one.shape) for one in graph.values if one.is_parameter}

    def stacked(prefix: str, operation: str, *tokens: str) -> dict[str, Array]:
        return {
            f"{prefix}layer[{at}].{name}": one
            for at in range(layers)
            for name, one in weights(operation, *tokens).items()
        }

    tokens = ("source", "target") if operation == "transformer" else ("x",)
    tokens = (*tokens, "memory") if operation.startswith("decoder") else tokens
    inputs = {name: whole((n, d)) for name in tokens}
    if operation == "language_model":
        inputs = stacked("encoder.", "encoder_layer", "x")
        inputs |= {"tokens": np.arange(n)[::-1].copy(), "token_embedding.weights": whole((2, d))}
        if "position_kind" not in settings:
            inputs["position_embedding.weights"] = whole((n, d))
        return Case(operation, inputs, settings, np.zeros(0))
    if operation == "transformer":
        inputs |= stacked("encoder.", "encoder_layer", "x")
        inputs |= stacked("decoder.", "decoder_layer", "x", "memory")
    elif operation in ("encoder", "decoder"):
        inputs |= stacked("", f"{operation}_layer", *tokens)
    elif operation == "feed_forward":
        found = weights("encoder_layer", "x").items()
        inputs |= {name[13:]: one for name, one in found if name.startswith("feed_forward.")}
    else:
        inputs |= weights(operation, *tokens)
    if "dropout_rate" in settings:
        name = "dropout_mask" if operation == "feed_forward" else "attention_dropout_mask"
        inputs[name] = rng.random((n, 2 if operation == "feed_forward" else d)) < 0.7
    return Case(operation, inputs, settings, np.zeros(0))


for seed, posed in enumerate(TRANSFORMERS):
    CASES[f"{posed[0]}-{seed}"] = transformer(*posed, np.random.default_rng([206, seed]))
