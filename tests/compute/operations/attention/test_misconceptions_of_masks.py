"""Known mistakes in the masks of attention, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute
from tests.compute.operations.attention.plain_attention import (
    D_K,
    MASK,
    RNG,
    SINGLE,
    Array,
    N,
    fill,
    softmax,
    softmax_gradient,
)

Q, K, V = (SINGLE["x"] @ SINGLE[name] for name in ("w_q", "w_k", "w_v"))
SCALED = Q @ K.T / np.sqrt(D_K)
COLUMNS, ROWS = np.meshgrid(np.arange(N), np.arange(N))
CAUSAL = COLUMNS <= ROWS
PADDING = np.array([False, True, False])
SENT: dict[str, Array] = {
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_sets_zero": softmax(np.where(MASK, SCALED, 0)),
    "attention.mask_inverted": softmax(fill(SCALED, ~MASK)),
    "attention.mask_transposed": softmax(fill(SCALED, MASK.T)),
    "attention.mask_after_softmax": softmax(SCALED) * MASK,
    "attention.no_softmax": np.where(MASK, SCALED, 0),
}
PADDED: dict[str, Array] = {
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_sets_zero": softmax(np.where(~PADDING, SCALED, 0)),
    "attention.mask_inverted": softmax(fill(SCALED, PADDING)),
    "attention.mask_transposed": softmax(fill(SCALED, ~PADDING[:, None])),
    "attention.mask_after_softmax": softmax(SCALED) * ~PADDING,
}
BEFORE: dict[str, Array] = {
    "attention.causal_one_ahead": softmax(fill(SCALED, COLUMNS <= ROWS + 1)),
    "attention.causal_without_itself": softmax(fill(SCALED, COLUMNS < ROWS)),
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_inverted": softmax(fill(SCALED, ~CAUSAL)),
    "attention.mask_transposed": softmax(fill(SCALED, CAUSAL.T)),
    "attention.mask_sets_zero": softmax(np.where(CAUSAL, SCALED, 0)),
    "attention.mask_after_softmax": softmax(SCALED) * CAUSAL,
}
BOTH: dict[str, Array] = {
    "attention.padding_ignored": softmax(fill(SCALED, CAUSAL)),
    "attention.causal_ignored": softmax(fill(SCALED, ~PADDING)),
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_inverted": softmax(fill(SCALED, CAUSAL & PADDING)),
    "attention.mask_transposed": softmax(fill(SCALED, CAUSAL & ~PADDING[:, None])),
    "attention.causal_one_ahead": softmax(fill(SCALED, (COLUMNS <= ROWS + 1) & ~PADDING)),
    "attention.mask_after_softmax": softmax(SCALED) * (CAUSAL & ~PADDING),
}
ADDED = np.where(MASK, RNG.normal(size=(N, N)), -np.inf)
BIASES = RNG.normal(size=(N, N))
FINITE: dict[str, Array] = {
    "attention.mask_sign": softmax(SCALED - BIASES),
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_transposed": softmax(SCALED + BIASES.T),
}
INFINITE: dict[str, Array] = {
    "attention.mask_ignored": softmax(SCALED),
    "attention.mask_transposed": softmax(SCALED + ADDED.T),
    "attention.mask_after_softmax": softmax(SCALED) * MASK,
    "attention.no_softmax": np.where(MASK, SCALED + np.where(MASK, ADDED, 0), 0),
}
QUESTIONS: dict[str, tuple[dict[str, Array], dict[str, Any], dict[str, Array]]] = {
    "sent": ({"mask": MASK}, {}, SENT),
    "padding": ({"key_padding_mask": PADDING}, {}, PADDED),
    "causal": ({}, {"causal": True}, BEFORE),
    "padding and causal": ({"key_padding_mask": PADDING}, {"causal": True}, BOTH),
    "finite numbers": ({"mask": BIASES}, {}, FINITE),
    "numbers": ({"mask": ADDED}, {}, INFINITE),
}
CASES = [(question, code) for question, (*_, expected) in QUESTIONS.items() for code in expected]


@pytest.mark.parametrize(("question", "code"), CASES)
def test_mistaken_masks(question: str, code: str) -> None:
    masks, settings, expected = QUESTIONS[question]
    inputs = {**SINGLE, **masks}
    mistaken = compute(code, "self_attention", inputs, ["weights", "output"], **settings).values
    assert mistaken["weights"] == pytest.approx(expected[code])
    assert mistaken["output"] == pytest.approx(expected[code] @ V)
    right = compute(None, "self_attention", inputs, ["weights"], **settings).values["weights"]
    assert not np.allclose(mistaken["weights"], right, rtol=0.01)


@pytest.mark.parametrize("code", SENT)
def test_mistaken_masks_in_a_program(code: str) -> None:
    inputs = {**SINGLE, "allowed": MASK}
    program = ("y = self_attention(x, w_q, w_k, w_v, mask=allowed)",)
    mistaken = compute(code, "graph", inputs, ["y"], program=program).values["y"]
    assert mistaken == pytest.approx(SENT[code] @ V)


def test_the_gradient_of_weights_that_were_masked_after_the_softmax() -> None:
    upstream = RNG.normal(size=V.shape)
    mistaken = compute(
        "attention.mask_after_softmax", "self_attention", {**SINGLE, "mask": MASK}, ["weights"],
        gradients=["w_q"], upstream={"output": upstream},
    )  # fmt: skip
    to_scores = softmax_gradient(softmax(SCALED), upstream @ V.T * MASK) / np.sqrt(D_K)
    assert mistaken.gradients["w_q"] == pytest.approx(SINGLE["x"].T @ to_scores @ K)


@pytest.mark.parametrize("alignment", ["upper_left", "lower_right"])
def test_the_causal_mask_is_moved_from_its_alignment(alignment: str) -> None:
    query, key = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 3))
    ahead = 2 if alignment == "lower_right" else 0
    weights = compute(
        "attention.causal_one_ahead", "attention", {"query": query, "key": key, "value": key}, ["weights"],
        causal=True, causal_alignment=alignment,
    ).values["weights"]  # fmt: skip
    allowed = np.arange(4) <= np.arange(2)[:, None] + ahead + 1
    assert weights == pytest.approx(softmax(fill(query @ key.T / np.sqrt(3), allowed)))


def test_a_window_keeps_the_keys_that_exist() -> None:
    inputs = {**SINGLE, "key_padding_mask": PADDING}
    weights = compute("attention.mask_ignored", "self_attention", inputs, ["weights"], window=1).values[
        "weights"
    ]
    band = softmax(fill(SCALED, abs(COLUMNS - ROWS) <= 1))
    assert weights == pytest.approx(
        np.array([[0, *band[0, :2]], band[1], [*band[2, 1:], 0]])
    )  # entry j of query i is for key i - 1 + j


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("attention.mask_ignored", {"window": 1}),
        ("attention.padding_ignored", {"causal": True}),
        ("attention.causal_one_ahead", {"causal": True, "window": 1}),
        ("attention.mask_sign", {"causal": True}),
    ],
)
def test_a_mistake_without_its_mask_replaces_nothing(code: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="replaces no step"):
        compute(code, "self_attention", SINGLE, ["output"], **settings)
