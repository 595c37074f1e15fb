"""Padding masks and dropout masks in all operations that attend."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer, plan
from tests.compute.operations.drawn_layers import agree, attended, close, drawn, refused, said
from tests.oracles.cases import Array
from tests.oracles.textbook_transformers import Settings, attention

RNG = np.random.default_rng(82)
LAYERS = ("self_attention", "cross_attention")


def masks(rng: np.random.Generator, n: int, m: int, heads: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Masks, paddings and dropout masks, each of them perhaps; and the rate."""
    found: dict[str, Array] = {}
    shape = (heads, n, m) if heads > 1 and rng.random() < 0.5 else (n, m)
    form = rng.integers(3)
    if form:
        found["mask"] = rng.random(shape) < 0.7 if form == 1 else rng.standard_normal(shape)
    if rng.random() < 0.7:
        found["key_padding_mask"] = rng.random(m) < 0.4
    if rng.random() < 0.7:
        found["dropout_mask"] = rng.random((heads, n, m) if heads > 1 else (n, m)) < 0.6
    return found, {"dropout_rate": 0.4} if "dropout_mask" in found else {}


@pytest.mark.parametrize("operation", LAYERS)
@pytest.mark.parametrize("seed", range(32))
def test_attention_with_random_masks(seed: int, operation: str) -> None:
    """Against loops over queries and keys; some queries may attend to no key."""
    rng = np.random.default_rng([320, seed])
    n, d = (int(one) for one in rng.integers(1, 5, 2))
    m = n if operation == "self_attention" else int(rng.integers(1, 5))
    how = drawn(rng)
    found, rate = masks(rng, n, m, how.heads)
    how = replace(how, **rate)
    inputs = {"x": rng.standard_normal((n, d)), **attended(rng, d, how, biases=seed % 2 == 0), **found}
    if operation == "cross_attention":
        inputs["context"] = rng.standard_normal((m, d))

    def loops(sent: dict[str, Array]) -> Array:
        mask, padding = sent.get("mask"), sent.get("key_padding_mask")
        return attention(sent["x"], sent.get("context", sent["x"]), sent, how, mask, padding)

    agree(operation, inputs, said(how, operation), loops)


@pytest.mark.parametrize("mask", ["boolean", "added", "none"])
@pytest.mark.parametrize("heads", [1, 2])
def test_padding_of_a_batch_is_that_of_each_sample(heads: int, mask: str) -> None:
    """With a mask for all samples too."""
    x, how = RNG.standard_normal((3, 4, 2)), Settings(heads=heads)
    weights = attended(RNG, 2, how, biases=True)
    padding = np.array([[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]], bool)
    pairs = {"boolean": RNG.random((4, 4)) < 0.7, "added": RNG.standard_normal((4, 4))}.get(mask)
    shared = {} if pairs is None else {"mask": pairs}
    inputs = {"x": x, **weights, "key_padding_mask": padding, **shared}
    found = answer("self_attention", inputs, {"heads": heads}, select=["output", "weights"]).values
    for sample in range(3):
        close(found["output"][sample], attention(x[sample], x[sample], weights, how, pairs, padding[sample]))
        assert not found["weights"][sample][..., padding[sample]].any()


def test_padding_may_be_said_in_numbers_and_says_what_is_true() -> None:
    inputs = {"x": RNG.standard_normal((3, 2)), **attended(RNG, 2, Settings(), biases=False)}
    found = [
        answer("self_attention", inputs | {"key_padding_mask": one}, select=["output"]).values["output"]
        for one in (np.array([True, False, False]), np.array([1.0, 0, 0]))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    prepared = plan("self_attention", inputs | {"key_padding_mask": np.array([True, False, False])})
    assert prepared.conventions["key_padding_mask"] == "true is padding"


def test_keys_before_queries() -> None:
    """Padding and dropout with the other orientation, and tokens as columns."""
    x, how = RNG.standard_normal((4, 2)), Settings(heads=2, dropout_rate=0.5)
    weights, padding = attended(RNG, 2, how, biases=True), np.array([False, True, False, False])
    kept = RNG.random((2, 4, 4)) < 0.5
    expected = attention(x, x, weights | {"dropout_mask": kept}, how, None, padding)
    turned = {name: one.T for name, one in weights.items()}
    for orientation, mask in (("query_key", kept), ("key_query", kept.swapaxes(1, 2))):
        for layout, tensors in (("rows", {"x": x, **weights}), ("columns", {"x": x.T, **turned})):
            sent = {**tensors, "key_padding_mask": padding, "dropout_mask": mask}
            settings = {"heads": 2, "dropout_rate": 0.5, "orientation": orientation, "layout": layout}
            found = answer("self_attention", sent, settings, select=["output"]).values["output"]
            close(found if layout == "rows" else found.T, expected)


@pytest.mark.parametrize(
    ("more", "attributes", "field", "words"),
    [
        ({"key_padding_mask": np.zeros(4, bool)}, {}, "key_padding_mask", "n is 4 here and 3 elsewhere"),
        ({"dropout_mask": np.ones((3, 3), bool)}, {}, "dropout_rate", "required with a dropout mask"),
        ({}, {"dropout_rate": 0.1}, "dropout_rate", "no use without a dropout mask"),
        ({"dropout_mask": np.ones((3, 2), bool)}, {"dropout_rate": 0.1}, "dropout_mask", "does not fit"),
        ({"dropout_mask": np.ones((2, 3, 3), bool)}, {"dropout_rate": 0.1}, "dropout_mask", "does not fit"),
        ({"mask": np.ones((2, 3), bool)}, {}, "mask", "does not fit the scores"),
        ({"dropout_mask": np.ones(3, bool)}, {"dropout_rate": -0.1}, "dropout_rate", "0"),
    ],
)
def test_refused(more: dict[str, Array], attributes: dict[str, Any], field: str, words: str) -> None:
    inputs = {"x": np.ones((3, 2)), **attended(RNG, 2, Settings(), biases=False)}
    [(path, message, expected, _)] = refused("self_attention", inputs | more, attributes)
    assert path == (field,)
    assert words in message + expected


def test_a_mask_of_weights_is_over_all_pairs_and_stands_as_they_do() -> None:
    """With a window the weights hold a band, and masks are still of all pairs."""
    inputs = {"x": RNG.standard_normal((4, 2)), "context": RNG.standard_normal((3, 2))}
    inputs |= attended(RNG, 2, Settings(), biases=False)
    mask = RNG.random((3, 4)) < 0.5
    settings = {"dropout_rate": 0.5, "orientation": "key_query"}
    prepared = plan("cross_attention", inputs | {"dropout_mask": mask}, settings)
    assert prepared.graph.names["dropout_mask"].axes == ("m", "n")
    [(path, _, expected, _)] = refused(
        "cross_attention", inputs | {"dropout_mask": mask.T}, settings | {"window": 1}
    )
    assert path == ("dropout_mask",)
    assert "key = 3, query = 4" in expected
    found = answer("cross_attention", inputs | {"dropout_mask": mask}, settings | {"window": 1}).values
    assert found["dropped_weights"].shape == (3, 4) == found["weights"].shape
    for query in range(4):
        for offset in range(3):
            key = query - 1 + offset
            kept = 2.0 * mask[key, query] if 0 <= key < 3 else 0
            assert found["dropped_weights"][offset, query] == found["weights"][offset, query] * kept
