"""Transformer layers and stacks, forward and backward, against PyTorch's recorded answers in float64.

The weights are handed in by PyTorch's names, so that how state dicts are read is tested too.
"""

from typing import Any

import numpy as np
import pytest

from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import Piece, find_pieces
from tests.compute.asking import answer, plan
from tests.oracles.cases import Array
from tests.oracles.recorded import Recorded, blocks, check_each
from tests.oracles.transformers import COUNTS, Stack, stack

RECORDED = Recorded("transformers")
PLACES = [(name, seed) for name, count in COUNTS.items() for seed in range(count)]


def recorded(index: int, posed: Stack) -> dict[str, Array]:
    """The output, and gradients of data and of the state dict, by name."""
    row = RECORDED[index]
    tokens = posed.data["target" if posed.operation == "transformer" else "x"]
    shapes = {"output": tokens.shape}
    shapes |= {name: posed.data[name].shape for name in posed.differentiated}
    shapes |= {name: one.shape for name, one in posed.state.items()}
    found = {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name], row = row[:size].reshape(shape), row[size:]
    assert not row.size
    return found


def cut(posed: Stack) -> list[Piece]:
    return find_pieces(CATALOGUE[posed.operation], {name: one.shape for name, one in posed.state.items()})


def inputs_of(posed: Stack) -> dict[str, Array]:
    return posed.data | {piece.name: piece.extract(posed.state[piece.source]) for piece in cut(posed)}


def upstream_of(posed: Stack) -> dict[str, Array]:
    shape: Any = posed.data["target" if posed.operation == "transformer" else "x"].shape
    return {"output": (np.arange(int(np.prod(shape))) % 7 - 3.0).reshape(shape)}


def test_the_cases_are_those_that_were_recorded() -> None:
    first = [stack(name, 0) for name in COUNTS]
    drawn = [
        sum(float(one.sum()) for one in (*posed.state.values(), next(iter(posed.data.values()))))
        for posed in first
    ]
    np.testing.assert_allclose(drawn, RECORDED.drawn, rtol=1e-12)
    assert len(PLACES) == len(RECORDED) >= 120


def test_the_cases_have_all_that_they_are_to_tell_apart() -> None:
    posed = [stack(*place) for place in PLACES]
    for name, settings in {
        "norm_placement": {"post", "pre"},
        "activation": {"relu", "gelu", "silu"},
        "causal": {True, False},
        "bias": {True, False, None},
        "heads": {1, 2, 3, 4},
        "epsilon": {None, 1e-6, 1e-3, 0.1},
    }.items():
        for operation in COUNTS:
            said = {one.attributes.get(name) for one in posed if one.operation == operation}
            assert said == settings, (operation, name)
    for operation in COUNTS:
        masks = [one.data for one in posed if one.operation == operation]
        for name in CATALOGUE[operation].masks:
            if name.endswith("dropout_mask"):
                continue
            sent = [one[name] for one in masks if name in one]
            assert any(one.dtype == np.bool_ for one in sent), (operation, name)
            assert name.endswith("padding_mask") or any(one.dtype != np.bool_ for one in sent)


@pytest.mark.parametrize("block", blocks(COUNTS))
def test_output_and_all_gradients(block: Any) -> None:
    """With every step named, and in as few steps as there may be."""
    check_each(block, check)


def check(index: int, operation: str, seed: int) -> None:
    posed = stack(operation, seed)
    expected, inputs, cuts = recorded(index, posed), inputs_of(posed), cut(posed)
    names = ["output", *posed.differentiated, *(piece.name for piece in cuts)]
    for select in (None, names):
        question = f"{operation} {posed.attributes}, {'all' if select is None else 'few'} steps named"
        asked: dict[str, Any] = {"upstream": upstream_of(posed), "select": select}
        found = answer(posed.operation, inputs, posed.attributes, **asked)
        graph = plan(posed.operation, inputs, posed.attributes, **asked).graph
        called = str(graph.names["output"].name)  # by its first name, where no name is said
        agree(found.values["output" if select else called], expected["output"], f"{question}: output")
        for name in posed.differentiated:
            agree(found.gradients[name], expected[name], f"{question}: the gradient of {name}")
        assert {piece.source for piece in cuts} == posed.state.keys()
        for piece in cuts:
            named = f"{question}: the gradient of {piece.name}"
            agree(found.gradients[piece.name], piece.extract(expected[piece.source]), named)


def agree(found: Array, expected: Array, name: str) -> None:
    """Equal but for rounding, against the largest entry."""
    assert found.shape == expected.shape, f"{name} has the shape {found.shape}, and not {expected.shape}"
    apart, allowed = np.abs(found - expected).max(), 1e-11 * max(1.0, np.abs(expected).max())
    assert apart <= allowed, f"{name} is {apart:.3g} apart, allowed are {allowed:.3g}"


@pytest.mark.parametrize("operation", COUNTS)
def test_nothing_is_left_unknown(operation: str) -> None:
    posed = stack(operation, 0)
    prepared = plan(operation, inputs_of(posed), posed.attributes, upstream=upstream_of(posed))
    assert prepared.unknown == [] and not prepared.notes
