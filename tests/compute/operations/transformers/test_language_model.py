"""Language models against loops that do not use the graph, and against published counts."""

from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.plan import describe_cost
from tests.compute.asking import answer

RNG = np.random.default_rng(8)
WIDTH, UNITS, VOCABULARY, CONTEXT, LAYERS = 4, 5, 7, 6, 2


def weights(more: dict[str, tuple[int, ...]] | None = None, *, biases: bool = True) -> dict[str, Any]:
    """Random weights of two layers, by full name."""
    d, u = WIDTH, UNITS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weights": (VOCABULARY, d),
        "position_embedding.weights": (CONTEXT, d),
        **(more or {}),
    }
    for at in range(LAYERS):
        layer = f"encoder.layer[{at}]."
        shapes |= {f"{layer}attention.w_{one}": (d, d) for one in "qkvo"}
        shapes |= {f"{layer}feed_forward.w_1": (d, u), f"{layer}feed_forward.w_2": (u, d)}
        norms = [f"{layer}attention_norm", f"{layer}feed_forward_norm"]
        shapes |= {f"{norm}.gain": (d,) for norm in norms}
        if biases:
            shapes |= {f"{layer}attention.b_{one}": (d,) for one in "qkvo"}
            shapes |= {f"{layer}feed_forward.b_1": (u,), f"{layer}feed_forward.b_2": (d,)}
            shapes |= {f"{norm}.bias": (d,) for norm in norms}
    return {name: RNG.normal(size=shape) for name, shape in shapes.items()}


def norm(x: Any, w: dict[str, Any], name: str) -> Any:
    rows = [(row - row.mean()) / np.sqrt(((row - row.mean()) ** 2).mean() + 1e-5) for row in x]
    return np.array(rows) * w[f"{name}.gain"] + w.get(f"{name}.bias", 0)


def attended(x: Any, w: dict[str, Any], name: str, heads: int, *, causal: bool) -> Any:
    q, k, v = (x @ w[f"{name}.w_{one}"] + w.get(f"{name}.b_{one}", 0) for one in "qkv")
    wide = WIDTH // heads
    found = np.zeros_like(x)
    for head in range(heads):
        part = slice(head * wide, (head + 1) * wide)
        for i in range(len(x)):
            seen = range(i + 1) if causal else range(len(x))
            parts = [np.exp(q[i, part] @ k[j, part] / np.sqrt(wide)) for j in seen]
            found[i, part] = sum(one * v[j, part] for one, j in zip(parts, seen, strict=True)) / sum(parts)
    return found @ w[f"{name}.w_o"] + w.get(f"{name}.b_o", 0)


def layers(x: Any, w: dict[str, Any], heads: int, *, causal: bool, pre: bool) -> Any:
    for at in range(LAYERS):
        name = f"encoder.layer[{at}]."

        def fed(x: Any, name: str = name) -> Any:
            units = x @ w[f"{name}feed_forward.w_1"] + w.get(f"{name}feed_forward.b_1", 0)
            return np.maximum(units, 0) @ w[f"{name}feed_forward.w_2"] + w.get(f"{name}feed_forward.b_2", 0)

        def paid(x: Any, name: str = name) -> Any:
            return attended(x, w, f"{name}attention", heads, causal=causal)

        for block, called in ((paid, "attention"), (fed, "feed_forward")):
            if pre:
                x = x + block(norm(x, w, f"{name}{called}_norm"))
            else:
                x = norm(x + block(x), w, f"{name}{called}_norm")
    return norm(x, w, "encoder.final_norm") if "encoder.final_norm.gain" in w else x


def shares(logits: Any) -> Any:
    return np.array([np.exp(row) / np.exp(row).sum() for row in logits])


def gpt(tokens: list[int], w: dict[str, Any]) -> tuple[Any, Any]:
    x = np.array([w["token_embedding.weights"][one] for one in tokens])
    x = x + w["position_embedding.weights"][: len(tokens)]
    x = layers(x, w, 2, causal=True, pre=True)
    return x, x @ w["token_embedding.weights"].T


def asked(tokens: Any, w: dict[str, Any], **settings: Any) -> Any:
    upstream = settings.pop("upstream", None)
    return answer("language_model", {"tokens": tokens, **w}, {"heads": 2, **settings}, upstream=upstream)


GPT = {"causal": True, "norm_placement": "pre"}


def test_as_gpt() -> None:
    w = weights({"encoder.final_norm.gain": (WIDTH,), "encoder.final_norm.bias": (WIDTH,)})
    tokens = [3, 0, 6, 3]
    found = asked(tokens, w, **GPT).values
    output, logits = gpt(tokens, w)
    np.testing.assert_allclose(found["representation"], output, atol=1e-12)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-12)
    np.testing.assert_allclose(found["probabilities"], shares(logits), atol=1e-13)


def test_gradients_of_gpt() -> None:
    """Including those of the table of tokens, which is used twice."""
    w = weights({"encoder.final_norm.gain": (WIDTH,)})
    tokens = [1, 5, 2]
    g = RNG.normal(size=(3, VOCABULARY))
    found = asked(tokens, w, **GPT, upstream={"logits": g})
    for name in ("token_embedding.weights", "position_embedding.weights", "encoder.layer[1].attention.w_k"):
        for at in list(np.ndindex(w[name].shape))[:12]:
            sides = []
            for step in (1e-5, -1e-5):
                moved = {**w, name: w[name].copy()}
                moved[name][at] += step
                sides.append((gpt(tokens, moved)[1] * g).sum())
            np.testing.assert_allclose(
                found.gradients[name][at], (sides[0] - sides[1]) / 2e-5, rtol=1e-6, atol=1e-8
            )
    parts = found.contributions["token_embedding.weights"]
    assert list(parts) == ["token_embedding.vectors", "logits"]
    np.testing.assert_allclose(sum(parts.values()), found.gradients["token_embedding.weights"], atol=1e-13)


def test_as_bert() -> None:
    w = weights(
        {
            "segment_embedding.weights": (2, WIDTH),
            "embedding_norm.gain": (WIDTH,),
            "embedding_norm.bias": (WIDTH,),
            "pooler.w": (WIDTH, WIDTH),
            "pooler.b": (WIDTH,),
        }
    )
    tokens, segments = [[1, 2, 3], [4, 4, 0]], [[0, 0, 1], [0, 1, 1]]
    settings = {"norm_embeddings": True, "pooling": True, "head_weights": "none"}
    found = asked(tokens, {"segments": segments, **w}, **settings).values
    for at in range(2):
        x = w["token_embedding.weights"][tokens[at]] + w["position_embedding.weights"][:3]
        x = norm(x + w["segment_embedding.weights"][segments[at]], w, "embedding_norm")
        np.testing.assert_allclose(found["sequence"][at], x, atol=1e-12)
        x = layers(x, w, 2, causal=False, pre=False)
        np.testing.assert_allclose(found["representation"][at], x, atol=1e-12)
        np.testing.assert_allclose(
            found["pooled"][at], np.tanh(x[0] @ w["pooler.w"] + w["pooler.b"]), atol=1e-12
        )
    assert "logits" not in found


def test_positions_by_sines_scaled_embeddings_and_a_head_of_its_own() -> None:
    w = weights({"head.w": (WIDTH, VOCABULARY), "head.b": (VOCABULARY,)}, biases=False)
    del w["position_embedding.weights"]
    settings = {"position_kind": "sinusoidal", "embedding_scale": True, "head_weights": "own"}
    found = asked([2, 6], w, **settings).values
    waves = [[np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)] for t in range(2)]
    x = 2 * w["token_embedding.weights"][[2, 6]] + np.array(waves)
    np.testing.assert_allclose(found["sequence"], x, atol=1e-13)
    logits = layers(x, w, 2, causal=False, pre=False) @ w["head.w"] + w["head.b"]
    np.testing.assert_allclose(found["logits"], logits, atol=1e-12)


def test_without_positions_order_is_not_seen() -> None:
    w = weights()
    del w["position_embedding.weights"]
    one, other = (
        asked(tokens, w, position_kind="none").values["representation"] for tokens in ([1, 2, 3], [3, 2, 1])
    )
    np.testing.assert_allclose(one, other[::-1], atol=1e-13)


GPT_2 = {
    "vocabulary": 50257, "context": 1024, "d_model": 768, "layers": 12, "heads": 12, "d_ff": 3072,
    "causal": True, "norm_placement": "pre", "activation": "gelu",
}  # fmt: skip
BERT = {
    "vocabulary": 30522, "context": 512, "segment_types": 2, "d_model": 768, "layers": 12, "heads": 12,
    "d_ff": 3072, "norm_embeddings": True, "pooling": True, "head_weights": "none",
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "shapes", "published"),
    [
        (GPT_2, {"tokens": (1024,)}, 124_439_808),
        (
            GPT_2 | {"d_model": 1024, "d_ff": 4096, "layers": 24, "heads": 16},
            {"tokens": (1024,)},
            354_823_168,
        ),
        (GPT_2 | {"d_model": 1600, "d_ff": 6400, "layers": 48, "heads": 25}, {"tokens": (1,)}, 1_557_611_200),
        (BERT, {"tokens": (512,), "segments": (512,)}, 109_482_240),
        (
            BERT | {"d_model": 1024, "d_ff": 4096, "layers": 24, "heads": 16},
            {"tokens": (512,), "segments": (512,)},
            335_141_888,
        ),
    ],
    ids=["GPT-2 small", "GPT-2 medium", "GPT-2 XL", "BERT-base", "BERT-large"],
)
def test_published_counts(settings: dict[str, Any], shapes: dict[str, Any], published: int) -> None:
    """As counted over the weights that were published with the papers."""
    cost, *_ = describe_cost("language_model", {name: Tensor(one) for name, one in shapes.items()}, settings)
    assert cost.parameters == published


def test_costs_in_letters() -> None:
    letters = {name: Polynomial.symbol(name) for name in "nVdmLh"}
    settings = {
        "vocabulary": letters["V"], "d_model": letters["d"], "context": letters["m"], "layers": letters["L"],
        "heads": letters["h"], "d_ff": 4 * letters["d"], "head_weights": "none",
    }  # fmt: skip
    cost, *_ = describe_cost("language_model", {"tokens": Tensor((letters["n"],))}, settings)
    assert str(cost.multiply_adds) == "12*L*d**2*n + 2*L*d*n**2"
    assert str(cost.parameters) == "12*L*d**2 + 13*L*d + V*d + d*m"
    assert str(cost.comparisons) == "L*h*n**2"


def test_tables_of_sizes_that_nothing_says_are_told_apart() -> None:
    settings = {"d_model": 2, "layers": 1, "d_ff": 3, "bias": False, "head_weights": "own"}
    shapes = {"tokens": Tensor((5,)), "segments": Tensor((5,))}
    cost, *_ = describe_cost("language_model", shapes, settings)
    layer = 4 * 2 * 2 + 2 * 2 * 3 + 2 * 2  # attention, feed-forward layers, gains
    assert str(cost.parameters) == f"{layer} + 2*context + 2*segment_types + 4*vocabulary"


@pytest.mark.parametrize(
    ("change", "settings", "path", "said"),
    [
        ({}, {"context": 8}, ("position_embedding.weights",), "vocabulary is 6 here and 8"),
        (
            {"token_embedding.weights": np.ones((7, 3))},
            {"d_model": 4},
            ("token_embedding.weights",),
            "d is 3",
        ),
        (
            {"position_embedding.weights": np.ones((6, 3))},
            {},
            ("position_embedding.weights",),
            "d is 3 here and 4",
        ),
        ({"head.w": np.ones((4, 7))}, {}, ("head.w",), "no use here"),
        ({"tokens": [1, 2, 7]}, {}, ("tokens",), "holds a number that is not a row of the table"),
        ({"tokens": [0] * 7}, {}, ("tokens",), "there are 7 tokens, but 6 positions"),
        ({"head.w": np.ones((4, 6))}, {"head_weights": "own"}, ("head.w",), "d_out is 6 here and 7"),
        ({}, {"vocabulary": 8}, ("token_embedding.weights",), "vocabulary is 7 here and 8"),
        ({}, {"context": 6, "position_kind": "none"}, ("context",), "no use without learned positions"),
        ({}, {"segment_types": 2}, ("segment_types",), "no use without segments"),
    ],
)
def test_refusals(change: dict[str, Any], settings: dict[str, Any], path: Any, said: str) -> None:
    inputs = {"tokens": [1, 2, 3], **weights(), **change}
    with pytest.raises(QuestionErrors) as caught:
        answer("language_model", inputs, {"heads": 2, **settings})
    [error] = caught.value.errors
    assert error.path[:1] == path, error.path
    assert said in error.message
