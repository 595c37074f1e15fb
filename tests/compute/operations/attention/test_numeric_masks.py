"""Masks of the numbers 0 and 1: added to scores with a note, or read as booleans."""

from typing import Any

import numpy as np
import pytest

from tests.compute.asking import answer

RNG = np.random.default_rng(95)
INPUTS: dict[str, Any] = {name: RNG.standard_normal((2, 2)) for name in ("query", "key", "value")}
TOKENS: dict[str, Any] = {"x": RNG.standard_normal((2, 2)), "w_q": np.eye(2), "w_k": np.eye(2)}


def codes(found: Any) -> list[tuple[str, str]]:
    return [(note.code, note.at) for note in found.notes]


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "exact"])
@pytest.mark.parametrize("mask", [[[0, 1], [1, 1]], [1, 0], [[1, 1], [1, 1]]])
def test_zeros_and_ones_are_added_with_a_note(mask: Any, arithmetic: str) -> None:
    found = answer("attention", INPUTS | {"mask": mask}, arithmetic=arithmetic)
    assert codes(found) == [("numeric_mask", "mask")]
    difference = found.values["masked_scores"] - found.values["scaled_scores"]
    np.testing.assert_allclose(difference.astype(float), np.broadcast_to(mask, (2, 2)), rtol=1e-5)


@pytest.mark.parametrize("mask", [[[0, 0], [0, 0]], [0, 2], [0.5, 1], [0, -1e9], [1, -np.inf]])
def test_other_numbers_are_added_without_one(mask: Any) -> None:
    assert codes(answer("attention", INPUTS | {"mask": mask})) == []


def test_booleans_take_keys_out_without_one() -> None:
    assert codes(answer("attention", INPUTS | {"mask": np.array([True, False])})) == []


def test_every_mask_that_is_added_has_the_note() -> None:
    found = answer("self_attention", TOKENS | {"mask": [0, 1]}, {"window": 1})
    assert codes(found) == [("numeric_mask", "mask")]
    found = answer("self_attention", TOKENS | {"mask": [0, 1]}, select=["output"])
    assert codes(found) == [("numeric_mask", "mask")]
    lines = ("h = attention(q, k, v, mask=m)",)
    sent = {"q": INPUTS["query"], "k": INPUTS["key"], "v": INPUTS["value"], "m": [0, 1]}
    assert codes(answer("graph", sent, program=lines)) == [("numeric_mask", "m")]


def test_masks_that_mean_booleans_read_numbers_so() -> None:
    boolean = answer("self_attention", TOKENS | {"key_padding_mask": np.array([False, True])})
    numbers = answer("self_attention", TOKENS | {"key_padding_mask": [0, 1]})
    np.testing.assert_array_equal(numbers.values["output"], boolean.values["output"])
    assert codes(numbers) == []
