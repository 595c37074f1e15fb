"""The corpus: every family's worksheets, answered by every kind of student; the same on every run."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.grading_corpus import attention, layers, norms, optimizers, recurrent
from benchmarks.grading_corpus.cases import Case
from benchmarks.grading_corpus.sheets import Sheet
from benchmarks.grading_corpus.students import KINDS

GENERATORS: tuple[Callable[[np.random.Generator], Iterator[Sheet]], ...] = (
    attention.sheets,
    recurrent.sheets,
    optimizers.sheets,
    norms.sheets,
    layers.sheets,
)
SEEDS = 1


def sheets(seeds: int = SEEDS, first: int = 0) -> Iterator[Sheet]:
    """Yield every worksheet. seeds: how often, with other numbers; first: the first seed."""
    for place, generator in enumerate(GENERATORS):
        for seed in range(first, first + seeds):
            yield from generator(np.random.default_rng([place, seed]))


def cases(seeds: int = SEEDS, first: int = 0) -> Iterator[Case]:
    """Yield every case."""
    for place, sheet in enumerate(sheets(seeds, first)):
        for number, students in enumerate(KINDS.values()):
            yield from students(np.random.default_rng([place, number, first]), sheet)
