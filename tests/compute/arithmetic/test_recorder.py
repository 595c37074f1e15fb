"""What is noted once and followed on other numbers gives what arrays do, primitive by primitive."""

import math
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.recorder import NotRecorded, Recorder
from compute.graph.primitive import REGISTRY
from compute.operations import CATALOGUE
from tests.compute.arithmetic.through import through
from tests.compute.primitives.cases import CASES
from tests.compute.primitives.drawing import Case, booleans, normal

assert CATALOGUE  # it declares all primitives
MORE = {"masked_fill": [Case([normal(), booleans()])]}
CHOSEN = [(name, case) for name in REGISTRY for case in (CASES.get(name) or MORE.get(name, []))]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e308, -1e308, 800.0, math.inf, -math.inf, math.nan]
ENTRYWISE = ["add", "multiply", "divide", "power", "sigmoid", "tanh", "leaky_relu", "absolute", "norm_root"]


def followed(recorder: Any, noted: list[Any], numbers: list[Any], wanted: list[Any]) -> list[Any]:
    """The wanted arrays, with numbers in the place of what was noted."""
    worth = list(recorder.start)
    for array, given in zip(noted, numbers, strict=True):
        for place, number in zip(array.ravel().tolist(), np.ravel(given), strict=True):
            worth[place.place] = np.float64(number)
    for function, takes, out in recorder.lines:
        worth[out] = function(*(worth[one] for one in takes))
    return [
        None if one is None else np.array([worth[at.place] for at in one.ravel().tolist()]).reshape(one.shape)
        for one in wanted
    ]


def both(name: str, attributes: dict[str, Any], operands: list[Any], upstream: Any) -> list[list[Any]]:
    recorder: Any = Recorder()
    noted = [recorder.input(np.shape(one)) for one in (*operands, upstream)]
    with np.errstate(all="ignore"):
        result, gradients = through(
            FLOAT64, name, attributes, [np.asarray(one) for one in operands], upstream
        )
        try:
            ours, our_gradients = through(recorder, name, attributes, noted[:-1], noted[-1])
        except (TypeError, ValueError, AttributeError):
            raise NotRecorded from None
        return [
            [result, *gradients],
            followed(recorder, noted, [*operands, upstream], [ours, *our_gradients]),
        ]


def agree(one: Any, other: Any) -> None:
    assert (one is None) == (other is None)
    if one is not None:
        np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-13)


def test_most_primitives_can_be_noted() -> None:
    refused = set()
    for name, case in CHOSEN:
        rng = np.random.default_rng(8)
        operands = [operand(rng) for operand in case.operands]
        shape = np.shape(REGISTRY[name].forward(FLOAT64, *operands, **case.attributes))
        try:
            for one, other in zip(
                *both(name, case.attributes, operands, rng.normal(size=shape)), strict=True
            ):
                agree(one, other)
        except NotRecorded:
            refused.add(name)
    noted = {name for name, _ in CHOSEN} - refused
    assert {*ENTRYWISE, "matmul", "softmax", "masked_fill", "transpose", "entropy_term"} <= noted


@pytest.mark.parametrize(("name", "case"), [one for one in CHOSEN if one[0] in ENTRYWISE])
def test_zeros_and_what_is_not_finite(name: str, case: Case) -> None:
    for first in SPECIAL:
        for second in SPECIAL if len(case.operands) > 1 else (0.0,):
            operands: list[Any] = [np.array(first), np.array(second)][: len(case.operands)]
            for one, other in zip(*both(name, case.attributes, operands, np.array(0.7)), strict=True):
                agree(one, other)


def test_nothing_can_be_asked_of_what_is_noted() -> None:
    recorder: Any = Recorder()
    noted = recorder.input((2,))
    for ask in (lambda: noted[0] > 0, lambda: bool(noted[0]), lambda: noted[0] + 1, lambda: float(noted[0])):
        with pytest.raises(NotRecorded):
            ask()
    with pytest.raises(NotRecorded):
        recorder.argmax(noted, 0)
