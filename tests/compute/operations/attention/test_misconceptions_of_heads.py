"""Known mistakes in the heads of attention, against plain NumPy, and all mistakes in other layouts."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from compute.operations.misconceptions import MISCONCEPTIONS
from tests.compute.mistakes import Mistaken, compute
from tests.compute.operations.attention.plain_attention import (
    D_K,
    HEADS,
    INPUTS,
    MASK,
    RNG,
    Array,
    D,
    N,
    fill,
    join,
    softmax,
    split,
    swap,
)

Q = INPUTS["x"] @ INPUTS["w_q"] + INPUTS["b_q"]
K = INPUTS["x"] @ INPUTS["w_k"]
V = INPUTS["x"] @ INPUTS["w_v"] + INPUTS["b_v"]
W_O, B_O = INPUTS["w_o"], INPUTS["b_o"]


def scores(factor: float = D_K**-0.5) -> Array:
    """Return the scaled scores, head by head."""
    return np.asarray(factor * split(Q) @ swap(split(K)))


def heads(weights: Array) -> Array:
    """Return the outputs of the heads, (heads, n, d_v)."""
    return np.asarray(weights @ split(V))


def interleaved(columns: Array) -> Array:
    return np.stack([columns[:, head::HEADS] for head in range(HEADS)])


def interleaved_heads() -> Array:
    weights = softmax(interleaved(Q) @ swap(interleaved(K)) / np.sqrt(D_K))
    return np.asarray(weights @ interleaved(V))


OUTPUTS: dict[str, Callable[[], Array]] = {
    "multi_head.scale_by_all_heads": lambda: join(heads(softmax(scores(0.5)))) @ W_O + B_O,
    "multi_head.output_projection_left_out": lambda: join(heads(softmax(scores()))),
    "multi_head.joined_without_transpose": lambda: heads(softmax(scores())).reshape(N, D) @ W_O + B_O,
    "multi_head.heads_interleaved": lambda: join(interleaved_heads()) @ W_O + B_O,
    "multi_head.not_split": lambda: softmax(Q @ K.T / 2) @ V @ W_O + B_O,
    "attention.softmax_over_batch": lambda: join(heads(softmax(scores(), axis=0))) @ W_O + B_O,
    "attention.weights_transposed": lambda: join(heads(swap(softmax(scores())))) @ W_O + B_O,
    "attention.value_not_projected": lambda: join(softmax(scores()) @ split(INPUTS["x"])) @ W_O + B_O,
}


@pytest.mark.parametrize("code", OUTPUTS)
def test_mistakes_with_heads(code: str) -> None:
    mistaken = compute(code, "self_attention", INPUTS, ["output"], heads=HEADS).values["output"]
    assert mistaken == pytest.approx(OUTPUTS[code]())
    assert not np.allclose(mistaken, join(heads(softmax(scores()))) @ W_O + B_O, rtol=0.01)


def stacked() -> dict[str, Array]:
    """Return the same weights and biases, stacked by head."""
    inputs = {**INPUTS, **{name: split(INPUTS[name]) for name in ("w_q", "w_k", "w_v")}}
    inputs |= {name: INPUTS[name].reshape(HEADS, -1) for name in ("b_q", "b_v")}
    return {**inputs, "w_o": W_O.reshape(HEADS, D_K, D)}


@pytest.mark.parametrize("code", sorted(set(OUTPUTS) - {"attention.value_not_projected"}))
def test_mistakes_with_stacked_weights(code: str) -> None:
    mistaken = compute(code, "self_attention", stacked(), ["output"], heads=HEADS).values["output"]
    assert mistaken == pytest.approx(OUTPUTS[code]())


def test_each_head_takes_whole_tokens_as_values() -> None:
    inputs = {name: INPUTS[name] for name in ("x", "w_q", "w_k")} | {"w_v": RNG.normal(size=(HEADS, D, D))}
    inputs |= {name: split(INPUTS[name]) for name in ("w_q", "w_k")}
    mistaken = compute("attention.value_not_projected", "self_attention", inputs, ["head_outputs"])
    weights = softmax((split(INPUTS["x"] @ INPUTS["w_q"])) @ swap(split(K)) / np.sqrt(D_K))
    assert mistaken.values["head_outputs"] == pytest.approx(weights @ INPUTS["x"])


@pytest.mark.parametrize("code", ["multi_head.heads_interleaved", "multi_head.not_split"])
def test_heads_of_attention_without_projections(code: str) -> None:
    inputs = {"q": Q, "k": K, "v": V}
    program = (f"y = attention(q, k, v, heads={HEADS})",)
    mistaken = compute(code, "graph", inputs, ["y"], program=program).values["y"]
    assert mistaken @ W_O + B_O == pytest.approx(OUTPUTS[code]())


@pytest.mark.parametrize("masks", ["mask", "causal"])
def test_one_head_of_full_width_keeps_the_masks(masks: str) -> None:
    inputs = {**INPUTS, "mask": MASK} if masks == "mask" else INPUTS
    allowed = MASK if masks == "mask" else np.tri(N, dtype=bool)
    mistaken = compute(
        "multi_head.not_split", "self_attention", inputs, ["output"], heads=HEADS, causal=masks == "causal"
    ).values["output"]
    assert mistaken == pytest.approx(softmax(fill(Q @ K.T / 2, allowed)) @ V @ W_O + B_O)


def test_one_head_of_full_width_keeps_the_question_s_own_scale() -> None:
    mistaken = compute(
        "multi_head.not_split", "self_attention", INPUTS, ["output"], heads=HEADS, scale=0.3
    ).values["output"]
    assert mistaken == pytest.approx(softmax(0.3 * Q @ K.T) @ V @ W_O + B_O)


def test_the_root_of_the_number_of_heads() -> None:
    inputs = {**INPUTS, **{name: RNG.normal(size=(D, 8)) for name in ("w_q", "w_k")}}
    del inputs["b_q"]
    mistaken = compute(
        "multi_head.scale_by_number_of_heads", "self_attention", inputs, ["scaled_scores"], heads=HEADS
    ).values["scaled_scores"]
    query, key = (inputs["x"] @ inputs[name] for name in ("w_q", "w_k"))
    assert mistaken == pytest.approx(split(query) @ swap(split(key)) / np.sqrt(HEADS))
    assert not np.allclose(mistaken, split(query) @ swap(split(key)) / 2, rtol=0.01)


def test_heads_are_summed() -> None:
    inputs = {name: array for name, array in INPUTS.items() if name not in ("w_o", "b_o")}
    code = "multi_head.heads_summed"
    mistaken = compute(code, "self_attention", inputs, ["output"], heads=HEADS).values["output"]
    assert mistaken == pytest.approx(heads(softmax(scores())).sum(axis=0))


def test_heads_are_interleaved_in_a_layer() -> None:
    sent = {f"attention.{name}": entries for name, entries in INPUTS.items() if name != "x"}
    sent |= {"x": INPUTS["x"], **{f"feed_forward.w_{at}": RNG.normal(size=(D, D)) for at in (1, 2)}}
    code = "multi_head.heads_interleaved"
    mistaken = compute(code, "encoder_layer", sent, ["attention.output"], heads=HEADS).values
    assert mistaken["attention.output"] == pytest.approx(OUTPUTS[code]())


NAMES = [
    "query",
    "key",
    "value",
    "scores",
    "scaled_scores",
    "masked_scores",
    "weights",
    "head_outputs",
    "output",
]
PAIRS = ("scores", "scaled_scores", "masked_scores", "weights", "mask")
BATCH = {
    **INPUTS,
    "x": RNG.normal(size=(2, N, D)),
    "mask": MASK,
    "key_padding_mask": np.array([[False, False, True], [False, True, False]]),
}
UPSTREAM = {"output": RNG.normal(size=(2, N, D))}
PARAMETERS = ["w_q", "w_k", "w_v", "w_o", "x"]
CODES = [code for code, declared in MISCONCEPTIONS.items()
         if "self_attention" in declared.operations and not code.startswith("positions.")]  # fmt: skip


WITHOUT_MEANING = {  # for these inputs, or in one of the layouts
    "attention.key_gradient_not_transposed", "attention.value_gradient_not_transposed", "attention.mask_sign",
    "multi_head.not_split", "multi_head.heads_summed",
}  # fmt: skip
ONLY_OF_ROWS = {"multi_head.joined_without_transpose"}


def attend(code: str, turned: set[str], **settings: Any) -> Mistaken | None:
    """Compute with some tensors transposed; None if the mistake has no meaning."""

    def turn(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: swap(array) if name in turned else array for name, array in arrays.items()}

    try:
        mistaken = compute(
            code, "self_attention", turn(BATCH), NAMES, gradients=PARAMETERS, upstream=turn(UPSTREAM),
            heads=HEADS, causal=True, **settings,
        )  # fmt: skip
    except ValueError:
        return None
    return Mistaken(turn(mistaken.values), turn(mistaken.gradients))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("settings", "turned"),
    [
        ({"layout": "columns"}, {*NAMES, *PARAMETERS} - {*PAIRS}),
        ({"orientation": "key_query"}, {*PAIRS}),
    ],
)
def test_a_mistake_is_the_same_in_every_layout(code: str, settings: dict[str, str], turned: set[str]) -> None:
    usual, other = attend(code, set()), attend(code, turned, **settings)
    if usual is None or other is None:
        assert code in {*WITHOUT_MEANING, *(ONLY_OF_ROWS if "layout" in settings else ())}
        return
    for name in NAMES:
        assert other.values[name] == pytest.approx(usual.values[name], nan_ok=True)
    for name in usual.gradients:  # a parameter that is left out has none
        assert other.gradients[name] == pytest.approx(usual.gradients[name], nan_ok=True)
