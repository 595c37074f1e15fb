"""Recurrent layers, forward and backward, against PyTorch's recorded answers in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oracles
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array
from tests.oracles.recurrent import COUNT, KINDS, differentiated, recurrent, results, upstream

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("recurrent.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
PLACES = [(kind, seed) for kind in KINDS for seed in range(COUNT)]


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in recurrent(kind, 0).inputs.values()) for kind in KINDS]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(PLACES) == len(ENDS)


@pytest.mark.parametrize("index", range(len(PLACES)), ids=lambda index: "-".join(map(str, PLACES[index])))
def test_output_last_states_and_all_gradients(index: int) -> None:
    """Step by step, since all is asked for, and all steps at once, where none is."""
    posed = recurrent(*PLACES[index])
    expected = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
    names, inputs = results(posed), differentiated(posed)
    for select in (["*", *names, *inputs], [*names, *inputs]):
        graph = plan(posed.operation, posed.inputs, posed.attributes, select=select).graph
        shapes: dict[str, Any] = graph.names
        seeds = {name: upstream(shapes[name].shape) for name in names}
        found = answer(posed.operation, posed.inputs, posed.attributes, upstream=seeds, select=select)
        parts = [found.values[name] for name in names] + [found.gradients[name] for name in inputs]
        assert [np.shape(found.gradients[name]) for name in inputs] == [
            posed.inputs[name].shape for name in inputs
        ]
        flat = np.concatenate([np.ravel(part) for part in parts])
        assert flat.shape == expected.shape
        assert np.abs(flat - expected).max() <= 1e-11 * max(1.0, np.abs(expected).max())
