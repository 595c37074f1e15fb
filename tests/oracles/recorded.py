"""Recorded answers of a reference, and assertions that name the question and tensor that differ."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracles.cases import Array, Case

BLOCK = 20  # questions in one test
SHOWN = 5  # differing questions of a block that a failure lists


class Recorded:
    """The recorded answers to questions of one kind, each a row of numbers."""

    def __init__(self, name: str) -> None:
        kept: dict[str, Array] = dict(np.load(Path(__file__).with_name(f"{name}.npz")))
        self.drawn = kept["drawn"]
        self._numbers, self._ends, self._lengths = (
            kept["numbers"], np.cumsum(kept["lengths"]), kept["lengths"],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> Array:
        return self._numbers[self._ends[index] - self._lengths[index] : self._ends[index]]


def blocks(counts: Mapping[Any, int], names: Mapping[Any, str] | None = None) -> list[Any]:
    """Return parameters of a test: BLOCK questions each, as (index, kind, seed).

    names: what the kinds of questions are called in the ids of tests.
    """
    found, index = [], 0
    for kind, count in counts.items():
        for first in range(0, count, BLOCK):
            seeds = range(first, min(first + BLOCK, count))
            block = [(index + place, kind, seed) for place, seed in enumerate(seeds)]
            index += len(block)
            name = kind if names is None else names[kind]
            found.append(pytest.param(block, id=f"{name}-{seeds[0]}..{seeds[-1]}"))
    return found


def check_each(block: Sequence[tuple[int, Any, int]], check: Callable[[int, Any, int], None]) -> None:
    """Check every question of a block, then fail with all that differ."""
    differing = []
    for place in block:
        try:
            check(*place)
        except AssertionError as error:
            differing.append(f"kind {place[1]}, seed {place[2]}: {error}")
        except Exception as error:
            error.add_note(f"asked with kind {place[1]}, seed {place[2]}")
            raise
    shown = "\n\n".join(differing[:SHOWN])
    assert not differing, f"{len(differing)} of {len(block)} questions differ\n{shown}"


def described(question: Case, **selected: Any) -> str:
    """Return a question's operation, settings and shapes in one line."""
    settings = [f"{name}={value!r}" for name, value in (question.attributes | selected).items()]
    shapes = [f"{name} {one.shape}" for name, one in question.inputs.items()]
    return f"{question.operation}({', '.join([*shapes, *settings])})"


def agree(tensors: Mapping[str, Any], row: Array, tolerance: float, question: str) -> None:
    """Compare tensors by name with a recorded row, which is their concatenation.

    tolerance: largest allowed error, relative to the largest entry of the tensor or 1.
    """
    size = sum(np.size(one) for one in tensors.values())
    assert size == row.size, f"{question}: there are {size} numbers where {row.size} were recorded"
    start, wrong = 0, []
    for name, tensor in tensors.items():
        found = np.asarray(tensor)
        expected = row[start : start + found.size].reshape(found.shape)
        start += found.size
        apart, allowed = np.abs(found - expected), tolerance * max(1.0, np.abs(expected).max(initial=0))
        if not (apart <= allowed).all():
            at = np.unravel_index(int(np.where(np.isnan(apart), np.inf, apart).argmax()), found.shape)
            place = [int(one) for one in at]
            wrong.append(
                f"  {name} at {place} is {found[at]}, recorded is {expected[at]}:"
                f" {apart[at]:.3g} apart, allowed are {allowed:.3g}"
            )
    assert not wrong, "\n".join([question, *wrong])
