"""Masks of pairs and of padding, together and with heads, and errors for one that does not fit."""

from typing import Any

import numpy as np
import pytest

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(811)
X = RNG.standard_normal((4, 6))
WEIGHTS = {f"w_{name}": RNG.standard_normal((6, 6)) for name in "qkvo"}
LAYER = {
    **{f"attention.{name}": weight for name, weight in WEIGHTS.items()},
    "feed_forward.w_1": np.eye(6),
    "feed_forward.w_2": np.eye(6),
    "attention_norm.gain": np.ones(6),
    "feed_forward_norm.gain": np.ones(6),
}
PAIRS = RNG.random((4, 4)) < 0.7
PAIRS[0] = PAIRS[:, 0] = True  # so that none is left with nothing
ADDED = RNG.standard_normal((4, 4))
PADDING = np.array([False, True, False, False])
MASKS: dict[str, Any] = {
    "pairs": PAIRS, "keys": PAIRS[2], "everything": np.array(True), "added": ADDED,
    "one number": np.array(0.5),
    "by head": np.stack([PAIRS, PAIRS.T, PAIRS]),
}  # fmt: skip


def weights_by_hand(heads: int, mask: Any, causal: bool) -> Any:
    found = []
    for head in range(heads):
        own = slice(head * 6 // heads, (head + 1) * 6 // heads)
        scores = (X @ WEIGHTS["w_q"][:, own]) @ (X @ WEIGHTS["w_k"][:, own]).T / np.sqrt(6 // heads)
        one = mask[head] if mask.ndim == 3 else np.broadcast_to(mask, (4, 4))
        scores = np.where(one, scores, -np.inf) if mask.dtype == bool else scores + one
        scores[:, PADDING] = -np.inf
        if causal:
            scores[np.triu_indices(4, 1)] = -np.inf
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        found.append(powers / powers.sum(axis=1, keepdims=True))
    return np.array(found)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("name", MASKS)
def test_a_mask_and_padding(name: str, heads: int, causal: bool) -> None:
    mask = MASKS[name]
    if mask.ndim > 2 and heads == 1:
        mask = mask[0]
    sent = {"x": X, **LAYER, "mask": mask, "key_padding_mask": PADDING}
    found = answer("encoder_layer", sent, {"heads": heads, "causal": causal}).values["attention.weights"]
    expected = weights_by_hand(heads, mask, causal)
    np.testing.assert_allclose(found, expected if heads > 1 else expected[0], rtol=1e-12, atol=1e-15)


def test_what_came_is_said_of_padding_that_does_not_fit() -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("encoder_layer", {"x": X, **LAYER, "key_padding_mask": PADDING[None]})
    [error] = caught.value.errors
    assert (error.path, error.received) == (("key_padding_mask",), "shape (1, 4)")


def test_masks_of_programs_need_no_names() -> None:
    """One that is made on the spot, of nothing that has a name."""
    line = "h = self_attention(x, w, w, mask=full_mask(shape=(2, 9)))"
    with pytest.raises(QuestionErrors) as caught:
        answer("graph", {"x": X, "w": WEIGHTS["w_q"]}, program=(line,))
    [error] = caught.value.errors
    assert (error.path, error.received) == (("program", 0), "shape (2, 9)")
