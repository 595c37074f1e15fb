"""Attention, forward and backward, against PyTorch's recorded answers in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oracles
from tests.compute.asking import answer
from tests.oracles.cases import COUNTS, Array, case

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("attention.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
PLACES = [(kind, seed) for kind, count in COUNTS.items() for seed in range(count)]


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in case(kind, 0).inputs.values()) for kind in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(PLACES) == len(ENDS)


@pytest.mark.parametrize("index", range(len(PLACES)), ids=lambda index: "-".join(map(str, PLACES[index])))
def test_output_and_all_gradients(index: int) -> None:
    posed = case(*PLACES[index])
    expected = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
    found = answer(posed.operation, posed.inputs, posed.attributes, upstream={"output": posed.upstream})
    parts: list[Any] = [found.values["output"], *(found.gradients[one] for one in posed.differentiated)]
    assert [np.shape(part) for part in parts[1:]] == [posed.inputs[one].shape for one in posed.differentiated]
    flat = np.concatenate([np.ravel(part) for part in parts])
    assert flat.shape == expected.shape
    assert np.abs(flat - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
