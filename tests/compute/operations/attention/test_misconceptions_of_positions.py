"""Known mistakes in encodings of positions, against plain NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.compute.mistakes import compute

LENGTH, WIDTH = 5, 6
POSITIONS = np.arange(LENGTH)[:, None]
FREQUENCIES = 10000.0 ** (-2 * np.arange(WIDTH // 2) / WIDTH)


def turns(angles: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return sines and cosines in turn."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(LENGTH, WIDTH)


COLUMN_ANGLES = POSITIONS * 10000.0 ** (-2 * np.arange(WIDTH) / WIDTH)
ENCODINGS = {
    "positions.frequency_inverted": turns(POSITIONS / FREQUENCIES),
    "positions.base_1000": turns(POSITIONS * 1000.0 ** (-2 * np.arange(WIDTH // 2) / WIDTH)),
    "positions.counted_from_one": turns((POSITIONS + 1) * FREQUENCIES),
    "positions.halves_instead_of_turns": np.concatenate(
        [np.sin(POSITIONS * FREQUENCIES), np.cos(POSITIONS * FREQUENCIES)], axis=-1
    ),
    "positions.sine_and_cosine_swapped": turns(POSITIONS * FREQUENCIES)[:, [1, 0, 3, 2, 5, 4]],
    "positions.exponent_by_column": np.where(
        np.arange(WIDTH) % 2 == 0, np.sin(COLUMN_ANGLES), np.cos(COLUMN_ANGLES)
    ),
}


@pytest.mark.parametrize("code", ENCODINGS)
def test_mistaken_encodings(code: str) -> None:
    mistaken = compute(
        code, "positional_encoding", {}, ["output"], kind="sinusoidal", length=LENGTH, dimension=WIDTH
    ).values["output"]
    assert mistaken == pytest.approx(ENCODINGS[code], abs=1e-9)
    assert not np.allclose(mistaken, turns(POSITIONS * FREQUENCIES), atol=0.01)


@pytest.mark.parametrize(("code", "power"), [("positions.left_out", 0), ("positions.multiplied", 1)])
def test_positions_that_do_not_meet_their_tokens(code: str, power: int) -> None:
    generator = np.random.default_rng(2)
    x, encoding, w = (generator.normal(size=shape) for shape in ((3, 4), (3, 4), (4, 4)))
    inputs = {"x": x, "positional_encoding": encoding, "w_q": w, "w_k": w}
    mistaken = compute(code, "self_attention", inputs, ["query"]).values["query"]
    assert mistaken == pytest.approx(x * encoding**power @ w)
    assert not np.allclose(mistaken, (x + encoding) @ w, rtol=0.01)
