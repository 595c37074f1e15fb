"""Scalar programs: small losses on single numbers agree with arrays."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.scalars import Scalars
from compute.optimizers.run import objective
from compute.optimizers.run.objective import ProgramObjective

PROGRAMS: list[tuple[list[str], dict[str, Any], dict[str, Any]]] = [
    (["f = (x**2 + 10*y**2)/2 + x*y"], {"x": 1.5, "y": -1.0}, {}),
    (["f = exp(-x) / (1 + y**2) + log(abs(x) + 2)"], {"x": 0.3, "y": -2.0}, {}),
    (["f = relu(x) * sigmoid(y) - tanh(x * y)"], {"x": -0.3, "y": 2.0}, {}),
    (["f = sum(c * v**2) / 2"], {"v": [1.0, -2.0]}, {"c": [1.0, 10.0]}),
    (["p = softmax(a @ w, axis=0)", "f = -log(p[0, 0])"], {"w": [[0.1], [0.4]]}, {"a": [[1.0, 2], [3, 4]]}),
    (["f = x**3 + x**(1/2)", "g = y * 2"], {"x": 4.0, "y": 1.0}, {}),
]  # fmt: skip


def numbers(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(one, dtype=np.float64) for name, one in tensors.items()}


@pytest.mark.parametrize(("program", "start", "data"), PROGRAMS, ids=str)
def test_scalar_programs_and_arrays_agree(
    program: list[str], start: dict[str, Any], data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    scalar = ProgramObjective(tuple(program), "f", numbers(start), numbers(data), FLOAT64)
    monkeypatch.setattr(objective, "MAX_SCALAR_WORK", -1)
    arrays = ProgramObjective(tuple(program), "f", numbers(start), numbers(data), FLOAT64)
    assert scalar._full_plan._scalar_program is not None and arrays._full_plan._scalar_program is None
    for factor in (1.0, 0.5, 2.0):
        point = {name: one * factor for name, one in scalar.start.items()}
        ours, theirs = (
            scalar.at(point, 1),
            arrays.at({name: np.asarray(one) for name, one in point.items()}, 1),
        )
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-14)
        assert scalar.loss(point) == pytest.approx(theirs.loss, rel=1e-14)
        for name, one in theirs.gradient.items():
            np.testing.assert_allclose(ours.gradient[name], one, rtol=1e-13, atol=1e-15)
            assert np.shape(ours.gradient[name]) == np.shape(start[name])


def test_scalar_programs_return_numpy_scalars() -> None:
    found = ProgramObjective(("f = x * y",), "f", numbers({"x": 2}), numbers({"y": 3}), FLOAT64)
    assert isinstance(found.arithmetic, Scalars)
    assert isinstance(found.at(found.start, 1).gradient["x"], np.float64)


def test_operations_that_depend_on_numbers_run_on_arrays() -> None:
    program = ("m = max_pool1d(v, size=2, stride=1)", "f = sum(m)")
    found = ProgramObjective(program, "f", numbers({"v": [1, 3, 2]}), {}, FLOAT64)
    assert found._full_plan._scalar_program is None
    assert found.at(found.start, 1).gradient["v"].tolist() == [0, 2, 0]
