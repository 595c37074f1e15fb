"""Numbers that round at random: how far they spread, and what they leave as it is."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Arithmetic
from compute.arithmetic.perturbed import EXACT, make_perturbed, rounding_unit

CHANGE = 2.0**-30
A = np.array([[0.5, -2.0, 3.0], [1e-300, 7.0, 1e200]])
TINY = np.array([1e-200, 3e-180])


def drawn(kind: str | None = None) -> Any:
    return make_perturbed(FLOAT64, CHANGE, np.random.default_rng(5), kind)


ONE_OPERAND = ["exp", "sin", "cos", "tanh", "erf", "sigmoid", "softplus", "expm1"]


@pytest.mark.parametrize("name", [*ONE_OPERAND, "add", "subtract", "multiply", "divide"])
def test_each_result_is_changed_by_a_part_of_itself(name: str) -> None:
    x = np.linspace(-3, 3, 1001) + 0.001
    operands = (x,) if name in ONE_OPERAND else (x, np.full(x.shape, 0.7))
    plain = getattr(FLOAT64, name)(*operands)
    parts = (getattr(drawn(), name)(*operands) - plain) / plain / CHANGE
    assert (np.abs(parts) > 0.499).all() and (np.abs(parts) < 1.001).all()
    assert 400 < np.sum(parts > 0) < 600


def test_what_only_moves_or_chooses_entries_is_exact() -> None:
    xp = drawn()
    np.testing.assert_array_equal(xp.maximum(A, 1.0), np.maximum(A, 1.0))
    np.testing.assert_array_equal(xp.negative(A), -A)
    np.testing.assert_array_equal(xp.whole(np.array([1, 2])), [1.0, 2.0])
    np.testing.assert_array_equal(xp.max_shift(A, -1), FLOAT64.max_shift(A, -1))
    assert xp.constant(parse("1/3"), {}) == 1 / 3
    assert xp.equal(A, A).all()


def test_every_function_is_exact_or_rounds() -> None:
    """One that a namespace comes to have rounds, unless it is listed."""
    functions = {name for name in vars(Arithmetic) if callable(getattr(FLOAT64, name, None))}
    functions = {name for name in functions if not name.startswith("_")}
    assert functions >= EXACT
    xp = drawn()
    for name in functions:
        assert (name in vars(xp)) == (name not in EXACT or name in vars(FLOAT64)), name
        if name in EXACT:
            assert getattr(xp, name) == getattr(FLOAT64, name) or name not in vars(FLOAT64), name


def test_sums_round_as_their_largest_terms_do() -> None:
    x, xp = np.array([1.0, 1e10, -1e10]), drawn()
    for sums in (
        [float(xp.sum(x, -1)[0]) for _ in range(8)],
        [float(xp.matmul(x[None], np.ones((3, 1)))[0, 0]) for _ in range(8)],
    ):
        assert 1 < max(sums) - min(sums) < 100


def test_what_vanishes_may_be_something() -> None:
    assert (drawn().multiply(TINY, TINY) == 0).all()
    assert (drawn("float64").multiply(TINY, TINY) != 0).all()
    assert (drawn("float64").multiply(TINY, np.zeros(2)) == 0).all()
    assert drawn("float64").exp(np.array(-1000.0)) != 0
    assert drawn("float64").exp(np.array(-np.inf)) == 0
    assert drawn("float64").matmul(TINY[None], TINY[:, None])[0, 0] != 0
    assert drawn("float64").matmul(TINY[None], np.zeros((2, 1)))[0, 0] == 0
    single = drawn("float32").multiply(np.array(1e-25), np.array(1e-20))  # below the smallest float32
    assert abs(single - 1e-45) > 1e-46


def test_the_namespace_that_it_was_made_of_is_as_before() -> None:
    before = dict(vars(FLOAT64))
    drawn()
    assert vars(FLOAT64) == before
    assert (drawn().add(A, A) == drawn().add(A, A)).all()  # the same drawing each time


def test_the_unit_goes_by_the_dtype() -> None:
    assert rounding_unit("float64") == 2 * 2.0**-52
    assert rounding_unit("float32") == 2 * 2.0**-23
