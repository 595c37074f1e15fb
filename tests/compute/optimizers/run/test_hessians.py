"""Hessians: by complex step against central differences and SymPy, and in exact numbers."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.errors import QuestionErrors
from compute.optimizers.run.hessians import hessian_of
from compute.optimizers.run.objective import Batches, ProgramObjective, RecordedGradients
from tests.compute.asking import arrays, exact_entries
from tests.compute.optimizers.objectives import EXAMPLES, flat, shaped, slopes


@pytest.mark.parametrize("name", EXAMPLES)
def test_differences_of_gradients(name: str) -> None:
    example = EXAMPLES[name]
    sent = arrays(example.start)
    objective = ProgramObjective(example.program, "f", sent, arrays(example.data), FLOAT64)
    found = hessian_of(objective)(objective.start, 1)

    def gradient(at: Any) -> Any:
        return flat(objective.at({one: objective.arithmetic.whole(each)
                                  for one, each in shaped(at, sent).items()}, 1).gradient)  # fmt: skip

    assert found.dtype == np.float64
    np.testing.assert_allclose(found, slopes(gradient, flat(sent)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found, found.T, rtol=1e-12, atol=1e-13)


SYMBOLIC = {
    "exp_log": "exp(x*y) + log(1 + y**2 + x**4)",
    "sigmoid": "1/(1 + exp(-3*x*y)) + x**2",
    "tanh": "tanh(x - y**2)**2",
    "powers": "(x**2 + y**2)**(3/2) + x**(-2)",
    "roots": "sqrt(1 + x**2) * y**3",
    "waves": "sin(x*y) + cos(x)**2",
}


@pytest.mark.parametrize("name", SYMBOLIC)
def test_sympy_to_the_last_digits(name: str) -> None:
    text = SYMBOLIC[name]
    program = ("f = " + text,)
    point = {"x": 0.7, "y": -1.1}
    objective = ProgramObjective(program, "f", arrays(point), {}, FLOAT64)
    found = hessian_of(objective)(objective.start, 1)
    x, y = sympy.symbols("x y", real=True)
    formula = sympy.sympify(text.replace("3/2", "Rational(3, 2)"), locals={"x": x, "y": y})
    places = {x: sympy.Rational(7, 10), y: sympy.Rational(-11, 10)}
    wanted = np.array(sympy.hessian(formula, (x, y)).subs(places).evalf(30), dtype=float)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


def test_exact_hessians() -> None:
    xp = get_arithmetic(EXACT)
    start = {"v": exact_entries(["1/2", "a"]), "c": exact_entries(3)}
    objective = ProgramObjective(("f = c * sum(v**3) + v[0] * v[1]",), "f", start, {}, xp)
    hessian = hessian_of(objective)
    a = sympy.Symbol("a", real=True)
    wanted = [[9, 1, sympy.Rational(3, 4)], [1, 18 * a, 3 * a**2], [sympy.Rational(3, 4), 3 * a**2, 0]]
    found = hessian(objective.start, 1)
    assert all(sympy.expand(found[i][j] - wanted[i][j]) == 0 for i in range(3) for j in range(3))
    moved = {"v": exact_entries([0, 0]), "c": exact_entries(1)}
    assert hessian(moved, 2).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_exact_hessians_of_several_cases() -> None:
    """Of relu and abs the second derivative is zero where there is one."""
    objective = ProgramObjective(("f = relu(x)**2 + abs(x) * 3",), "f", {"x": exact_entries(2)}, {},
                                 get_arithmetic(EXACT))  # fmt: skip
    hessian = hessian_of(objective)
    assert hessian({"x": exact_entries(2)}, 1).tolist() == [[2]]
    assert hessian({"x": exact_entries(-2)}, 2).tolist() == [[0]]


def test_float32() -> None:
    example = EXAMPLES["network"]
    single = ProgramObjective(example.program, "f", arrays(example.start, "float32"),
                              arrays(example.data, "float32"), FLOAT32)  # fmt: skip
    double = ProgramObjective(example.program, "f", arrays(example.start), arrays(example.data), FLOAT64)
    found = hessian_of(single)(single.start, 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, hessian_of(double)(double.start, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("numbers", ["float64", "exact"])
def test_of_a_batch_it_is_the_batchs(numbers: str) -> None:
    data = {"x": [1, 2, 3, 4]}
    start, sent = arrays({"w": 1}, numbers), arrays(data, numbers)
    batches = Batches(("x",), ((0,), (1, 3)))
    objective = ProgramObjective(
        ("f = sum(x**2) * w**2",), "f", start, sent, get_arithmetic(numbers), batches
    )
    hessian = hessian_of(objective)
    assert [float(hessian(objective.start, step)[0, 0]) for step in (1, 2, 3)] == [2, 40, 2]


def test_given_gradients_have_no_hessian() -> None:
    with pytest.raises(QuestionErrors) as caught:
        hessian_of(RecordedGradients([{"x": np.array(1.0)}], FLOAT64))
    [error] = caught.value.errors
    assert error.path == ("optimizer", "name")
    assert "second derivatives" in error.message
