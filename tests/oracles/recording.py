"""How the answers of a reference are kept: as one row of numbers, and how many of these each question has."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.cases import Array


def save(file: Path, answers: Sequence[Array], drawn: Array, **more: Any) -> None:
    """drawn: numbers that depend on all that is random. Should a later NumPy draw others, they show it."""
    np.savez_compressed(
        file,
        numbers=np.concatenate(answers),
        lengths=np.array([one.size for one in answers], dtype=np.int32),
        drawn=drawn,
        **more,
    )


def sums(questions: Iterable[Mapping[str, Array]]) -> Array:
    """For each question the sum of all its inputs."""
    return np.array([sum(float(one.sum()) for one in inputs.values()) for inputs in questions])
