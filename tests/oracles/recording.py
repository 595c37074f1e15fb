"""The file format of recorded answers: one row of numbers, and the length of each question's part."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.cases import Array


def save(file: Path, answers: Sequence[Array], drawn: Array, **more: Any) -> None:
    """Save recorded answers.

    drawn: numbers that depend on all random draws; they reveal if a later NumPy draws differently.
    """
    np.savez_compressed(
        file,
        numbers=np.concatenate(answers),
        lengths=np.array([one.size for one in answers], dtype=np.int32),
        drawn=drawn,
        **more,
    )


def sums(questions: Iterable[Mapping[str, Array]]) -> Array:
    """Return the sum of all inputs of each question."""
    return np.array([sum(float(one.sum()) for one in inputs.values()) for inputs in questions])
