"""Linear layers, embeddings and losses, forward and backward, against recorded answers of PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oracles
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array
from tests.oracles.losses import COUNTS, differentiated, loss

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("losses.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
PLACES = [(name, seed) for name, count in COUNTS.items() for seed in range(count)]


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in loss(name, 0).inputs.values()) for name in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(PLACES) == len(ENDS)
    assert min(COUNTS.values()) >= 20


@pytest.mark.parametrize("index", range(len(PLACES)), ids=lambda index: "-".join(map(str, PLACES[index])))
def test_output_and_all_gradients(index: int) -> None:
    """By every named step, since all are asked for, and without those that need not be named."""
    posed = loss(*PLACES[index])
    expected = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
    wanted = differentiated(posed)
    for select in (None, ["output", *wanted]):
        prepared = plan(posed.operation, posed.inputs, posed.attributes, select=select)
        sizes: Any = prepared.graph.names["output"].shape
        upstream = (np.arange(int(np.prod(sizes))) % 7 - 3.0).reshape(sizes)
        found = answer(
            posed.operation, posed.inputs, posed.attributes, upstream={"output": upstream}, select=select
        )
        parts = [found.values["output"], *(found.gradients[one] for one in wanted)]
        assert [part.shape for part in parts[1:]] == [posed.inputs[one].shape for one in wanted]
        flat = np.concatenate([np.ravel(part) for part in parts])
        assert flat.shape == expected.shape
        assert np.abs(flat - expected).max() <= 1e-11 * max(1.0, np.abs(expected).max())
