"""Objectives: losses against NumPy, gradients against central differences, batches against parts of data."""

import itertools
from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.scalars import Scalars
from compute.optimizers.run.objective import Batches, ProgramObjective
from compute.optimizers.run.trace import TraceStep
from tests.compute.asking import arrays
from tests.compute.optimizers.asking import steps_of
from tests.compute.optimizers.objectives import EXAMPLES, Example, flat, shaped, slopes
from tests.compute.optimizers.rules.test_rules import record_of


def loss_of(example: Example, parameters: Any, rows: Any = None) -> float:
    data = {
        name: np.asarray(one)[slice(None) if rows is None else rows] for name, one in example.data.items()
    }
    return example.loss(**parameters, **data)


def gradient_of(example: Example, parameters: dict[str, Any], rows: Any = None) -> Any:
    return slopes(lambda at: loss_of(example, shaped(at, parameters), rows), flat(parameters))


@pytest.mark.parametrize("name", EXAMPLES)
def test_loss_and_gradient_at_every_step(name: str) -> None:
    example = EXAMPLES[name]
    optimizer = {"name": "momentum", "learning_rate": 0.05}
    steps = steps_of(optimizer, example.start, example.program, data=example.data, steps=4)
    for before, step in itertools.pairwise(steps):
        assert float(step.loss or 0) == pytest.approx(loss_of(example, step.parameters), rel=1e-12)
        wanted = gradient_of(example, before.parameters)
        np.testing.assert_allclose(flat(record_of(step).gradient), wanted, rtol=1e-7, atol=1e-8)
    assert float(steps[-1].loss or 0) < float(steps[0].loss or 0)


@pytest.mark.parametrize("name", ["least_squares", "logistic_by_sigmoid", "network"])
def test_batches_give_the_gradient_of_their_rows_and_the_loss_of_all(name: str) -> None:
    example, rows = EXAMPLES[name], ((0, 1), (2, 3, 5), (5, 5, 0))
    batches = Batches(("x", "y"), rows)
    optimizer = {"name": "gradient_descent", "learning_rate": 0.1}
    steps = steps_of(optimizer, example.start, example.program, data=example.data, steps=7, batches=batches)
    for before, step in itertools.pairwise(steps):
        seen = rows[(step.number - 1) % 3]
        assert tuple(record_of(step).rows or ()) == seen
        assert float(step.loss or 0) == pytest.approx(loss_of(example, step.parameters), rel=1e-12)
        batch_loss = float(record_of(step).batch_loss or 0)
        assert batch_loss == pytest.approx(loss_of(example, before.parameters, list(seen)), rel=1e-12)
        wanted = gradient_of(example, before.parameters, list(seen))
        np.testing.assert_allclose(flat(record_of(step).gradient), wanted, rtol=1e-7, atol=1e-8)


def test_a_batch_of_all_rows_changes_nothing() -> None:
    example = EXAMPLES["network"]
    asked: Any = {"data": example.data, "steps": 3}
    batches = Batches(("x", "y"), ((0, 1, 2, 3, 4, 5),))
    plain = steps_of({"name": "adam"}, example.start, example.program, **asked)
    batched = steps_of({"name": "adam"}, example.start, example.program, batches=batches, **asked)
    for one, other in zip(plain, batched, strict=True):
        np.testing.assert_array_equal(flat(one.parameters), flat(other.parameters))
        assert float(one.loss or 0) == float(other.loss or 0)


def test_batches_of_one_input_leave_the_others_whole() -> None:
    program = ("f = mean((x @ w)**2) + sum(c * w)",)
    data = {"x": [[1.0, 2.0], [3.0, 4.0]], "c": [[1.0], [2.0]]}
    steps = steps_of({"name": "gradient_descent"}, {"w": [[1.0], [1.0]]}, program, data=data, steps=2,
                     batches=Batches(("x",), ((1,), (0,))))  # fmt: skip
    np.testing.assert_allclose(record_of(steps[1]).gradient["w"], [[43.0], [58.0]])


def test_boolean_data_and_unused_parameters_of_a_batch() -> None:
    program = ("s = masked_fill(x * w, m)", "f = sum(softmax(s)**2)")
    data = {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], "m": [[True, True, False], [True, False, True]]}
    steps = steps_of({"name": "gradient_descent", "learning_rate": 1}, {"w": [0.1, 0.2, 0.3]}, program,
                     data=data, steps=2, batches=Batches(("x", "m"), ((0,), (1,))))  # fmt: skip
    assert record_of(steps[1]).gradient["w"][2] == 0
    assert record_of(steps[2]).gradient["w"][1] == 0


def test_loss_of_another_line_than_the_last() -> None:
    program = ("f = x**2", "g = x*3", "h = f + g")
    for name, slope in (("f", 4.0), ("g", 3.0), ("h", 7.0), (None, 7.0)):
        steps = steps_of({"name": "gradient_descent"}, {"x": 2.0}, program, loss=name, steps=1)
        assert float(record_of(steps[1]).gradient["x"]) == slope


@pytest.mark.parametrize("numbers", ["float64", "float32", "exact"])
@pytest.mark.parametrize("name", ["gradient_descent", "adam", "rprop", "newton"])
def test_a_parameter_that_the_loss_does_not_depend_on_stays(name: str, numbers: str) -> None:
    program = ("f = x**2", "g = x*y")
    for loss in ("f", "x"):
        *_, last = steps_of(
            {"name": name}, {"x": 2.0, "y": 3.0}, program, loss=loss, steps=1, numbers=numbers
        )
        assert record_of(last).gradient["y"].shape == () and record_of(last).gradient["y"][()] == 0
        if name != "newton":  # whose matrix has no inverse
            assert last.parameters["y"][()] == 3


def test_scalar_programs_agree_with_arrays() -> None:
    example = EXAMPLES["mixed"]
    sent = arrays(example.start)
    single = ProgramObjective(example.program, "f", sent, {}, FLOAT64)
    assert isinstance(single.arithmetic, Scalars)
    pairs = {name: np.stack([one, one]) for name, one in sent.items()}
    vectors = ProgramObjective((*example.program[:-1], "g = " + example.program[-1][4:], "f = sum(g) / 2"),
                               "f", pairs, {}, FLOAT64)  # fmt: skip
    assert vectors.arithmetic is FLOAT64
    one, other = single.at(single.start, 1), vectors.at(vectors.start, 1)
    assert one.loss is not None and other.loss is not None
    assert float(one.loss) == pytest.approx(float(other.loss), rel=1e-14)
    for name in sent:
        assert float(one.gradient[name]) == pytest.approx(2 * float(other.gradient[name][0]), rel=1e-14)


def test_a_single_number_that_is_masked_gets_a_gradient_of_zero() -> None:
    program = ("y = masked_fill(x, m)", "f = exp(y) + x*z")
    for allowed, slope in ((True, np.exp(0.5) + 2), (False, 2.0)):
        steps = steps_of({"name": "gradient_descent"}, {"x": 0.5, "z": 2.0}, program,
                         data={"m": allowed}, steps=1)  # fmt: skip
        assert float(record_of(steps[1]).gradient["x"]) == pytest.approx(slope)


def test_a_parameter_whose_every_way_to_the_loss_is_masked() -> None:
    steps: list[TraceStep] = steps_of({"name": "adam"}, {"x": 0.5}, ("f = exp(masked_fill(x, m))",),
                                 data={"m": False}, steps=2)  # fmt: skip
    assert float(steps[2].parameters["x"]) == 0.5


def test_work_grows_with_the_data() -> None:
    example = EXAMPLES["network"]
    sent, data = arrays(example.start), arrays(example.data)
    small = ProgramObjective(example.program, "f", sent, data, FLOAT64)
    wide = {name: np.concatenate([one] * 5000) for name, one in data.items()}
    large = ProgramObjective(example.program, "f", sent, wide, FLOAT64)
    assert 25 * small.work < large.work < 5000 * small.work
