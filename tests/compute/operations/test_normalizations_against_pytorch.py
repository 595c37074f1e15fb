"""Normalizations, forward and backward, against PyTorch's recorded answers in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oracles
from tests.compute.asking import answer
from tests.oracles.cases import Array
from tests.oracles.normalizations import COUNTS, DIFFERENTIATED, UPDATED, normalization

RECORDED: dict[str, Array] = dict(np.load(Path(oracles.__file__).with_name("normalizations.npz")))
ENDS = np.cumsum(RECORDED["lengths"])
PLACES = [(kind, seed) for kind, count in COUNTS.items() for seed in range(count)]


def weights(shape: tuple[int, ...]) -> Array:
    return (np.arange(int(np.prod(shape))) % 7 - 3.0).reshape(shape)


def test_the_cases_are_those_that_were_recorded() -> None:
    drawn = [sum(float(one.sum()) for one in normalization(kind, 0).inputs.values()) for kind in COUNTS]
    np.testing.assert_allclose(drawn, RECORDED["drawn"], rtol=1e-12)
    assert len(PLACES) == len(ENDS) >= 200


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("index", range(len(PLACES)), ids=lambda index: "-".join(map(str, PLACES[index])))
def test_output_gradients_and_running_statistics(index: int, arithmetic: str) -> None:
    """With every step named, and with none, where rows are normalized in one."""
    posed = normalization(*PLACES[index])
    expected = RECORDED["numbers"][ENDS[index] - RECORDED["lengths"][index] : ENDS[index]]
    differentiated = [name for name in DIFFERENTIATED if name in posed.inputs]
    updated = posed.attributes.get("training", True) and "running_mean" in posed.inputs
    names = ["output", *(UPDATED if updated else ())]
    for select in (["*", "output", *differentiated], [*names, *differentiated]):
        asked: dict[str, Any] = {"select": select, "arithmetic": arithmetic}
        upstream = {"output": weights(posed.inputs["x"].shape)}
        found = answer(posed.operation, posed.inputs, posed.attributes, upstream=upstream, **asked)
        parts = [found.values["output"], *(found.gradients[one] for one in differentiated)]
        parts += [found.values[name] for name in names[1:]]
        assert {one.dtype.name for one in parts} == {arithmetic}
        start = 0
        for part in parts:
            reference = expected[start : start + part.size]
            start += part.size
            if arithmetic == "float64":
                assert np.abs(part.ravel() - reference).max() <= 1e-11 * max(1.0, np.abs(reference).max())
            elif posed.attributes.get("epsilon", 1e-5) > 1e-6:
                assert np.abs(part.ravel() - reference).max() <= 2e-3 * max(1.0, np.abs(reference).max())
        assert start == expected.size
