"""Questions about models at random: large enough that no norm is degenerate, and small enough to check."""

import numpy as np

from tests.compute.operations.drawn_layers import Rng, decoding, drawn, encoding, fed, normed, said, scoped
from tests.oracles.cases import Array, Case
from tests.oracles.textbook_transformers import Settings

WIDTH, UNITS, TOKENS, VOCABULARY = 4, 5, 3, 6
OPERATIONS = (
    "feed_forward", "encoder_layer", "decoder_layer", "encoder", "decoder", "transformer",
    "vision_transformer", "language_model",
)  # fmt: skip


def model(operation: str, seed: int) -> Case:
    """A question about a model of two layers, or one layer, with smooth activations."""
    rng = np.random.default_rng([33, OPERATIONS.index(operation), seed])
    more = {"norm_placement": "pre", "causal": False} if operation == "vision_transformer" else {}
    how = drawn(rng, activation=["gelu", "silu"][seed % 2], epsilon=0.1, **more)
    biases = seed % 2 == 0
    inputs = _inputs(rng, operation, how, biases=biases)
    attributes = said(how, operation)
    if operation in ("decoder_layer", "decoder", "transformer"):
        attributes["causal"] = how.causal
    return Case(operation, inputs, attributes, np.zeros(0))


def _inputs(rng: Rng, operation: str, how: Settings, *, biases: bool) -> dict[str, Array]:
    x, other = rng.standard_normal((2, TOKENS, WIDTH))

    def encoder(name: str = "") -> dict[str, Array]:
        found = normed(rng, WIDTH, biases=biases)
        return scoped(f"{name}final_norm", found) | {
            f"{name}layer[{at}].{one}": array
            for at in range(2)
            for one, array in encoding(rng, WIDTH, UNITS, how, biases=biases).items()
        }

    def decoder(name: str = "") -> dict[str, Array]:
        return {
            f"{name}layer[{at}].{one}": array
            for at in range(2)
            for one, array in decoding(rng, WIDTH, WIDTH, UNITS, how, biases=biases).items()
        }

    if operation == "feed_forward":
        return {"x": x, **fed(rng, WIDTH, UNITS, how, biases=biases)}
    if operation == "encoder_layer":
        return {"x": x, **encoding(rng, WIDTH, UNITS, how, biases=biases)}
    if operation == "decoder_layer":
        return {"x": x, "memory": other, **decoding(rng, WIDTH, WIDTH, UNITS, how, biases=biases)}
    if operation == "encoder":
        return {"x": x, **encoder()}
    if operation == "decoder":
        return {"x": x, "memory": other, **decoder()}
    if operation == "transformer":
        return {"source": x, "target": other, **encoder("encoder."), **decoder("decoder.")}
    if operation == "language_model":
        return {
            "tokens": rng.integers(0, VOCABULARY, TOKENS).astype(np.float64),
            "token_embedding.weights": rng.standard_normal((VOCABULARY, WIDTH)),
            "position_embedding.weights": rng.standard_normal((TOKENS, WIDTH)),
            **encoder("encoder."),
        }
    return {
        "x": rng.standard_normal((2, 4, 2)),
        "patch_embedding.kernel": rng.standard_normal((WIDTH, 2, 2, 2)),
        "class_token": rng.standard_normal(WIDTH),
        "position_embedding": rng.standard_normal((TOKENS, WIDTH)),
        "head.w": rng.standard_normal((WIDTH, 3)),
        **encoder("encoder."),
    }
